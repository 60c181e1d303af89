"""Made-up packages and deliveries: they satisfy the contracts, and say that they are made up."""

import json
import stat
from pathlib import Path

import polars as pl
import pytest

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.schema import Contract, check
from data_package.engine.storage import hash_file
from data_package.engine.synthesis import NOTE, MadeUp, made_up_deliveries, made_up_package
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study

_RAW = """\
dialect: {delimiter: ";"}
schema:
  fields:
    - {name: id, type: string, constraints: {pattern: "P[0-9]{3}"}}
    - {name: day, type: date, format: "%d.%m.%Y"}
"""


@pytest.fixture
def trial(study: Make) -> Study:
    """A project without a single delivery."""
    return study(
        {
            "tables.py": """\
                import dagster as dg
                import polars as pl
                from data_package import source_file

                persons_file = source_file("persons_file", "deliveries/persons.csv")
                visits_file = source_file("visits_file", "deliveries/*/visits-*.csv")
                scans_file = source_file("scans_file", "deliveries/scans.sav")
                notes_file = source_file("notes_file", "deliveries/notes.txt")

                @dg.asset(group_name="final")
                def persons(persons_file: pl.LazyFrame) -> pl.LazyFrame:
                    return persons_file

                @dg.asset(group_name="final")
                def visits(visits_file: pl.LazyFrame) -> pl.LazyFrame:
                    return visits_file
                """,
            "persons_file.yaml": _RAW + "  primaryKey: [id]\n",
            "visits_file.yaml": _RAW,
            "scans_file.yaml": _RAW,
            "persons.yaml": "title: Persons\nschema:\n  fields: [{name: id}, "
            "{name: day, type: date, format: any}]\n  primaryKey: [id]\n",
            "visits.yaml": "schema:\n  fields: [{name: id}, {name: day, type: date}]\n"
            "  foreignKeys: [{fields: [id], reference: {resource: persons, fields: [id]}}]\n",
            "datapackage.yaml": "name: trial\ntitle: A trial\nid: doi:10.1/x\n",
        }
    )


def package(trial: Study, seed: int = 3, out: Path | None = None, *, force: bool = False) -> MadeUp:
    return made_up_package(open_project(trial.project)[0], 30, seed, out, force=force)


def test_a_made_up_package_satisfies_its_own_descriptor_and_says_what_it_is(trial: Study) -> None:
    made = package(trial)
    assert made.rows == {"persons": 30, "visits": 30}
    document = json.loads((made.path / "datapackage.json").read_text())
    assert document["title"] == "MADE UP: A trial"
    assert document["name"] == "trial-synthetic"
    assert "no row was read" in document["description"]
    assert "id" not in document
    frames = {
        one["name"]: pl.read_parquet(made.path / one["path"]) for one in document["resources"]
    }
    for one in document["resources"]:
        assert one["title"].startswith("MADE UP")
        assert one["hash"] == f"sha256:{hash_file(made.path / one['path'])}"
        contract = Contract.from_descriptor(one)
        report = check(frames[one["name"]], contract, references=frames)
        assert report.ok, report.render()
    for path in made.path.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077


def test_the_same_seed_makes_the_same_bytes(trial: Study) -> None:
    first = {p.name: p.read_bytes() for p in package(trial).path.rglob("*.*")}
    again = {p.name: p.read_bytes() for p in package(trial).path.rglob("*.*")}
    other = {p.name: p.read_bytes() for p in package(trial, seed=4).path.rglob("*.*")}
    assert first == again
    assert first["persons.parquet"] != other["persons.parquet"]


def test_only_a_made_up_folder_is_replaced(trial: Study, tmp_path: Path) -> None:
    out = tmp_path / "made"
    package(trial, out=out)
    with pytest.raises(ProjectError, match="replace it: --force"):
        package(trial, out=out)
    package(trial, out=out, force=True)
    (out / NOTE).unlink()
    with pytest.raises(ProjectError, match="is not made up, and is never replaced"):
        package(trial, out=out, force=True)


def test_made_up_deliveries_build_the_package(trial: Study) -> None:
    catalogue = open_project(trial.project)[0]
    made = made_up_deliveries(catalogue, 40, 0, trial.root)
    assert made.rows == {"deliveries/1/visits-1.csv": 40, "deliveries/persons.csv": 40}
    assert made.notes == [
        "notes_file is left out: it has no contract.",
        "scans_file is left out: deliveries/scans.sav is neither delimited text nor Parquet.",
    ]
    assert "made up" in (trial.root / NOTE).read_text()
    assert (trial.root / "deliveries/persons.csv").read_text().startswith("id;day\nP")
    for name in ("scans.sav", "notes.txt"):
        (trial.root / "deliveries" / name).touch()
    assert trial.build().ok
    with pytest.raises(ProjectError, match="a file there is never replaced"):
        made_up_deliveries(catalogue, 40, 0, trial.root)


def test_a_contract_that_nothing_satisfies_is_named_and_nothing_is_written(trial: Study) -> None:
    trial.write(
        {
            "visits.yaml": "schema:\n  fields: [{name: id}, {name: day, type: date, "
            "constraints: {exclusiveMinimum: 9999-12-31}}]\n"
        }
    )
    with pytest.raises(BuildError, match="visits: day: no value is within its bounds"):
        package(trial)
    assert not trial.project.places.synthetic.exists()


def test_the_command_prints_what_it_made_up(trial: Study) -> None:
    done = trial.verb("synth", "--rows", "5", "--json")
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    assert (output["made_up"], output["rows"]) == (True, {"persons": 5, "visits": 5})
