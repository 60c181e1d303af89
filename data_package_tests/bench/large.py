"""A project of a team: hundreds of tables in many modules, each with a contract of many fields."""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data_package_tests.bench import Unavailable, same_tables
from data_package_tests.bench.environments import python_of
from data_package_tests.bench.measured import measure

title = "Large projects: 400 tables with 24,000 fields, and 2,000 tables"
long = True

_TABLES, _FIELDS = 400, 60
_SIZES = (100, 400, 2000)
_PER_MODULE = 20
_TIMES = 2
_COMMAND = [sys.executable, "-m", "data_package.engine.cli"]
_FIELD = """\
    - name: v{i}
      type: integer
      title: Answer {i}
      description: What was answered to question {i} of the form.
      constraints: {{required: true, minimum: 0, maximum: 1000}}
"""
_CHOICE = """\
    - name: v{i}
      type: integer
      title: Choice {i}
      description: What was chosen at question {i} of the form.
      categories:
        - {{value: 0, label: No}}
        - {{value: 1, label: "Yes"}}
        - {{value: 2, label: Not known}}
"""


@dataclass(frozen=True)
class Taken:
    """Processor seconds of one project: built from nothing, then looked at twice, and unchanged."""

    cold: float
    status: float
    unchanged: float


def run(quick: bool) -> str:
    """`status` and a build without changes, by fields and by tables."""
    tables, sizes = (20, (10, 20)) if quick else (_TABLES, _SIZES)
    wide = _taken(tables, _FIELDS, quick)
    narrow = _taken(tables, 1, quick)
    lines = [
        f"| {tables} tables | cold build | status | build, no change |",
        "|---|---:|---:|---:|",
        _row(f"{_FIELDS} fields each", wide),
        _row("1 field each", narrow),
        f"\n`status` with {_FIELDS} fields a table takes {wide.status / narrow.status:.2f} × that "
        "with one.\n",
        "| one field each, nothing built | status | each table more |",
        "|---|---:|---:|",
    ]
    before: tuple[int, float] | None = None
    for size in sizes:
        seconds = _status_unbuilt(size, quick)
        more = ""
        if before is not None:
            more = f"{(seconds - before[1]) / (size - before[0]) * 1e3:.1f} ms"
        lines.append(f"| {size:,} tables | {seconds:.2f} | {more} |")
        before = size, seconds
    try:
        peer = _pytask(tables, quick)
        part = f"{wide.unchanged / peer:.2f} × the {peer:.2f} s of pytask with as many tables"
    except Unavailable as error:
        part = f"not set beside pytask: {error}"
    lines.append(
        f"\nProcessor seconds, least of {1 if quick else _TIMES}. A build without changes "
        f"with {_FIELDS} fields a table: {part}."
    )
    return "\n".join(lines)


def project(tables: int, fields: int) -> Mapping[str, str]:
    """The files of a project: every module defines a few tables, and shares some helpers."""
    files = {
        "pyproject.toml": '[tool.data-package]\npackage = "large"\n',
        "dagster.yaml": (Path(__file__).parents[2] / "dagster.yaml").read_text(),
        "large/__init__.py": "",
        "large/datapackage.yaml": "name: large\n",
        "large/definitions.py": (
            "import large\nfrom data_package.engine.definitions import load_definitions\n\n"
            "defs = load_definitions(large)\n"
        ),
    }
    for first in range(0, tables, _PER_MODULE):
        number = first // _PER_MODULE
        # One module in five is published.
        folder = "final" if number % 5 == 4 else "intermediate"
        files[f"large/helpers_{number}.py"] = (
            f"import polars as pl\n\nLIMIT_{number} = {1000 + number}\n\n\n"
            f"def answers(fields: int) -> list[pl.Expr]:\n"
            f'    return [(pl.col("a") * i % LIMIT_{number} % 3).alias(f"v{{i}}")'
            " for i in range(fields)]\n"
        )
        parts = [
            "from pathlib import Path\n\nimport dagster as dg\nimport polars as pl\n\n"
            "from data_package.engine.sources import source_file\n"
            f"from large.helpers_{number} import answers\n"
        ]
        if not number:
            parts.append('\nraw_file = source_file("raw_file", "raw.csv")\n')
        for at in range(first, min(first + _PER_MODULE, tables)):
            taken = f"table_{at // 2}: pl.LazyFrame" if at else "raw_file: Path"
            frame = f"table_{at // 2}" if at else "pl.scan_csv(raw_file)"
            column = '"v0"' if at else '"a"'
            parts.append(
                f"\n\n@dg.asset\ndef table_{at}({taken}) -> pl.LazyFrame:\n"
                f'    """Form {at}, a row per answer."""\n'
                f"    return {frame}.select(a=pl.col({column}) + {at}).select(answers({fields}))\n"
            )
            files[f"large/{folder}/table_{at}.yaml"] = _contract(at, fields)
        files[f"large/{folder}/__init__.py"] = ""
        files[f"large/{folder}/tables_{number}.py"] = "".join(parts)
    return files


def _contract(table: int, fields: int) -> str:
    written = [(_CHOICE if i % 4 == 3 else _FIELD).format(i=i) for i in range(fields)]
    return f"title: Form {table}\nschema:\n  fields:\n{''.join(written)}"


def _taken(tables: int, fields: int, quick: bool) -> Taken:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        _write(project(tables, fields), folder)
        cold = measure([*_COMMAND, "build"], folder).cpu_seconds
        return Taken(cold, _least(["status"], folder, quick), _least(["build"], folder, quick))


def _status_unbuilt(tables: int, quick: bool) -> float:
    """What builds cost by tables, `growth` measures."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        _write(project(tables, 1), folder)
        return _least(["status"], folder, quick)


def _least(words: list[str], folder: Path, quick: bool) -> float:
    command = [*_COMMAND, *words]
    return min(measure(command, folder).cpu_seconds for _ in range(1 if quick else _TIMES))


def _pytask(tables: int, quick: bool) -> float:
    command = [str(python_of("pytask").with_name("pytask"))]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        _write(same_tables.pytask(tables), folder)
        measure(command, folder)
        return min(measure(command, folder).cpu_seconds for _ in range(1 if quick else _TIMES))


def _write(files: Mapping[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    same_tables.write_raw_file(folder)


def _row(name: str, found: Taken) -> str:
    return f"| {name} | {found.cold:.1f} | {found.status:.2f} | {found.unchanged:.2f} |"
