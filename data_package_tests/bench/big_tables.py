"""The same three big tables as each tool's users would write them, streamed by Polars.

A CSV of readings is cleaned, joined with its sites, and summarised; each of the three is kept as a
Parquet file. Where a tool passes frames in memory, its users pass paths: nothing else would fit.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import polars as pl

READINGS = "readings.csv"
SITES = "sites.csv"
_SITES = 1000

_CLEANED = """(
    pl.scan_csv({raw}, try_parse_dates=False)
    .with_columns(
        pl.col("day").str.to_date("%Y-%m-%d"),
        pl.col("arm").str.to_uppercase(),
        pl.when(pl.col("pulse") < 0).then(None).otherwise(pl.col("pulse")).alias("pulse"),
    )
)"""
_JOINED = '{cleaned}.join(pl.scan_csv({sites}), on="site", how="left")'
_SUMMARISED = """(
    {joined}.group_by("region", "arm", "visit")
    .agg(
        pl.len().alias("readings"),
        pl.col("pulse").mean().round(6).alias("pulse"),
        pl.col("systolic").max().alias("systolic"),
        pl.col("weight").min().alias("weight"),
    )
    .sort("region", "arm", "visit")
)"""

_CONTRACTS = {
    "cleaned": {
        "id": "type: integer, constraints: {required: true, minimum: 0}",
        "site": "type: integer, constraints: {required: true, minimum: 0, maximum: 999}",
        "visit": "type: integer, constraints: {required: true, enum: [0, 1, 2, 3, 4, 5, 6, 7]}",
        "arm": "type: string, constraints: {required: true, enum: [A, B, C]}",
        "day": "type: date, constraints: {minimum: 2020-01-01}",
        "pulse": "type: integer, constraints: {minimum: 0, maximum: 300}",
        "systolic": "type: integer",
        "diastolic": "type: integer",
        "weight": "type: number, constraints: {minimum: 0}",
        "height": "type: number",
        "glucose": "type: number",
        "sodium": "type: number",
    },
    "summarised": {
        "region": "type: string, constraints: {required: true}",
        "arm": "type: string, constraints: {required: true}",
        "visit": "type: integer, constraints: {required: true}",
        "readings": "type: integer, constraints: {minimum: 1}",
        "pulse": "type: number",
        "systolic": "type: integer",
        "weight": "type: number",
    },
}


def write_raw_files(folder: Path, rows: int) -> None:
    """Write the readings, twelve columns each, and the sites that they were made at.

    In a process of its own: Polars' threads and memory are not left in the one that measures.
    """
    command = [sys.executable, "-m", "data_package_tests.bench.big_tables", str(folder), str(rows)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])


def _write(folder: Path, rows: int) -> None:
    i = pl.col("id")
    pl.LazyFrame().select(id=pl.int_range(rows)).select(
        "id",
        site=i * 7919 % _SITES,
        visit=i % 8,
        arm=(i % 3).replace_strict([0, 1, 2], ["a", "b", "C"], return_dtype=pl.String),
        day=pl.lit("2020-01-01").str.to_date().dt.offset_by((i * 31 % 900).cast(pl.String) + "d"),
        pulse=i * 13 % 140 - 1,
        systolic=90 + i * 17 % 90,
        diastolic=50 + i * 19 % 60,
        weight=40 + i * 23 % 9000 / 100,
        height=140 + i * 29 % 600 / 10,
        glucose=3 + i * 37 % 1200 / 100,
        sodium=130 + i * 41 % 200 / 10,
    ).sink_csv(folder / READINGS)
    pl.DataFrame({"site": range(_SITES)}).with_columns(
        region="region " + (pl.col("site") % 20).cast(pl.String), opened=2000 + pl.col("site") % 20
    ).write_csv(folder / SITES)


def data_package() -> Mapping[str, str]:
    """Three tables, each with a contract."""
    tables = (
        "from pathlib import Path\n\nimport dagster as dg\nimport polars as pl\n\n"
        "from data_package.engine.sources import source_file\n\n"
        f'readings = source_file("readings", "{READINGS}")\n'
        f'sites = source_file("sites", "{SITES}")\n'
        "\n\n@dg.asset\ndef cleaned(readings: Path) -> pl.LazyFrame:\n"
        f"    return {_CLEANED.format(raw='readings')}\n"
        "\n\n@dg.asset\ndef joined(cleaned: pl.LazyFrame, sites: Path) -> pl.LazyFrame:\n"
        f"    return {_JOINED.format(cleaned='cleaned', sites='sites')}\n"
        "\n\n@dg.asset\ndef summarised(joined: pl.LazyFrame) -> pl.LazyFrame:\n"
        f"    return {_SUMMARISED.format(joined='joined')}\n"
    )
    contracts = dict(_CONTRACTS)
    contracts["joined"] = {
        **contracts["cleaned"],
        "region": "type: string, constraints: {required: true}",
        "opened": "type: integer",
    }
    return {
        "pyproject.toml": '[tool.data-package]\npackage = "big"\n',
        "dagster.yaml": (Path(__file__).parents[2] / "dagster.yaml").read_text(),
        "big/__init__.py": "",
        "big/definitions.py": (
            "import big\nfrom data_package.engine.definitions import load_definitions\n\n"
            "defs = load_definitions(big)\n"
        ),
        "big/tables.py": tables,
        **{f"big/{name}.yaml": _contract(fields) for name, fields in contracts.items()},
    }


def plain() -> Mapping[str, str]:
    """A script."""
    return {"run.py": "import polars as pl\n\n" + "".join(_steps())}


def pytask() -> Mapping[str, str]:
    """Tasks that take and make paths."""
    text = (
        "from pathlib import Path\nfrom typing import Annotated\n\nimport polars as pl\n"
        "from pytask import Product\n"
    )
    inputs = {"cleaned": READINGS, "joined": "cleaned.parquet", "summarised": "joined.parquet"}
    for (name, taken), step in zip(inputs.items(), _steps(), strict=True):
        text += (
            f'\n\ndef task_{name}(taken: Path = Path("{taken}"),\n'
            f'    kept: Annotated[Path, Product] = Path("{name}.parquet")) -> None:\n'
            f"{_indented(step)}"
        )
    return {"task_big.py": text, "pyproject.toml": "[tool.pytask.ini_options]\n"}


def hamilton() -> Mapping[str, str]:
    """Functions that pass paths."""
    text = "import polars as pl\n"
    for (name, taken), step in zip(_TAKEN.items(), _steps(), strict=True):
        text += (
            f'\n\ndef {name}({taken}: str) -> str:\n{_indented(step)}    return "{name}.parquet"\n'
        )
    run = (
        "from hamilton import driver\n\nimport tables\n\n"
        f'driver.Builder().with_modules(tables).with_cache().build().execute(["summarised"], '
        f'inputs={{"raw": "{READINGS}"}})\n'
    )
    return {"tables.py": text, "run.py": run}


def pipefunc() -> Mapping[str, str]:
    """A pipeline that passes paths."""
    text = (
        "from pathlib import Path\n\nimport polars as pl\nfrom pipefunc import Pipeline, pipefunc\n"
    )
    for (name, taken), step in zip(_TAKEN.items(), _steps(), strict=True):
        text += (
            f'\n\n@pipefunc(output_name="{name}")\ndef make_{name}({taken}: str) -> str:\n'
            f'{_indented(step)}    return "{name}.parquet"\n'
        )
    names = ", ".join(f"make_{name}" for name in _TAKEN)
    text += (
        f'\n\nif __name__ == "__main__":\n    Pipeline([{names}]).map({{"raw": "{READINGS}"}}, '
        'run_folder="kept", parallel=False)\n'
    )
    return {"run.py": text}


def dagster() -> Mapping[str, str]:
    """Assets with dagster-polars' own IO manager, whose scan is made to work on Polars 2."""
    run = (
        "import dagster as dg\nimport polars as pl\n"
        "from dagster_polars import PolarsParquetIOManager\n"
        "\n\nclass Tables(PolarsParquetIOManager):\n"
        "    def scan_df_from_path(self, path, context):\n"
        "        return pl.scan_parquet(str(path))\n"
        "\n\n@dg.asset\ndef cleaned() -> pl.LazyFrame:\n"
        f"    return {_CLEANED.format(raw=repr(READINGS))}\n"
        "\n\n@dg.asset\ndef joined(cleaned: pl.LazyFrame) -> pl.LazyFrame:\n"
        f"    return {_JOINED.format(cleaned='cleaned', sites=repr(SITES))}\n"
        "\n\n@dg.asset\ndef summarised(joined: pl.LazyFrame) -> pl.LazyFrame:\n"
        f"    return {_SUMMARISED.format(joined='joined')}\n"
        '\n\nwith dg.DagsterInstance.from_config("history") as instance:\n'
        "    assets = [cleaned, joined, summarised]\n"
        '    resources = {"io_manager": Tables(base_dir="tables")}\n'
        "    assert dg.materialize(assets, resources=resources, instance=instance).success\n"
    )
    return {"run.py": run, "history/dagster.yaml": "telemetry:\n  enabled: false\n"}


_TAKEN = {"cleaned": "raw", "joined": "cleaned", "summarised": "joined"}


def _steps() -> list[str]:
    """The three steps of a script that keeps each table."""
    cleaned = _CLEANED.format(raw=repr(READINGS))
    joined = _JOINED.format(cleaned='pl.scan_parquet("cleaned.parquet")', sites=repr(SITES))
    summarised = _SUMMARISED.format(joined='pl.scan_parquet("joined.parquet")')
    return [
        f'{cleaned}.sink_parquet("cleaned.parquet")\n',
        f'{joined}.sink_parquet("joined.parquet")\n',
        f'{summarised}.sink_parquet("summarised.parquet")\n',
    ]


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _contract(fields: Mapping[str, str]) -> str:
    lines = [f"    - {{name: {name}, {text}}}\n" for name, text in fields.items()]
    return "schema:\n  fields:\n" + "".join(lines)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), int(sys.argv[2]))
