"""Whatever a cell, a name or a contract holds, reading and checking end, and with a sentence."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.schema import Contract, ContractError, check, read, time_limit
from data_package.engine.schema import json_validation as json_schemas
from data_package.engine.schema import regular_expressions as patterns
from data_package.engine.schema.cells import read_column
from data_package.engine.schema.contract import Field

NAMES = ["*", "^v$", "^.*$", "v", "", "\0blank", "\0bad v", "a b", "0", "1", "^", "$", "'", "é"]
RULES: list[dict[str, Any]] = [
    {"type": "integer", "constraints": {"required": True, "minimum": 2, "enum": [1, 2, 3]}},
    {"type": "string", "constraints": {"minLength": 2, "pattern": "[a-z]+"}},
    {"type": "date", "constraints": {"maximum": "2024-01-01"}},
    {"type": "boolean", "constraints": {"unique": True}},
]


def deep(level: int, word: str = "[", close: str = "]") -> str:
    return word * level + close * level


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (time_limit, patterns, json_schemas):
        monkeypatch.setattr(module, "SECONDS", 0.05)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("pattern", [r"(?=a)(a|a)+[^a]\w", r"(?=.)(a|aa)+\d"])
def test_a_pattern_that_backtracks_without_end_is_an_error_that_names_its_field(
    pattern: str,
) -> None:
    field = {"name": "note", "type": "string", "constraints": {"pattern": pattern}}
    contract = Contract.from_descriptor({"fields": [field]})
    with pytest.raises(ContractError, match="'note'") as caught:
        check(pl.DataFrame({"note": ["a" * 50 + "!"]}), contract)
    assert "aaaa" not in str(caught.value)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"pattern": r"^(a|a)+[^a]\w"}},
        {"items": {"propertyNames": {"pattern": r"^(a|a)+[^a]\w"}}},
        {"items": {"patternProperties": {r"^(a|a)+[^a]\w": True}}},
        {"items": {"patternProperties": {r"^(a|a)+[^a]\w": True}, "additionalProperties": False}},
    ],
)
def test_so_does_one_in_a_json_schema(schema: dict[str, Any], tmp_path: Path) -> None:
    field = {"name": "tags", "type": "array", "constraints": {"jsonSchema": schema}}
    word = "a" * 40 + "!"
    path = tmp_path / "t.csv"
    cell = json.dumps([word, {word: 1}]).replace('"', '""')
    path.write_text(f'tags\n"{cell}"\n')
    with pytest.raises(ContractError, match="'tags'"):
        read(path, {"fields": [field]})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"pattern": "b"}, "abc", "ac"),
        ({"patternProperties": {"^x": {"type": "integer"}}}, {"x1": 1, "y": "z"}, {"x1": "1"}),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
        ({"additionalProperties": {"type": "string"}}, {"b": "1"}, {"b": 1}),
        (
            {"patternProperties": {"^x": {}}, "additionalProperties": False},
            {"x1": 1},
            {"x1": 1, "y": 1},
        ),
    ],
)
def test_a_json_schema_means_what_it_says(schema: Any, good: Any, bad: Any) -> None:
    test = json_schemas.follows(schema)
    assert test(good)
    assert not test(bad)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    names=st.lists(st.sampled_from(NAMES[:4] + NAMES[5:]), min_size=1, max_size=4, unique=True),
    rules=st.lists(st.sampled_from(RULES), min_size=4, max_size=4),
)
def test_a_column_may_have_any_name(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], rules: list[dict[str, Any]]
) -> None:
    plain = [f"c{i}" for i in range(len(names))]
    cells = ["1", "ab", "2025-01-01", "true", "x", ""]
    rows = [[cells[(i + j) % 6] for j in range(len(names))] for i in range(6)]
    folder = tmp_path_factory.mktemp("names")
    found = []
    for labels in (plain, names):
        fields = [{"name": n, **rule} for n, rule in zip(labels, rules, strict=False)]
        schema = {"fields": fields, "primaryKey": labels[:1], "uniqueKeys": [labels]}
        text = "\n".join(",".join(row) for row in [labels, *rows])
        path = folder / "t.csv"
        path.write_text(text)
        contract = Contract.from_descriptor(schema)
        reading = read(path, contract)
        frame = reading.frame.collect()
        typed = check(frame, contract)
        places = dict(zip(labels, plain, strict=True))
        found.append(
            (
                frame.rows(),
                [
                    (t.code, t.rule, len((t.field or "").split(", ")), t.count, t.rows)
                    for report in (reading.report, typed)
                    for t in report.totals
                ],
                [places.get(t.field or "") for t in typed.totals if t.rule != "uniqueKeys"],
            )
        )
    assert found[0] == found[1]


KINDS = ["array", "object", "geojson", "geopoint", "duration", "list", "yearmonth", "year"]
KINDS += ["integer", "number", "date", "datetime", "time", "boolean"]
ODD = [
    deep(600),
    deep(5000),
    deep(600, '{"a":', "}").replace(":}", ":1}"),
    '{"type":"GeometryCollection","geometries":[' * 300 + "]}" * 300,
    "1" * 5000,
    "1e400",
    "-1e-400",
    "P" + "9" * 400 + "Y",
    "P99999999999Y",
    "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    '{"lon": 1e999, "lat": NaN}',
    '"\\ud800"',
    "99999-01",
    "0000-00-00",
    "24:00:00",
    "\0",
    "٣" * 30,
]


@pytest.mark.parametrize("kind", KINDS)
def test_no_cell_ends_in_a_traceback(kind: str) -> None:
    for spelling in ("default", "any", "array", "object", "topojson"):
        field = Field(
            name="v", type=kind, descriptor={"name": "v", "type": kind, "format": spelling}
        )
        cells = read_column(field, pl.Series("v", [*ODD, None], dtype=pl.String))
        assert len(cells.values) == len(ODD) + 1


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    kind=st.sampled_from(KINDS),
    cells=st.lists(
        st.one_of(
            st.text(max_size=30).filter(lambda text: not re.search("[\ud800-\udfff]", text)),
            st.recursive(
                st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=5), inner, max_size=3)
                ),
            ).map(json.dumps),
            st.from_regex(r"-?P(\d{1,12}Y)?(\d{1,12}M)?(T\d{1,12}(\.\d{1,9})?S)?", fullmatch=True),
        ),
        max_size=6,
    ),
)
def test_any_text_is_a_value_or_none(kind: str, cells: list[str]) -> None:
    column = read_column(Field(name="v", type=kind), pl.Series("v", cells, dtype=pl.String))
    bad = column.bad if column.bad is not None else pl.Series([False] * len(cells))
    nulls = column.values.is_null()
    assert [bool(each) for each in bad] == [bool(each) for each in nulls]


@pytest.mark.parametrize("bound", ["P99999999999Y", "-P99999999999Y", "PT99999999999999999S"])
@pytest.mark.parametrize("name", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
def test_a_bound_of_a_duration_may_be_of_any_length(bound: str, name: str) -> None:
    field = {"name": "d", "type": "duration", "constraints": {name: bound}}
    contract = Contract.from_descriptor({"fields": [field]})
    report = check(pl.DataFrame({"d": pl.Series([10**6], dtype=pl.Duration("us"))}), contract)
    below = not bound.startswith("-")
    assert report.ok is (below if name.lower().endswith("maximum") else not below)
