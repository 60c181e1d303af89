"""Typed tables against their contracts."""

import datetime as dt
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_package.engine.schema import CheckError, Contract, Report, check, check_file, lint


def contract(*fields: dict[str, Any], **schema: Any) -> Contract:
    return Contract.from_descriptor({"fields": list(fields), **schema}, name="people")


def found(report: Report) -> list[tuple[str, str | None, int | None]]:
    return [(e["rule"], e["field"], e["row"]) for e in report.errors.iter_rows(named=True)]


def integer(name: str, **constraints: Any) -> dict[str, Any]:
    return {"name": name, "type": "integer", "constraints": constraints}


def string(name: str, **constraints: Any) -> dict[str, Any]:
    return {"name": name, "type": "string", "constraints": constraints}


@pytest.mark.parametrize("lazy", [False, True])
def test_every_broken_rule_of_a_row_is_reported_with_its_row_number(lazy: bool) -> None:
    frame = pl.DataFrame({"age": [20, 7, None], "sex": ["F", "M", "X"]})
    report = check(
        frame.lazy() if lazy else frame,
        contract(
            integer("age", minimum=18, required=True), string("sex", enum=["F", "M"], maxLength=1)
        ),
    )
    assert found(report) == [("minimum", "age", 3), ("required", "age", 4), ("enum", "sex", 4)]
    assert report.rows_checked == 3
    assert not report.ok


def test_a_table_that_keeps_its_contract_is_ok() -> None:
    report = check(pl.DataFrame({"age": [20]}), contract(integer("age", minimum=18)))
    assert report.ok
    assert report.errors.height == 0
    assert report.render() == "people: 1 row checked, no errors"


def test_no_value_of_the_data_is_in_any_form_of_a_report() -> None:
    secret = "010190-1234"
    frame = pl.DataFrame({"id": [secret, secret], "other": [secret, "x"]})
    report = check(
        frame,
        contract(
            string("id", pattern="[0-9]+", unique=True, maxLength=3, enum=["a"]),
            string("other"),
            primaryKey=["id"],
            foreignKeys=[{"fields": ["other"], "reference": {"resource": "t", "fields": ["k"]}}],
        ),
        references={"t": pl.DataFrame({"k": ["y"]})},
    )
    text = json.dumps(report.to_dict()) + report.render() + repr(report) + str(report.errors)
    assert report.error_count > 5
    assert secret not in text


def test_a_failing_lazy_table_raises_without_its_values() -> None:
    frame = pl.LazyFrame({"a": ["010190-1234"]}).select(pl.col("a").cast(pl.Int64))
    with pytest.raises(CheckError) as caught:
        check(frame, contract(integer("a", minimum=1)))
    assert "010190" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_totals_are_complete_when_itemised_rows_are_capped() -> None:
    report = check(pl.DataFrame({"a": [0] * 5000}), contract(integer("a", minimum=1)), limit=7)
    assert report.totals[0].count == 5000
    assert report.totals[0].rows == tuple(range(2, 12))
    assert report.errors.height == 7
    assert report.capped
    assert "at most 7 rows" in report.render()


def test_a_report_survives_json() -> None:
    frame = pl.DataFrame({"a": [0, 0], "b": [1, 1]})
    report = check(frame, contract(integer("a", minimum=1)))
    again = Report.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again.totals == report.totals
    assert again.errors.equals(report.errors)
    assert again.render() == report.render()


# What another program, or a power cut, may leave in the place of a part of a report.
_RUBBISH: list[Any] = [
    *(None, True, -1, 10**30, 1.5, math.inf, math.nan, "x"),
    *([], {}, [[]], [1], ["x"], [{}], [None], {"a": 1}, [[1, 2]]),
    *([{"row": 10**30}], [{"row": "x"}], [{"field": [1]}]),
]


def test_a_kept_report_that_is_spoilt_anywhere_is_read_whole_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id\nx\n2\n")
    kept = check_file(path, {"fields": [{"name": "id", "type": "integer"}]}).to_dict()
    tried = Counter[bool]()
    for place, rubbish in itertools.product(_places(kept), _RUBBISH):
        try:
            report = Report.from_dict(_with(kept, place, rubbish))
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            tried[False] += 1
            continue
        tried[True] += 1
        assert report.render()
        assert report._repr_html_()
        assert report.error_count >= 0
        json.dumps(report.to_dict())
    assert min(tried.values()) > 100


def _places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield before
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(part, (*before, key))


