"""Whatever a contract's spelling, its descriptor is valid by the official profile of version 2.

`profile/datapackage-2.0.json` is https://datapackage.org/profiles/2.0/datapackage.json without its
words; the standard is in the public domain.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from data_package.engine.package import descriptor as d
from data_package.engine.schema import Contract, lint
from data_package.engine.schema.plain import plain
from data_package.engine.tables.table import Table
from data_package_tests.campaigns import cases
from data_package_tests.engine.schema.generate import BOUNDS, CELLS, FORMATS

PROFILE = Draft7Validator(
    json.loads((Path(__file__).parent / "profile" / "datapackage-2.0.json").read_text())
)
TABLE = cast("Table", SimpleNamespace(resource="people"))
FILE = d.PublishedFile("tables/people.parquet", 1, "0" * 64)


def published(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the Data Resource of a contract, and see that the profile accepts its package."""
    assert [str(issue) for issue in lint(resource)] == []
    contract = plain(Contract.from_descriptor(resource, name="people"))
    made = [d.resource(TABLE, contract, FILE), d.csv_resource(TABLE, contract, FILE)]
    document = json.loads(d.to_json(d.descriptor({"name": "study"}, made)))
    faults = [
        f"{list(fault.absolute_path)}: {fault.message[:300]}"
        for error in PROFILE.iter_errors(document)
        for fault in ([error, *error.context] if error.context else [error])
    ]
    assert faults == []
    resources: list[dict[str, Any]] = document["resources"]
    return resources[0]


def published_field(**field: Any) -> dict[str, Any]:
    made: dict[str, Any] = published({"schema": {"fields": [{"name": "v", **field}]}})
    found: dict[str, Any] = made["schema"]["fields"][0]
    return found


def test_an_empty_label_is_not_published() -> None:
    words = [{"value": 1, "label": ""}, {"value": 2, "label": ""}]
    made = published_field(type="integer", categories=words)
    assert made["categories"] == [{"value": 1}, {"value": 2}]


def test_categories_of_an_integer_are_integers() -> None:
    words = [{"value": "1", "label": "device I"}, {"value": 2, "label": "II"}, "3"]
    made = published_field(type="integer", categories=words)
    assert made["categories"] == [
        {"value": 1, "label": "device I"},
        {"value": 2, "label": "II"},
        {"value": 3},
    ]
    assert made["constraints"]["enum"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("field", "constraints"),
    [
        ({"type": "integer", "minimum": "1", "enum": ["1", 2]}, {"minimum": 1, "enum": [1, 2]}),
        ({"type": "integer", "groupChar": ".", "maximum": "1.000"}, {"maximum": 1000}),
        ({"type": "number", "decimalChar": ",", "minimum": "1,5"}, {"minimum": 1.5}),
        ({"type": "number", "enum": ["INF", 1.5]}, {"enum": ["INF", "1.5"]}),
        ({"type": "number", "enum": ["1", 1.5]}, {"enum": [1, 1.5]}),
        ({"type": "year", "exclusiveMaximum": "2020"}, {"exclusiveMaximum": 2020}),
        ({"type": "boolean", "trueValues": ["ja"], "enum": ["ja"]}, {"enum": [True]}),
        (
            {"type": "date", "format": "%d/%m/%Y", "minimum": "31/12/2020"},
            {"minimum": "2020-12-31"},
        ),
        (
            {"type": "datetime", "format": "any", "maximum": "1 Jan 2020 15:00"},
            {"maximum": "2020-01-01T15:00:00"},
        ),
        ({"type": "time", "format": "%H:%M", "enum": ["15:00"]}, {"enum": ["15:00:00"]}),
        ({"type": "yearmonth", "minimum": "2024-1"}, {"minimum": "2024-01"}),
        ({"type": "duration", "maximum": "P1Y"}, {"maximum": "P1Y"}),
        ({"type": "object", "enum": ['{"a": 1}', {}]}, {"enum": [{"a": 1}, {}]}),
        ({"type": "array", "enum": ["[1]", []]}, {"enum": [[1], []]}),
        ({"type": "list", "itemType": "integer", "enum": ["1,2"]}, {"enum": [[1, 2]]}),
        ({"type": "geopoint", "enum": ["1,2", [3, 4]]}, {"enum": ["1, 2", "3, 4"]}),
        ({"type": "geopoint", "format": "array", "enum": ["[1,2.5]"]}, {"enum": [[1, 2.5]]}),
        ({"type": "any", "enum": [1, "a", True]}, {"enum": [1, "a", True]}),
    ],
)
def test_values_of_constraints_are_of_their_fields_type(
    field: dict[str, Any], constraints: dict[str, Any]
) -> None:
    names = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum")
    given_ = {name: field.pop(name) for name in names if name in field}
    assert published_field(**field, constraints=given_)["constraints"] == constraints


@pytest.mark.parametrize(
    ("field", "example"),
    [
        ({"type": "integer", "example": 5}, "5"),
        ({"type": "number", "decimalChar": ",", "example": "1,5"}, "1.5"),
        ({"type": "boolean", "example": True}, "true"),
        ({"type": "date", "format": "%d.%m.%Y", "example": "31.12.2020"}, "2020-12-31"),
        ({"type": "object", "example": {"a": 1}}, '{"a": 1}'),
        ({"type": "string", "example": "x"}, "x"),
    ],
)
def test_an_example_is_text_in_the_default_form(field: dict[str, Any], example: str) -> None:
    assert published_field(**field)["example"] == example


