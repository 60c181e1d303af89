"""What is wrong with a descriptor, whatever its shape; and what is the publisher's own."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.schema import lint, lint_references
from data_package.engine.schema.spelling import misspelt
from data_package.engine.schema.types import FIELD_TYPES
from data_package_tests.campaigns import cases


def output(field: dict[str, Any], **resource: Any) -> list[str]:
    return [str(issue) for issue in lint({**resource, "schema": {"fields": [field]}})]


def test_the_standards_own_examples_have_no_fault() -> None:
    key = {"fields": ["parent"], "reference": {"fields": ["id"]}}
    itself = {"fields": [{"name": "parent"}, {"name": "id"}], "foreignKeys": [key]}
    assert lint(itself) == []
    assert lint_references({"xxx": {"schema": itself}}) == []
    other = {"fields": ["state-code"], "reference": {"resource": "codes", "fields": ["code"]}}
    states = {"schema": {"fields": [{"name": "state-code"}], "foreignKeys": [other]}}
    codes = {"schema": {"fields": [{"name": "code"}]}}
    assert lint_references({"states": states, "codes": codes}) == []
    old = {"fields": "parent", "reference": {"resource": "", "fields": "id"}}
    assert lint({**itself, "foreignKeys": [old]}) == []


@pytest.mark.parametrize(
    "name",
    [
        *("title@da", "description@en", "title_da", "x_note", "x-note", "_id", "dcterms:title"),
        *("names", "titles", "descriptions", "formats", "hashes", "source", "tablename", "table"),
        *("unit", "units", "comment", "note", "labels", "timezone", "examples"),
    ],
)
def test_properties_of_the_publishers_own_are_let_through(name: str) -> None:
    assert output({"name": "a", name: "x"}) == []
    assert output({"name": "a"}, **{name: "x"}) == []
    assert output({"name": "a"}, dialect={name: "x"}) == [] or name == "table"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("primaryKeys", "primaryKey"), ("primary_key", "primaryKey"), ("feilds", "fields")),
        *(("missingvalue", "missingValues"), ("foreignKey", "foreignKeys")),
        *(("uniqueKey", "uniqueKeys"), ("fieldMatch", "fieldsMatch")),
    ],
)
def test_a_slip_of_one_or_two_letters_in_a_schema_is_caught(written: str, meant: str) -> None:
    issues = lint({"schema": {"fields": [{"name": "a"}], written: ["a"]}})
    assert [(issue.path, str(issue)) for issue in issues] == [
        (("schema", written), f"unknown property {written!r}. Did you mean {meant!r}?")
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("tpye", "type"), ("types", "type"), ("constraint", "constraints"), ("Title", "title")),
        *(("category", "categories"), ("missing_values", "missingValues"), ("frmat", "format")),
    ],
)
def test_a_slip_in_a_field_is_caught(written: str, meant: str) -> None:
    assert output({"name": "a", written: "x"}) == [
        f"unknown property {written!r}. Did you mean {meant!r}?"
    ]


def test_a_constraint_beside_the_constraints_is_one_level_too_high() -> None:
    for name in ("required", "minimum", "pattern", "enum", "maxLength"):
        assert output({"name": "a", name: 1}) == [
            f"{name} is a constraint; move it under constraints:"
        ]


def test_a_standard_name_is_never_a_slip_of_another() -> None:
    names = {"name", "type", "title", "format", "path", "table", "header", "headerRows"}
    assert list(misspelt(names, names)) == []


@pytest.mark.parametrize(
    ("dialect", "path", "what"),
    [
        ({"delimitr": ";"}, ("dialect", "delimitr"), "Did you mean 'delimiter'?"),
        ({"delimiter": "\n"}, ("dialect", "delimiter"), "not a line end"),
        ({"lineTerminator": ""}, ("dialect", "lineTerminator"), "empty"),
        ({"header": "no"}, ("dialect", "header"), "true or false"),
        ({"headerRows": [0]}, ("dialect", "headerRows"), "row numbers"),
        ({"headerRows": []}, ("dialect", "headerRows"), "header: false"),
        ({"delimiter": '"'}, ("dialect",), "the same character"),
        ({"delimiter": ""}, ("dialect", "delimiter"), "empty"),
        ({"delimiter": '|"|'}, ("dialect",), "holds the quoteChar"),
        ({"delimiter": "||", "escapeChar": "!"}, ("dialect",), "do not go together"),
        ({"sheetName": "Visits", "delimiter": ";"}, ("dialect", "delimiter"), "delimited text"),
        ({"header": False, "table": "t", "query": "select 1"}, ("dialect", "table"), "a database"),
        ({"table": "t", "query": "select 1"}, ("dialect",), "say the same"),
        ({"sheetNumber": 0}, ("dialect", "sheetNumber"), "1 or more"),
        ({"sheetName": "a", "sheetNumber": 1}, ("dialect",), "say the same"),
        ({"itemKeys": "a"}, ("dialect", "itemKeys"), "names of keys"),
        ({"itemType": "list"}, ("dialect", "itemType"), "array or object"),
        ({"widths": []}, ("dialect", "widths"), "numbers of characters"),
        ({"widths": [3, 0]}, ("dialect", "widths"), "numbers of characters"),
        ({"positions": [[3, 2]]}, ("dialect", "positions"), "first and last"),
        ({"positions": [[1, 2]], "widths": [2]}, ("dialect",), "say the same"),
        ({"footerRows": -1}, ("dialect", "footerRows"), "1 or more"),
        ({"property": "rows", "widths": [2]}, ("dialect", "widths"), "fixed width"),
        (5, ("dialect",), "a mapping"),
    ],
)
def test_a_dialect_is_obeyed_or_refused(dialect: object, path: tuple[str, ...], what: str) -> None:
    issues = lint({"dialect": dialect, "schema": {"fields": [{"name": "a"}]}})
    assert [issue.path for issue in issues] == [path]
    assert what in str(issues[0])


def test_properties_of_version_1_of_a_dialect_are_allowed() -> None:
    dialect = {"caseSensitiveHeader": False, "csvddfVersion": 1.2, "delimiter": ";", "note": 1}
    assert output({"name": "a"}, dialect=dialect) == []


def test_an_encoding_is_one_that_text_can_be_read_with() -> None:
    assert output({"name": "a"}, encoding="cp1252") == []
    assert "utf-8 or cp1252" in output({"name": "a"}, encoding=5)[0]
    assert "not known" in output({"name": "a"}, encoding="utf-99")[0]
    assert "not known" in output({"name": "a"}, encoding="rot13")[0]


def test_an_integer_groups_with_a_full_stop() -> None:
    assert output({"name": "a", "type": "integer", "groupChar": "."}) == []
    assert "the same" in output({"name": "a", "type": "number", "groupChar": "."})[0]
    assert output({"name": "a", "type": "number", "groupChar": ".", "decimalChar": ","}) == []


@pytest.mark.parametrize(
    ("schema", "at", "what"),
    [
        ({"type": 5}, ("type",), "not JSON Schema"),
        ({"properties": {"a": {"pattern": "("}}}, ("properties", "a", "pattern"), "not JSON"),
        ({"$ref": "http://127.0.0.1:9/s.json"}, ("$ref",), "not in this JSON Schema"),
        ({"items": {"$ref": "#/$defs/a"}}, ("items", "$ref"), "not in this JSON Schema"),
        ({"$schema": ["x"]}, ("$schema",), "text"),
    ],
)
def test_a_json_schema_that_cannot_be_used_has_its_place(
    schema: object, at: tuple[str, ...], what: str
) -> None:
    field = {"name": "a", "type": "object", "constraints": {"jsonSchema": schema}}
    issues = lint({"fields": [field]})
    place = ("fields", 0, "constraints", "jsonSchema", *at)
    assert [issue.path for issue in issues] == [place]
    assert what in str(issues[0])


def test_a_json_schema_may_refer_to_its_own_parts() -> None:
    schema = {"items": {"$ref": "#/$defs/word"}, "$defs": {"word": {"type": "string"}}}
    assert output({"name": "a", "type": "array", "constraints": {"jsonSchema": schema}}) == []


@pytest.mark.parametrize("kind", ["enum", "categories"])
def test_a_list_of_72_000_codes_is_judged_word_by_word(kind: str) -> None:
    codes = [f"C{i:05}" for i in range(72_000)]
    field: dict[str, Any] = {"name": "a", "type": "string", "categories": codes}
    if kind == "enum":
        field = {"name": "a", "type": "string", "constraints": {"enum": codes}}
    assert output(field) == []
    codes[-1] = codes[0]
    assert len(output(field)) == 1


def test_true_and_1_are_two_values_and_1_and_1_0_are_one() -> None:
    for enum, count in (([True, 1], 0), ([1, 1.0], 1), (["1", "1"], 1), ([[1], [1.0]], 1)):
        assert len(output({"name": "a", "type": "any", "constraints": {"enum": enum}})) == count


def test_what_is_published_as_written_is_what_the_profile_takes() -> None:
    faulty: list[dict[str, Any]] = [
        {"sources": "a register"},
        {"sources": [{}]},
        {"sources": [{"title": 5}]},
        {"sources": [{"path": "../up"}]},
        {"licenses": []},
        {"licenses": [{"title": "Free"}]},
        {"licenses": [{"name": "free for all"}]},
        {"homepage": 5},
    ]
    for wrong in faulty:
        assert len(output({"name": "a"}, **wrong)) == 1, wrong
    good = {"sources": [{"title": "A", "path": "a/b.txt"}], "licenses": [{"name": "CC-BY-4.0"}]}
    assert output({"name": "a"}, **good) == []


_KEYS = st.sampled_from(
    sorted(
        set().union(*(kind.properties | kind.constraints for kind in FIELD_TYPES.values()))
        | {"name", "type", "format", "constraints", "schema", "fields", "primaryKey"}
        | {"foreignKeys", "uniqueKeys", "reference", "resource", "missingValues", "value", "label"}
        | {"dialect", "encoding", "sources", "licenses", "delimiter", "fieldsMatch", "$ref", "path"}
    )
)
_WORDS = st.sampled_from([*FIELD_TYPES, "a", "%Q", "(", "P1Y", "1e999", "9" * 5000, "2020-01-01"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=25,
)
_FIELD = st.dictionaries(_KEYS, _JSON, max_size=4).flatmap(
    lambda rest: st.builds(
        lambda kind, constraints: {**rest, "name": "a", "type": kind, "constraints": constraints},
        st.sampled_from(list(FIELD_TYPES)),
        st.dictionaries(_KEYS, _JSON, max_size=4),
    )
)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(value=_JSON, fields=st.lists(_FIELD, min_size=1, max_size=2), rest=_JSON)
def test_no_json_makes_lint_raise(value: Any, fields: Any, rest: Any) -> None:
    more = rest if isinstance(rest, dict) else {}
    lint(value)
    lint({"schema": value})
    lint({**more, "schema": {**more, "fields": fields}})
    lint_references({"a": {"schema": {**more, "fields": fields}}})


@pytest.mark.stress
@settings(max_examples=cases(100_000), deadline=None, database=None)
@given(fields=st.lists(_FIELD, min_size=1, max_size=3), rest=_JSON)
def test_no_json_makes_lint_raise_at_length(fields: Any, rest: Any) -> None:
    more = rest if isinstance(rest, dict) else {}
    lint({**more, "schema": {**more, "fields": fields}})


@pytest.mark.parametrize("name", [[], ["a"], {}, {"a": 1}, None, 1, True])
def test_a_name_that_is_not_text_has_its_place(name: object) -> None:
    fields = [{"name": name, "missingReason": "b"}, {"name": "b", "missingReason": name}]
    assert ("fields", 0, "name") in [issue.path for issue in lint({"fields": fields})]
