"""Rows made up from a contract keep it: the checker is the judge."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.schema import Contract, check, lint
from data_package.engine.schema.types import FIELD_TYPES
from data_package.testing import assert_keeps_contract, sample
from data_package_tests.engine.schema import generate

Fields = list[dict[str, Any]]


def contract(fields: Fields, **more: object) -> Contract:
    descriptor = {"schema": {"fields": fields, **more}}
    assert lint(descriptor) == []
    return Contract.from_descriptor(descriptor, name="table")


def bounded(kind: str, values: st.SearchStrategy[Any], text: Callable[[Any], Any]) -> Any:
    def field(low: Any, high: Any, exclusive: bool) -> dict[str, Any]:
        low, high = sorted((low, high))
        if exclusive and low != high:
            limits = {"exclusiveMinimum": text(low), "maximum": text(high)}
        else:
            limits = {"minimum": text(low), "maximum": text(high)}
        return {"type": kind, "constraints": limits}

    return st.builds(field, values, values, st.booleans())


FIELDS = st.one_of(
    *(st.just({"type": kind}) for kind in FIELD_TYPES),
    *(st.just({"type": "string", "format": f}) for f in ("email", "uri", "uuid", "binary")),
    *(st.just({"type": "geopoint", "format": f}) for f in ("array", "object")),
    st.sampled_from(("integer", "number", "boolean", "date", "time", "datetime")).map(
        lambda kind: {"type": "list", "itemType": kind, "delimiter": ";"}
    ),
    bounded("integer", st.integers(-(10**9), 10**9), lambda value: value),
    bounded("number", st.floats(-1e6, 1e6), lambda value: value),
    bounded("year", st.integers(1, 9999), lambda value: value),
    bounded("date", st.dates(dt.date(1900, 1, 1)), dt.date.isoformat),
    bounded(
        "datetime",
        st.dates(dt.date(1900, 1, 1)).map(lambda day: dt.datetime.combine(day, dt.time(7, 30))),
        dt.datetime.isoformat,
    ),
    st.tuples(st.integers(0, 20), st.integers(0, 20)).map(
        lambda ends: {
            "type": "string",
            "constraints": {"minLength": min(ends), "maxLength": max(ends) + 1},
        }
    ),
    st.sampled_from(("[A-Z]{2}[0-9]{3}", "(north|south)-[a-f]+", r"\d{4}-\d{2}", "^x.y$")).map(
        lambda pattern: {"type": "string", "constraints": {"pattern": pattern}}
    ),
    st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True).map(
        lambda codes: {"type": "integer", "categories": codes}
    ),
    st.just({"type": "string", "constraints": {"enum": ["f", "m"]}}),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(FIELDS, min_size=1, max_size=6), st.booleans(), st.integers(0, 5))
def test_made_up_rows_keep_every_contract(fields: Fields, required: bool, seed: int) -> None:
    named = [{"name": f"f{at}", **each} for at, each in enumerate(fields)]
    if required:
        first = named[0]
        first["constraints"] = {**first.get("constraints", {}), "required": True}
    made = contract(named)
    frame = sample(made, rows=30, seed=seed)
    report = check(frame, made)
    assert report.ok, report.render()
    assert frame.height == 30
    assert frame.equals(sample(made, rows=30, seed=seed))


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """A schema of any types, constraints, missing values and keys, also of ones that clash."""
    made: dict[str, Any] = {"fields": [draw(generate.fields(name)) for name in ("a", "b")]}
    some = st.lists(st.sampled_from(("a", "b")), min_size=1, max_size=2, unique=True)
    if draw(st.booleans()):
        made["primaryKey"] = draw(some)
    if draw(st.booleans()):
        made["uniqueKeys"] = [draw(some)]
    if draw(st.integers(0, 2)) == 0:
        reference = {"resource": "", "fields": [draw(st.sampled_from(("a", "b")))]}
        own = draw(st.sampled_from(("a", "b")))
        made["foreignKeys"] = [{"fields": [own], "reference": reference}]
    return made


@settings(max_examples=40, deadline=None)
@given(schemas(), st.integers(0, 5))
def test_rows_satisfy_their_contract_or_are_refused(schema: dict[str, Any], seed: int) -> None:
    descriptor = {"schema": schema}
    assume(not lint(descriptor))
    made = Contract.from_descriptor(descriptor, name="table")
    try:
        frame = sample(made, rows=8, seed=seed)
    except ProjectError:
        return
    report = check(frame, made)
    assert report.ok, report.render()
    assert frame.height == 8


@pytest.mark.parametrize(
    "field",
    [
        {"type": "yearmonth", "constraints": {"minimum": "2024-01", "maximum": "2024-03"}},
        {"type": "duration", "constraints": {"minimum": "P1D", "maximum": "P9D"}},
        {"type": "array", "constraints": {"maxLength": 1}},
        {"type": "object", "constraints": {"maxLength": 0}},
        {"type": "integer", "constraints": {"minimum": 1}, "categories": [-9, 1, 2]},
        {"type": "string", "format": "uri", "constraints": {"maxLength": 24}},
        {"type": "date", "constraints": {"minimum": "9999-12-30"}},
        {"type": "string", "format": "binary", "constraints": {"minLength": 12}},
    ],
    ids=lambda field: field["type"],
)
def test_a_field_with_narrow_constraints_is_made_up(field: dict[str, Any]) -> None:
    made = contract(
        [{"name": "a", **field, "constraints": {"required": True, **field.get("constraints", {})}}]
    )
    frame = sample(made, rows=30)
    assert check(frame, made).ok
    assert frame["a"].null_count() == 0


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ({"exclusiveMinimum": "9999-12-31"}, "no value is within its bounds"),
        ({"enum": ["2020-01-01"], "minimum": "2021-01-01"}, "satisfies all of it: enum, minimum"),
    ],
)
def test_a_field_that_nothing_satisfies_is_refused(constraints: object, words: str) -> None:
    with pytest.raises(ProjectError, match=words):
        sample(contract([{"name": "day", "type": "date", "constraints": constraints}]))


def test_a_made_up_value_is_not_a_missing_value() -> None:
    codes = {"name": "a", "type": "integer", "categories": [1, 2, -9], "missingValues": ["-9"]}
    assert set(sample(contract([codes]), rows=50)["a"].drop_nulls()) == {1, 2}


def test_a_table_refers_to_its_own_rows() -> None:
    made = contract(
        [{"name": "id", "type": "integer"}, {"name": "parent", "type": "integer"}],
        primaryKey=["id"],
        foreignKeys=[{"fields": ["parent"], "reference": {"resource": "", "fields": ["id"]}}],
    )
    rows = sample(made, rows=40)
    assert check(rows, made).ok
    assert 0 < rows["parent"].null_count() < 40


def test_keys_are_never_repeated() -> None:
    made = contract(
        [{"name": "a", "type": "integer", "categories": [1, 2, 3]}, {"name": "b", "type": "date"}],
        primaryKey=["a", "b"],
    )
    assert check(sample(made, rows=200), made).ok


def test_too_many_rows_for_a_key_are_refused_with_words() -> None:
    made = contract([{"name": "a", "type": "boolean"}], primaryKey=["a"])
    with pytest.raises(ProjectError, match="too few different keys"):
        sample(made, rows=3)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "study" / "final"
    folder.mkdir(parents=True)
    (folder / "persons.yaml").write_text(
        "schema:\n  fields:\n    - {name: id, type: string, constraints: {pattern: 'P[0-9]{3}'}}\n"
        "  primaryKey: [id]\n"
    )
    (folder / "visits.yaml").write_text(
        "schema:\n  fields:\n    - {name: id, type: string, constraints: {required: true}}\n"
        "    - {name: day, type: date}\n"
        "  foreignKeys:\n    - fields: [id]\n      reference: {resource: persons, fields: [id]}\n"
    )
    return Project(tmp_path, "study", tmp_path / "storage")


def test_foreign_keys_point_into_the_sample_of_the_other_table(project: Project) -> None:
    visits = sample("visits", rows=40, seed=2, project=project)
    persons = sample("persons", rows=40, seed=2, project=project)
    assert visits["id"].null_count() == 0
    assert set(visits["id"]) <= set(persons["id"])


def key(fields: list[str], table: str) -> dict[str, Any]:
    return {"fields": fields, "reference": {"resource": table, "fields": fields}}


def test_a_table_with_one_row_for_each_of_another_has_them_all(project: Project) -> None:
    ids = [{"name": "id", "type": "string"}]
    ends = contract(ids, primaryKey=["id"], foreignKeys=[key(["id"], "persons")])
    rows = sample(ends, rows=300, project=project)
    assert set(rows["id"]) == set(sample("persons", rows=300, project=project)["id"])


def test_foreign_keys_with_a_field_in_common_agree(project: Project) -> None:
    (project.package_folder / "final" / "stays.yaml").write_text(
        "schema:\n  fields: [{name: id, type: string}, {name: stay, type: integer}]\n"
        "  primaryKey: [id, stay]\n"
        "  foreignKeys: [{fields: [id], reference: {resource: persons, fields: [id]}}]\n"
    )
    made = contract(
        [{"name": "id", "type": "string"}, {"name": "stay", "type": "integer"}],
        foreignKeys=[key(["id"], "persons"), key(["id", "stay"], "stays")],
    )
    rows = sample(made, rows=60, project=project)
    others = {name: sample(name, rows=60, project=project) for name in ("persons", "stays")}
    assert check(rows, made, references=others).ok
    assert rows["stay"].null_count() < 60


def test_a_foreign_key_to_values_that_the_field_cannot_hold_is_refused(project: Project) -> None:
    ids = [{"name": "id", "type": "string", "constraints": {"maxLength": 1, "required": True}}]
    with pytest.raises(ProjectError, match="no row of persons can be referred to by id"):
        sample(contract(ids, foreignKeys=[key(["id"], "persons")]), project=project)


def test_a_name_without_a_contract_is_answered_with_the_nearest(project: Project) -> None:
    with pytest.raises(ProjectError, match="Did you mean 'visits'"):
        sample("visit", project=project)


def test_a_broken_contract_is_an_assertion_without_values(project: Project) -> None:
    wrong = pl.DataFrame({"id": ["P001", "secret"], "day": [None, None]})
    with pytest.raises(AssertionError, match=r"does not match|pattern") as raised:
        assert_keeps_contract(wrong, "persons", project=project)
    assert "secret" not in str(raised.value)


def test_no_table_is_an_assertion(project: Project) -> None:
    with pytest.raises(AssertionError, match="not NoneType"):
        assert_keeps_contract(None, "persons", project=project)
