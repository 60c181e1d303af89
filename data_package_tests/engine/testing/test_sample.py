"""Rows made up from a contract keep it: the checker is the judge."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.schema import Contract, check, lint
from data_package.testing import assert_keeps_contract, sample

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
    *(
        st.just({"type": kind})
        for kind in (
            *("string", "integer", "number", "boolean", "date", "datetime", "time", "year"),
            *("yearmonth", "duration", "array", "object", "list", "geopoint", "geojson", "any"),
        )
    ),
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


@settings(max_examples=60, deadline=None)
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
