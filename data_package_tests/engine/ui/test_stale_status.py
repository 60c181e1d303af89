"""The pages show the state of tables as `data-package status` says it, and why."""

import dagster as dg

from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.status import status_of
from data_package.engine.tables.catalogue import catalogue_of
from data_package.engine.ui.stale_status import States
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER

PROJECT = {
    "raw/__init__.py": "",
    "raw/people.py": HEADER
    + """
from data_package import source_file

people_file = source_file("people_file", "people.csv")
years = dg.StaticPartitionsDefinition(["2021", "2022"])

@dg.asset
def people(people_file: Path) -> pl.LazyFrame:
    return pl.scan_csv(people_file)

@dg.asset(partitions_def=years)
def register(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    return pl.LazyFrame({"year": [context.partition_key]})
""",
    "tables.py": HEADER
    + """
def first(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.head(1)

@dg.asset
def elders(people: pl.LazyFrame) -> pl.LazyFrame:
    return first(people)

@dg.asset
def after_elders(elders: pl.LazyFrame) -> pl.LazyFrame:
    return elders
""",
    "/people.csv": "name,age\nanna,20\n",
}
NEWER = "\n\n@dg.asset\ndef newer(people: pl.LazyFrame) -> pl.LazyFrame:\n    return people\n"


def reasons(project: Study) -> dict[str, list[str]]:
    """Why each table, and each partition, is not fresh; as the pages show it now."""
    project.definitions()
    catalogue = catalogue_of(project.project)
    shown = States(project.project).current()
    output = status_of(catalogue, read_lock(project.project)).tables
    stale = {dg.AssetKey.from_user_string(one.name) for one in output if one.by_lock.causes}
    assert {key for (key, part), found in shown.items() if found and part is None} == stale
    return {
        f"{key.to_user_string()}{f'[{part}]' if part else ''}": [
            f"{one.about.to_user_string() if one.about else 'it'} {one.words}" for one in found
        ]
        for (key, part), found in shown.items()
        if found
    }


def test_the_pages_show_what_is_not_fresh_and_why(built_study: Make) -> None:
    project = built_study(PROJECT)
    assert reasons(project) == {}
    tables = PROJECT["tables.py"].replace("head(1)", "head(2)") + NEWER
    project.write({"tables.py": tables})
    (project.storage / "raw" / "register" / "2022.parquet").unlink()
    assert reasons(project) == {
        "elders": ["it helper first changed"],
        "after_elders": ["elders is stale"],
        "newer": ["it never built"],
        "register": ["it its file is missing (2022)"],
        "register[2022]": ["it its file is missing"],
    }


def test_a_changed_raw_file_is_shown_without_a_build(built_study: Make) -> None:
    project = built_study(PROJECT)
    project.write({"/people.csv": "name,age\nbo,7\n"})
    assert reasons(project) == {
        "people": ["people_file has new content"],
        "elders": ["people is stale"],
        "after_elders": ["elders is stale"],
    }


def test_what_cannot_be_compared_is_not_shown_as_fresh(built_study: Make) -> None:
    project = built_study(PROJECT)
    project.definitions()
    (project.root / "people.csv").unlink()
    shown = States(project.project).current()
    tables = {key.to_user_string() for (key, _), found in shown.items() if found}
    assert tables >= {"people", "elders", "after_elders", "register"}
    words = {one.words for found in shown.values() for one in found}
    assert len(words) == 1
    assert "cannot be compared with its inputs: " in words.pop()