def _with(value: Any, place: tuple[Any, ...], rubbish: Any) -> Any:
    if not place:
        return rubbish
    copy = value.copy()
    copy[place[0]] = _with(value[place[0]], place[1:], rubbish)
    return copy


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("string", pl.Series(["a"], dtype=pl.Categorical)),
        ("string", pl.Series(["a"], dtype=pl.Enum(["a"]))),
        ("integer", pl.Series([1], dtype=pl.UInt8)),
        ("number", pl.Series([1], dtype=pl.Int16)),
        ("number", pl.Series([Decimal("1.5")])),
        ("boolean", pl.Series([True])),
        ("date", pl.Series([dt.date(2020, 1, 1)])),
        ("datetime", pl.Series([dt.datetime(2020, 1, 1)])),  # noqa: DTZ001
        ("time", pl.Series([dt.time(1)])),
        ("duration", pl.Series([dt.timedelta(1)])),
        ("duration", pl.Series(["P1Y"])),
        ("year", pl.Series([2020], dtype=pl.Int16)),
        ("yearmonth", pl.Series(["2020-01"])),
        ("array", pl.Series([[1, 2]])),
        ("list", pl.Series([["a"]])),
        ("object", pl.Series([{"a": 1}])),
        ("geopoint", pl.Series(["1,2"])),
        ("any", pl.Series([b"x"])),
        ("date", pl.Series([None])),
    ],
)
def test_a_column_that_can_hold_the_field_fits(kind: str, column: pl.Series) -> None:
    assert check(column.alias("v").to_frame(), contract({"name": "v", "type": kind})).ok


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("integer", pl.Series(["1"])),
        ("integer", pl.Series([1.0])),
        ("number", pl.Series(["1"])),
        ("string", pl.Series([1])),
        ("date", pl.Series([dt.datetime(2020, 1, 1)])),  # noqa: DTZ001
        ("datetime", pl.Series([dt.date(2020, 1, 1)])),
        ("boolean", pl.Series([1])),
    ],
)
def test_a_column_of_another_type_is_one_error_of_the_table(kind: str, column: pl.Series) -> None:
    report = check(column.alias("v").to_frame(), contract({"name": "v", "type": kind}))
    assert [(t.code, t.rule, t.field, t.count, t.rows) for t in report.totals] == [
        ("type-error", "type", "v", 1, ())
    ]


def test_nulls_in_typed_columns_break_only_what_requires_a_value() -> None:
    frame = pl.DataFrame(
        {"n": [1.5, None], "i": [1, None], "d": [dt.date(2020, 1, 1), None]},
    )
    fields = (
        {"name": "n", "type": "number", "constraints": {"minimum": 0, "maximum": 2}},
        {"name": "i", "type": "integer", "constraints": {"enum": [1]}},
        {"name": "d", "type": "date", "constraints": {"required": True}},
    )
    assert found(check(frame, contract(*fields))) == [("required", "d", 3)]


def test_missing_values_of_text_columns_count_as_null() -> None:
    frame = pl.DataFrame(
        {"a": ["x", "", "NA"], "b": pl.Series(["NA", "y", "y"], dtype=pl.Categorical)}
    )
    report = check(
        frame,
        contract(
            string("a", required=True, enum=["x"]),
            string("b", required=True),
            missingValues=["", "NA"],
        ),
    )
    assert found(report) == [("required", "b", 2), ("required", "a", 3), ("required", "a", 4)]


def test_columns_are_matched_by_name_and_their_order_counts_under_exact() -> None:
    fields = (integer("a"), integer("b"))
    frame = pl.DataFrame({"b": [1], "a": [2]})
    codes = [total.code for total in check(frame, contract(*fields)).totals]
    assert codes == ["incorrect-label", "incorrect-label"]
    assert check(frame, contract(*fields, fieldsMatch="equal")).ok


@pytest.mark.parametrize(
    ("mode", "columns", "codes"),
    [
        ("exact", ["a", "b", "c"], ["extra-label"]),
        ("exact", ["a"], ["missing-label"]),
        ("equal", ["b", "a", "c"], ["extra-label"]),
        ("subset", ["c", "a", "b"], []),
        ("subset", ["a"], ["missing-label"]),
        ("superset", ["a"], []),
        ("superset", ["a", "c"], ["extra-label"]),
        ("partial", ["a", "c"], []),
        ("partial", ["c"], ["unmatched-header"]),
    ],
)
def test_fields_match_decides_which_columns_may_differ(
    mode: str, columns: list[str], codes: list[str]
) -> None:
    frame = pl.DataFrame({name: [1] for name in columns})
    report = check(frame, contract(integer("a"), integer("b"), fieldsMatch=mode))
    assert [total.code for total in report.totals] == codes


def test_bounds_are_exact_for_large_integers_and_never_overflow_small_ones() -> None:
    big = 2**53
    frame = pl.DataFrame({"a": [big, big + 1], "b": pl.Series([0, 255], dtype=pl.UInt8)})
    report = check(
        frame, contract(integer("a", maximum=big), integer("b", minimum=-5, maximum=300))
    )
    assert found(report) == [("maximum", "a", 3)]


