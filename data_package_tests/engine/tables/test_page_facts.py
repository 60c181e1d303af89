"""What Dagster's pages and terminal are given to show: one message, in words, with its lines."""

import json
from traceback import TracebackException

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo

from data_package.engine.lineage import dagster_metadata
from data_package.engine.lineage.tables import lineage_of_tables
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import catalogue_of
from data_package.engine.tables.checks import as_markdown, as_text
from data_package.engine.tables.own_words import OwnWords
from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER, RAW_PEOPLE, execute

PEOPLE = {
    "raw/__init__.py": "",
    "raw/people.py": RAW_PEOPLE,
    "raw/people_file.yaml": "schema:\n  fields:\n    - {name: id, type: string}\n"
    "    - {name: age, type: integer}\n",
    "/people.csv": "id,age\nanna,20\nbo,7\n",
    "tables.py": HEADER
    + """
@dg.asset
def ages(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select("age", name=pl.col("id").cast(pl.Int64))

@dg.asset
def grown_ups(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select("id", years=pl.col("age"))
""",
    "grown_ups.yaml": "schema:\n  fields:\n    - {name: id, type: string}\n"
    "    - {name: years, type: integer, constraints: {maximum: 10}}\n",
}


def test_a_failed_run_says_each_thing_once_and_keeps_the_lines_of_a_report(study: Make) -> None:
    result = execute(study(PEOPLE), ok=False)
    errors = {e.step_key: e.step_failure_data.error for e in result.all_events if e.is_step_failure}
    assert errors.keys() == {"ages", "grown_ups_contract"}
    assert all(error and error.stack == [] and error.cause is None for error in errors.values())
    cast = errors["ages"]
    assert cast is not None
    assert cast.message.startswith("InvalidOperationError: at least 1 value cannot be converted")
    check = errors["grown_ups_contract"]
    assert check is not None
    assert check.message.endswith("failed with ERROR severity:\ngrown_ups: contract\n")
    (end,) = [e for e in result.all_events if e.event_type is dg.DagsterEventType.RUN_FAILURE]
    assert end.job_failure_data.error is None
    assert "'ages'" in str(end.message)
    assert "anna" not in str(errors)
    evaluation = next(e for e in result.get_asset_check_evaluations() if not e.passed)
    assert evaluation.description is not None
    opening, *lines, closing = evaluation.description.splitlines()
    assert (opening, closing) == ("```", "```")
    assert lines[1:] == [
        "  years: above the maximum 10 (maximum), 1 time: row 2",
        "  next: correct the rows where they are made, or the contract if it asks too much",
    ]


@pytest.mark.parametrize("report", ["", "a: 1 row\n  `b`: *c*", "```\nx\n```", "one line"])
def test_what_a_terminal_shows_of_a_report_is_the_report(report: str) -> None:
    assert as_text(as_markdown(report)) == report


@pytest.mark.parametrize("description", ["", "the groups differ", "```", "a\n```\nb\n```"])
def test_another_description_is_left_alone(description: str) -> None:
    assert as_text(description) == description


def test_a_raw_file_is_described_in_words(study: Make) -> None:
    made = study(PEOPLE)
    made.write({"raw/people.py": RAW_PEOPLE.replace('"people.csv"', '"people.csv", bad="null"')})
    specs = made.definitions().resolve_all_asset_specs()
    (file,) = [one for one in specs if one.key == dg.AssetKey("people_file")]
    assert not [key for key in file.metadata if key.startswith("data-package/")]
    assert file.metadata["files"] == "people.csv"
    assert file.metadata["bad cells and rows"] == "bad cells are left empty"
    assert file.description == "As delivered: people.csv."
    places = file.metadata["dagster/code_references"]
    labels = [str(place.label) for place in places.code_references]
    assert labels == ["people.py:8", "people_file.yaml"]


def test_the_pages_say_what_columns_are_made_of(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study(PEOPLE)
    execute(made, ok=False)
    made.definitions()
    catalogue = catalogue_of(made.project)
    lineage_of_tables(catalogue, catalogue.tables.values())
    grown_ups = dg.AssetKey("grown_ups")
    plain = made.definitions().get_assets_def(grown_ups).metadata_by_key[grown_ups]
    assert dagster_metadata.MADE_OF not in plain
    monkeypatch.setattr(dagster_metadata, "shown_in_pages", True)
    shown = made.definitions().get_assets_def(grown_ups).metadata_by_key[grown_ups]
    records = [record.data for record in shown[dagster_metadata.MADE_OF].records]
    assert records == [
        {"column": "id", "made of": "people.id"},
        {"column": "years", "made of": "people.age"},
    ]


def test_of_the_lines_that_an_error_came_through_the_users_stay() -> None:
    internals.keep_errors_value_free()
    try:
        json.loads("{}", object_hook=lambda _: 1 // 0)
    except ZeroDivisionError as error:
        kept = SerializableErrorInfo.from_traceback(TracebackException.from_exception(error))
    assert len(kept.stack) == 2
    assert all("test_page_facts.py" in line for line in kept.stack)


def test_where_no_line_is_the_users_all_stay_to_be_reported() -> None:
    internals.keep_errors_value_free()
    try:
        int("no number")
    except ValueError as error:
        answer = TracebackException.from_exception(error)
        answer.stack[0].filename = str(internals.__file__)
    assert len(SerializableErrorInfo.from_traceback(answer).stack) == 1


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("people", True),
        ("people: contract,few_missing", True),
        ("AssetKey(['people'])", True),
        ("people, anna", False),
        ("people 34", False),
        ("contract\n anna", False),
        ("34", False),
        ("…", False),
        ("", False),
    ],
)
def test_names_of_the_project_may_be_shown_and_listed(word: str, known: bool) -> None:
    names = OwnWords(names=frozenset({"people", "contract", "few_missing"}))
    assert names.have(word) is known