def test_what_says_nothing_is_left_out_and_a_type_is_always_there() -> None:
    made = published_field(title=None, description=None, constraints=None)
    assert made == {"name": "v", "type": "any"}
    assert published_field(type="string", format="fmt:email")["format"] == "email"
    resource = published({"title": None, "schema": {"fields": [{"name": "v"}], "foreignKeys": []}})
    assert "title" not in resource
    assert "foreignKeys" not in resource["schema"]


_VALUES = {
    **{kind: [*CELLS[kind], *BOUNDS.get(kind, [])] for kind in CELLS},
    "object": [*CELLS["object"], {}, {"a": 1}],
    "array": [*CELLS["array"], [], [1]],
    "list": [*CELLS["list"], [], ["a"]],
    "boolean": [*CELLS["boolean"], True, False],
    "geopoint": [*CELLS["geopoint"], [1, 2], {"lon": 1, "lat": 2}],
    "any": [*CELLS["any"], 1, 1.0, True, [], {}],
}
_TEXTS = st.none() | st.sampled_from(["", "Words", "æ\U0001f600"])


@st.composite
def contract_fields(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a field with whatever may be written in it; it need not lint."""
    kind = draw(st.sampled_from(list(_VALUES)))
    value: st.SearchStrategy[Any] = st.sampled_from(_VALUES[kind])
    field: dict[str, Any] = {"name": name, "type": kind}
    words: dict[str, st.SearchStrategy[Any]] = {
        "title": _TEXTS,
        "description": _TEXTS,
        "example": value | st.none(),
        "x_note": st.none() | st.integers(),
        "format": st.sampled_from(["default", *FORMATS.get(kind, [])]),
        "missingValues": st.sampled_from([[], ["", "NA"], [{"value": "-9", "label": "no"}]]),
    }
    for key, values in words.items():
        if draw(st.booleans()):
            field[key] = draw(values)
    constraints: dict[str, Any] = {}
    rule: st.SearchStrategy[Any]
    rules: dict[str, st.SearchStrategy[Any]] = {
        "required": st.booleans(),
        "enum": st.lists(value, min_size=1, max_size=4),
        "minimum": value,
        "exclusiveMaximum": value,
        "minLength": st.integers(0, 3),
    }
    for key, rule in rules.items():
        if draw(st.integers(0, 3)) == 0:
            constraints[key] = draw(rule)
    if draw(st.booleans()) or constraints:
        field["constraints"] = constraints or None
    if kind in ("string", "integer") and draw(st.integers(0, 2)) == 0:
        entry: st.SearchStrategy[Any] = st.builds(
            lambda v, label: {"value": v, "label": label}, value, _TEXTS
        )
        field["categories"] = draw(st.lists(value | entry, min_size=1, max_size=4))
    if kind == "number" and draw(st.booleans()):
        field["decimalChar"], field["groupChar"] = ",", "."
    if kind == "boolean" and draw(st.booleans()):
        field["trueValues"], field["falseValues"] = ["yes", "1"], ["no", "0"]
    if kind == "list":
        field["itemType"] = draw(st.sampled_from(["string", "integer", "number", "date"]))
    return field


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a contract of up to three fields with keys and words."""
    names = ["a", "b", "c"][: draw(st.integers(1, 3))]
    key = st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)
    schema: dict[str, Any] = {"fields": [draw(contract_fields(name)) for name in names]}
    keys: dict[str, st.SearchStrategy[Any]] = {
        "primaryKey": key | st.sampled_from(names),
        "uniqueKeys": st.lists(key, min_size=1, max_size=3),
        "foreignKeys": st.lists(
            st.builds(
                lambda names, resource: {
                    "fields": names,
                    "reference": {"resource": resource, "fields": names},
                },
                key | st.sampled_from(names),
                st.sampled_from(["", "other"]),
            ),
            max_size=2,
        ),
        "missingValues": st.sampled_from([[], ["", "NA"]]),
        "fieldsMatch": st.sampled_from(["subset", ["equal"]]),
    }
    for name, values in keys.items():
        if draw(st.integers(0, 2)) == 0:
            schema[name] = draw(values)
    resource: dict[str, Any] = {"schema": schema}
    more: dict[str, st.SearchStrategy[Any]] = {
        "title": _TEXTS,
        "sources": st.sampled_from(
            [[], None, [{"title": "A", "path": "a.csv"}], [{"email": "a@b"}]]
        ),
        "licenses": st.sampled_from([None, [{"name": "CC0-1.0"}], [{"path": "x.txt"}], []]),
        "homepage": st.sampled_from(["https://example.org", "x", None]),
        "x_own": st.none() | st.integers(),
    }
    for name, values in more.items():
        if draw(st.integers(0, 2)) == 0:
            resource[name] = draw(values)
    return resource


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(resource=contracts())
def test_a_contract_that_lints_gives_a_descriptor_that_the_profile_accepts(
    resource: dict[str, Any],
) -> None:
    assume(not lint(resource))
    published(resource)


@pytest.mark.stress
@settings(
    max_examples=cases(20_000),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(resource=contracts())
def test_a_contract_that_lints_gives_a_valid_descriptor_at_length(resource: dict[str, Any]) -> None:
    assume(not lint(resource))
    published(resource)
