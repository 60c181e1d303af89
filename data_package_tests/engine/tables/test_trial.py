"""Tests of users' own tables, written as any Dagster user writes them, leave the project alone."""

import hashlib
import importlib
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from data_package.engine.tables.trial import KEPT
from data_package_tests.conftest import Make, Study

TABLES = """\
from pathlib import Path

import dagster as dg
import polars as pl
from data_package import source_file

people_file = source_file("people_file", "people.csv")
typed_file = source_file("typed_file", "people.csv", bad="reject")

@dg.asset(group_name="raw")
def raw_people(people_file: Path) -> pl.LazyFrame:
    return pl.scan_csv(people_file)

@dg.asset(group_name="raw")
def typed(typed_file: pl.DataFrame) -> pl.DataFrame:
    return typed_file

@dg.asset(group_name="final")
def people(raw_people: pl.DataFrame) -> pl.DataFrame:
    assert isinstance(raw_people, pl.DataFrame)
    return raw_people

@dg.asset
def sent(people: pl.LazyFrame) -> None:
    assert isinstance(people, pl.LazyFrame)
"""
CONTRACT = "schema: {fields: [{name: age, type: integer, constraints: {maximum: 99}}]}"
FILES = {
    "tables.py": TABLES,
    "typed_file.yaml": "schema: {fields: [{name: age, type: integer}]}",
    "people.yaml": CONTRACT,
    "/people.csv": "age\n20\n30\n",
}


def everything(project: Study) -> dict[str, str]:
    """What the project has, and what of it a trial must not touch."""
    places = [
        project.storage / folder for folder in ("raw", "final", "default", "package", "rejects")
    ]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    files += [path for path in (project.root / "data-package.lock",) if path.exists()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def module(project: Study) -> Any:
    project.forget()
    project.project.make_importable()
    return importlib.import_module(f"{project.package}.tables")


@pytest.fixture
def built(study: Make) -> Study:
    project = study(FILES)
    assert project.build().ok
    project.write({"/people.csv": "age\n40\nx\n50\n60\n".replace("x\n", "")})
    return project


def test_dg_materialize_needs_no_resources_and_touches_nothing(built: Study) -> None:
    before, own = everything(built), module(built)
    result = dg.materialize(
        [own.people_file, own.typed_file, own.raw_people, own.typed, own.people, own.sent]
    )
    assert result.success
    assert result.output_for_node("people")["age"].to_list() == [40, 50, 60]
    assert everything(built) == before


def test_dg_materialize_to_memory_works_where_types_agree(built: Study) -> None:
    before, own = everything(built), module(built)
    result = dg.materialize_to_memory([own.people_file, own.raw_people])
    assert result.output_for_node("raw_people").collect().height == 3
    assert everything(built) == before


def test_a_project_without_a_build_is_left_without_one(study: Make) -> None:
    project = study(FILES)
    own = module(project)
    assert dg.materialize([own.people_file, own.raw_people]).success
    assert not everything(project)


@pytest.mark.parametrize("way", ["job", "resources"])
def test_a_run_of_the_loaded_definitions_in_a_passing_instance_touches_nothing(
    built: Study, way: str
) -> None:
    before, definitions = everything(built), built.definitions()
    if way == "job":
        result = definitions.resolve_implicit_global_asset_job_def().execute_in_process()
        made = Path(str(metadata(result, "data_package")["path"]), "datapackage.json")
    else:
        own = importlib.import_module(f"{built.package}.tables")
        tables = [own.people_file, own.raw_people, own.people]
        result = dg.materialize(tables, resources=definitions.resources)
        made = None
    assert result.success
    assert result.output_for_node("people")["age"].to_list() == [40, 50, 60]
    assert made is None or not made.is_relative_to(built.storage)
    assert everything(built) == before


def test_what_a_trial_does_not_make_is_read_from_the_project(built: Study) -> None:
    before, job = everything(built), built.definitions().resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(asset_selection=[dg.AssetKey("people")])
    assert result.output_for_node("people")["age"].to_list() == [20, 30]
    assert everything(built) == before


def test_a_check_runs_on_the_tables_of_a_trial_build(built: Study) -> None:
    job = built.definitions().resolve_implicit_global_asset_job_def()
    assert job.execute_in_process().success
    built.write({"/people.csv": "age\n140\n"})
    result = job.execute_in_process(raise_on_error=False)
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "contract"]
    assert not check.passed
    built.write({"/people.csv": "age\n20\n30\n"})
    assert not built.build().tables


def test_a_trial_keeps_its_tables_where_it_is_asked_to(built: Study) -> None:
    job = built.definitions().resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(tags={KEPT: "true"}).success
    assert pl.read_parquet(built.storage / "final" / "people.parquet").height == 3


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, object]:
    (made,) = result.asset_materializations_for_node(name)
    return {key: value.value for key, value in made.metadata.items()}