def test_nan_is_outside_of_every_bound() -> None:
    frame = pl.DataFrame({"n": [1.0, float("nan"), None]})
    field = {"name": "n", "type": "number", "constraints": {"minimum": 0, "maximum": 5}}
    assert found(check(frame, contract(field))) == [("minimum", "n", 3), ("maximum", "n", 3)]


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("a|b", ["a", "b"], ["ax", "xb"]),
        ("^a.*$", ["a", "abc"], ["ba"]),
        (r"(?!0)\d+", ["10"], ["01"]),
        (r"(.)\1", ["aa"], ["ab"]),
        (r"(?<=x)y|xy", ["xy"], ["y"]),
        ("[a&&b]", ["a", "b", "&"], ["c"]),
        (r"a", ["a"], ["a\n"]),
    ],
)
def test_a_pattern_must_match_the_whole_value_on_either_engine(
    pattern: str, good: list[str], bad: list[str]
) -> None:
    report = check(pl.DataFrame({"s": [*good, *bad]}), contract(string("s", pattern=pattern)))
    rows = list(range(2 + len(good), 2 + len(good) + len(bad)))
    assert [row for _, _, row in found(report)] == rows


def test_a_float32_is_compared_in_its_own_precision() -> None:
    frame = pl.DataFrame({"n": pl.Series([0.1, 0.2], dtype=pl.Float32)})
    field = {"name": "n", "type": "number", "constraints": {"maximum": 0.1, "enum": [0.1, 0.2]}}
    assert found(check(frame, contract(field))) == [("maximum", "n", 3)]


def test_any_type_can_be_a_key() -> None:
    for values in (
        [[1], [1]],
        [{"a": 1}, {"a": 1}],
        [b"x", b"x"],
        [dt.timedelta(1)] * 2,
        [None] * 2,
    ):
        frame = pl.DataFrame({"v": values})
        report = check(frame, contract({"name": "v", "type": "any"}, uniqueKeys=[["v"]]))
        assert [row for _, _, row in found(report)] == ([] if values[0] is None else [3])


def test_categories_are_enforced() -> None:
    field = {
        "name": "c",
        "type": "integer",
        "categories": [{"value": 0, "label": "no"}, {"value": 1}],
    }
    assert found(check(pl.DataFrame({"c": [0, 1, 2]}), contract(field))) == [("categories", "c", 4)]


def test_durations_are_compared_as_xml_schema_orders_them() -> None:
    field = {"name": "d", "type": "duration", "constraints": {"minimum": "P30D", "maximum": "P1Y"}}
    report = check(pl.DataFrame({"d": ["P1M", "P31D", "P12M", "P29D", "P13M"]}), contract(field))
    # A month may be shorter than thirty days, so it is not surely at least as long.
    assert found(report) == [("minimum", "d", 2), ("minimum", "d", 5), ("maximum", "d", 6)]
    typed = check(pl.DataFrame({"d": [dt.timedelta(29), dt.timedelta(31)]}), contract(field))
    assert found(typed) == [("minimum", "d", 2)]


def test_a_json_schema_judges_objects_as_text_and_as_structs() -> None:
    rule = {"type": "object", "properties": {"v": {"type": "integer"}}}
    field = {"name": "o", "type": "object", "constraints": {"jsonSchema": rule}}
    text = pl.DataFrame({"o": ['{"v": 1}', '{"v": "x"}', "nope"]})
    assert found(check(text, contract(field))) == [("jsonSchema", "o", 3), ("type", "o", 4)]
    structs = pl.DataFrame({"o": [{"v": 1.0}, {"v": 1.5}]})
    assert found(check(structs, contract(field))) == [("jsonSchema", "o", 3)]


def test_moments_with_a_time_zone_are_compared_as_instants() -> None:
    moments = pl.Series([dt.datetime(2020, 1, 1, 0, 30)]).dt.replace_time_zone("Europe/Copenhagen")  # noqa: DTZ001
    field = {"name": "t", "type": "datetime", "constraints": {"minimum": "2020-01-01T00:00:00"}}
    assert found(check(moments.alias("t").to_frame(), contract(field))) == [("minimum", "t", 2)]


def test_many_batches_give_the_same_report_as_one(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [i % 4999 for i in range(10_000)], "s": ["x"] * 9_999 + ["y"]})
    rules = contract(integer("a", maximum=4990), string("s", enum=["x"]), primaryKey=["a", "s"])
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=1000)
    whole = check(frame, rules)
    for source in (frame, frame.lazy(), pl.scan_parquet(tmp_path / "t.parquet")):
        pieces = check(source, rules, batch_rows=700)
        assert pieces.to_dict() == whole.to_dict()
    assert whole.error_count == 16 + 1 + 5000


def test_thousands_of_columns_are_checked() -> None:
    names = [f"c{i}" for i in range(3000)]
    frame = pl.DataFrame({name: [1, 2] for name in names})
    report = check(frame, contract(*(integer(name, maximum=1, required=True) for name in names)))
    assert report.error_count == 3000


@pytest.mark.parametrize(
    "pattern", [r"[a-z\-\[]+", r"\[-[a]", r"\\\\i", r"[a-z]-[a-z]", r"[\w-]{1,3}-[0-9]", r"[]a-]"]
)
def test_what_only_looks_like_a_class_taken_out_of_another_is_a_pattern(pattern: str) -> None:
    descriptor = {"fields": [{"name": "v", "type": "string", "constraints": {"pattern": pattern}}]}
    assert lint(descriptor) == []
    assert not check(pl.DataFrame({"v": ["§"]}), Contract.from_descriptor(descriptor)).ok
