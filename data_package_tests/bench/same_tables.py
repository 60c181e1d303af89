"""The same tables as each tool's users would write them: a function for each, no loops.

Table 0 reads a CSV of a thousand rows; table i takes the table before it and the one at half its
number, changes a column, and is kept as a Parquet file. The last tables may be a branch of their
own, which begins with another CSV. In a wide project, table i takes those at half and at a third of
its number, so that many do not wait for each other.
"""

import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_package_tests.bench.measured import Measured, measure

RAW = "raw.csv"
BRANCH = "branch.csv"
_ROWS = 1000


@dataclass(frozen=True)
class TableSource:
    """One table: its number, the numbers of those it takes, and the expression that makes it."""

    number: int
    takes: tuple[int, ...]
    raw: str = RAW

    def made_of(self, name: Callable[[int], str], raw: str) -> str:
        """The Polars expression, with the names that the tool gives to tables and raw file."""
        if not self.takes:
            return f"pl.read_csv({raw})"
        newest, others = name(self.takes[0]), self.takes[1:]
        columns = [f'a=pl.col("a") + {self.number}', *(f'b={name(one)}["b"]' for one in others)]
        return f"{newest}.with_columns({', '.join(columns)})"


def tables(count: int, branch: int = 0, *, wide: bool = False) -> list[TableSource]:
    """The first `count` tables, each after those it takes; the last `branch` are a branch."""
    first = count - branch
    trunk = [
        TableSource(
            n, tuple(sorted({n // 3 if wide else n - 1, n // 2}, reverse=True)) if n else ()
        )
        for n in range(first)
    ]
    twig = [TableSource(n, (n - 1,) if n > first else (), BRANCH) for n in range(first, count)]
    return trunk + twig


def write_raw_file(folder: Path, name: str = RAW, seed: int = 11) -> None:
    """A CSV that tables are made of: the same at every call with one seed."""
    numbers = random.Random(seed)
    lines = [
        f"{row},{numbers.randrange(10)},{numbers.random():.6f},{numbers.random():.6f}"
        for row in range(_ROWS)
    ]
    (folder / name).write_text("id,a,b,c\n" + "\n".join(lines) + "\n")


def measured(files: Mapping[str, str], command: Sequence[str]) -> Measured:
    """What a command takes in a new project of these files, which has the raw file as well."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for place, text in files.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        write_raw_file(folder)
        return measure(command, folder)


def data_package(count: int, branch: int = 0, *, wide: bool = False) -> Mapping[str, str]:
    """Our own: assets in one module."""
    parts = [
        "from pathlib import Path\n\nimport dagster as dg\nimport polars as pl\n\n"
        "from data_package.engine.sources import source_file\n\n"
        f'raw_file = source_file("raw_file", "{RAW}")\n'
    ]
    if branch:
        parts.append(f'branch_file = source_file("branch_file", "{BRANCH}")\n')
    for table in tables(count, branch, wide=wide):
        file = f"{table.raw.removesuffix('.csv')}_file"
        taken = ", ".join(f"table_{n}: pl.DataFrame" for n in table.takes) or f"{file}: Path"
        parts.append(
            f"\n\n@dg.asset\ndef table_{table.number}({taken}) -> pl.DataFrame:\n"
            f"    return {table.made_of('table_{}'.format, file)}\n"
        )
    return {
        "pyproject.toml": '[tool.data-package]\npackage = "same_tables"\n',
        "dagster.yaml": (Path(__file__).parents[2] / "dagster.yaml").read_text(),
        "same_tables/__init__.py": "",
        "same_tables/definitions.py": (
            "import same_tables\nfrom data_package.engine.definitions import load_definitions\n\n"
            "defs = load_definitions(same_tables)\n"
        ),
        "same_tables/tables.py": "".join(parts),
    }


def pytask(count: int, branch: int = 0, *, wide: bool = False) -> Mapping[str, str]:
    """Tasks whose dependencies and product are paths."""
    parts = [
        "from pathlib import Path\nfrom typing import Annotated\n\nimport polars as pl\n"
        "from pytask import Product\n\nHERE = Path(__file__).parent\n"
    ]
    for table in tables(count, branch, wide=wide):
        arguments = [f'    path_{n}: Path = HERE / "table_{n}.parquet",\n' for n in table.takes]
        loads = [f"    table_{n} = pl.read_parquet(path_{n})\n" for n in table.takes]
        parts += [
            f"\n\ndef task_table_{table.number}(\n",
            *(arguments or [f'    raw: Path = HERE / "{table.raw}",\n']),
            f'    kept: Annotated[Path, Product] = HERE / "table_{table.number}.parquet",\n',
            ") -> None:\n",
            *loads,
            f"    {table.made_of('table_{}'.format, 'raw')}.write_parquet(kept)\n",
        ]
    return {"task_tables.py": "".join(parts), "pyproject.toml": "[tool.pytask.ini_options]\n"}


def hamilton(count: int, *, wide: bool = False) -> Mapping[str, str]:
    """Functions with a Parquet cache; table 0 is always run, else a changed CSV is not seen."""
    parts = ["import polars as pl\nfrom hamilton.function_modifiers import cache\n"]
    for table in tables(count, wide=wide):
        taken = ", ".join(f"table_{n}: pl.DataFrame" for n in table.takes) or "raw: str"
        parts.append(
            f'\n\n@cache(format="parquet")\ndef table_{table.number}({taken}) -> pl.DataFrame:\n'
            f"    return {table.made_of('table_{}'.format, 'raw')}\n"
        )
    run = (
        "from hamilton import driver\n\nimport tables\n\n"
        'builder = driver.Builder().with_modules(tables).with_cache(recompute=["table_0"])\n'
        f'names = [f"table_{{n}}" for n in range({count})]\n'
        f'builder.build().execute(names, inputs={{"raw": "{RAW}"}})\n'
    )
    return {"tables.py": "".join(parts), "run.py": run}


def pipefunc(count: int) -> Mapping[str, str]:
    """A pipeline mapped into a run folder, which keeps frames as Parquet, and resumed from it."""
    parts = [
        "from pathlib import Path\n\nimport polars as pl\nfrom pipefunc import Pipeline, pipefunc\n"
    ]
    for table in tables(count):
        taken = ", ".join(f"table_{n}: pl.DataFrame" for n in table.takes) or "raw: str"
        parts.append(
            f'\n\n@pipefunc(output_name="table_{table.number}")\n'
            f"def make_{table.number}({taken}) -> pl.DataFrame:\n"
            f"    return {table.made_of('table_{}'.format, 'raw')}\n"
        )
    names = ", ".join(f"make_{n}" for n in range(count))
    parts.append(
        f'\n\npipeline = Pipeline([{names}])\n\nif __name__ == "__main__":\n'
        '    folder = Path("kept")\n'
        f'    pipeline.map({{"raw": "{RAW}"}}, run_folder=folder, parallel=False, '
        "resume=folder.exists())\n"
    )
    return {"run.py": "".join(parts)}


def dagster(count: int) -> Mapping[str, str]:
    """Assets, an IO manager for Parquet, and all of them materialized in one process."""
    parts = [
        "from pathlib import Path\n\nimport dagster as dg\nimport polars as pl\n\n"
        "HERE = Path(__file__).parent\n\n\n"
        "class Tables(dg.ConfigurableIOManager):\n"
        "    def handle_output(self, context, frame):\n"
        '        frame.write_parquet(HERE / f"{context.asset_key.path[-1]}.parquet")\n\n'
        "    def load_input(self, context):\n"
        '        return pl.read_parquet(HERE / f"{context.asset_key.path[-1]}.parquet")\n'
    ]
    for table in tables(count):
        taken = ", ".join(f"table_{n}: pl.DataFrame" for n in table.takes)
        parts.append(
            f"\n\n@dg.asset\ndef table_{table.number}({taken}) -> pl.DataFrame:\n"
            f"    return {table.made_of('table_{}'.format, repr(RAW))}\n"
        )
    names = ", ".join(f"table_{n}" for n in range(count))
    run = (
        "import dagster as dg\n\nimport tables\n\n"
        'with dg.DagsterInstance.from_config("history") as instance:\n'
        "    done = dg.materialize(\n"
        '        tables.ASSETS, resources={"io_manager": tables.Tables()}, instance=instance\n'
        "    )\nassert done.success\n"
    )
    return {
        "tables.py": "".join([*parts, f"\n\nASSETS = [{names}]\n"]),
        "run.py": run,
        "history/dagster.yaml": "telemetry:\n  enabled: false\n",
    }


def plain(count: int, *, wide: bool = False) -> Mapping[str, str]:
    """A script of functions and calls: nothing is ever skipped."""
    functions, calls = ["import polars as pl\n"], ["\n\n"]
    for table in tables(count, wide=wide):
        taken = ", ".join(f"table_{n}" for n in table.takes)
        name = f"table_{table.number}"
        functions.append(
            f"\n\ndef make_{table.number}({taken}):\n"
            f"    return {table.made_of('table_{}'.format, repr(RAW))}\n"
        )
        calls.append(
            f'{name} = make_{table.number}({taken})\n{name}.write_parquet("{name}.parquet")\n'
        )
    return {"run.py": "".join(functions + calls)}
