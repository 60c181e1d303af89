"""Uniqueness and references."""

import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.schema import Contract, Report, check


def contract(kinds: dict[str, str], **schema: Any) -> Contract:
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    return Contract.from_descriptor({"fields": fields, **schema}, name="table")


def rows(report: Report, rule: str) -> list[int]:
    return report.errors.filter(pl.col("rule") == rule)["row"].to_list()


def test_every_repetition_of_a_key_is_an_error_and_its_first_row_is_not() -> None:
    frame = pl.DataFrame({"a": [1, 2, 1, 1]})
    assert rows(check(frame, contract({"a": "integer"}, primaryKey="a")), "primaryKey") == [4, 5]


def test_no_part_of_a_primary_key_may_be_null() -> None:
    frame = pl.DataFrame({"a": [1, None, 1], "b": ["x", "x", None]})
    kinds = {"a": "integer", "b": "string"}
    assert rows(check(frame, contract(kinds, primaryKey=["a", "b"])), "primaryKey") == [3, 4]


def test_rows_with_a_null_are_left_out_of_unique_keys() -> None:
    frame = pl.DataFrame({"a": [1, None, None, 1], "b": ["x", "x", "x", "x"]})
    kinds = {"a": "integer", "b": "string"}
    assert rows(check(frame, contract(kinds, uniqueKeys=[["a", "b"]])), "uniqueKeys") == [5]


def test_nan_repeats_nothing() -> None:
    frame = pl.DataFrame({"a": [float("nan"), float("nan"), 0.0, -0.0]})
    assert rows(check(frame, contract({"a": "number"}, uniqueKeys=[["a"]])), "uniqueKeys") == [5]


def test_a_reference_is_looked_up_by_value_across_integer_sizes_and_text_types() -> None:
    frame = pl.DataFrame({"a": pl.Series([1, 3], dtype=pl.Int8), "b": ["x", "z"]})
    other = pl.DataFrame(
        {"k": pl.Series([1, 2], dtype=pl.UInt32), "t": pl.Series(["x", "y"], dtype=pl.Categorical)}
    )
    keys = [
        {"fields": ["a"], "reference": {"resource": "o", "fields": ["k"]}},
        {"fields": ["b"], "reference": {"resource": "o", "fields": ["t"]}},
        {"fields": ["a", "b"], "reference": {"resource": "o", "fields": ["k", "t"]}},
    ]
    kinds = {"a": "integer", "b": "string"}
    report = check(frame, contract(kinds, foreignKeys=keys), references={"o": other.lazy()})
    assert rows(report, "foreignKeys") == [3, 3, 3]


def test_a_reference_to_another_type_is_never_found() -> None:
    key = {"fields": ["a"], "reference": {"resource": "o", "fields": ["k"]}}
    report = check(
        pl.DataFrame({"a": ["1", None]}),
        contract({"a": "string"}, foreignKeys=[key]),
        references={"o": pl.DataFrame({"k": [1]})},
    )
    assert rows(report, "foreignKeys") == [2]
    assert "another type" in report.render()


def test_a_table_can_refer_to_itself() -> None:
    frame = pl.DataFrame({"id": [1, 2, 3], "parent": [None, 1, 9]})
    key = {"fields": ["parent"], "reference": {"fields": ["id"]}}
    kinds = {"id": "integer", "parent": "integer"}
    assert rows(check(frame, contract(kinds, foreignKeys=[key])), "foreignKeys") == [4]


def test_a_reference_to_a_table_that_is_not_given_is_reported_as_skipped() -> None:
    key = {"fields": ["a"], "reference": {"resource": "o", "fields": ["k"]}}
    report = check(pl.DataFrame({"a": [1]}), contract({"a": "integer"}, foreignKeys=[key]))
    assert report.ok
    assert "'o' was not given" in report.skipped[0]
    assert "not checked" in report.render()


def test_a_month_as_text_is_found_among_months_as_text() -> None:
    key = {"fields": ["m"], "reference": {"resource": "o", "fields": ["m"]}}
    report = check(
        pl.DataFrame({"m": ["2020-01", "2020-1", "2020-03"]}),
        contract({"m": "yearmonth"}, foreignKeys=[key]),
        references={"o": pl.DataFrame({"m": ["2020-01"]})},
    )
    assert rows(report, "foreignKeys") == [4]


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    table=st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(0, 3)), st.one_of(st.none(), st.sampled_from("ab"))
        ),
        max_size=12,
    )
)
def test_keys_agree_with_a_plain_reading_of_the_rows(table: list[tuple[Any, Any]]) -> None:
    schema = {"a": pl.Int64, "b": pl.String}
    frame = pl.DataFrame(table, schema=schema, orient="row")
    seen: set[tuple[Any, Any]] = set()
    repeated, null = [], []
    for number, row in enumerate(table, start=2):
        if None in row:
            null.append(number)
        elif row in seen:
            repeated.append(number)
        seen.add(row)
    kinds = {"a": "integer", "b": "string"}
    report = check(frame, contract(kinds, primaryKey=["a", "b"], uniqueKeys=[["a", "b"]]))
    assert rows(report, "uniqueKeys") == repeated
    assert sorted(rows(report, "primaryKey")) == sorted(repeated + null)


@pytest.mark.parametrize("kind", ["integer", "string"])
def test_repetitions_far_apart_in_large_tables_are_found(kind: str) -> None:
    values = list(range(20_000))
    random.Random(1).shuffle(values)
    values[19_999] = values[0]
    frame = pl.DataFrame({"a": values})
    if kind == "string":
        frame = frame.with_columns(pl.col("a").cast(pl.String))
    report = check(frame.lazy(), contract({"a": kind}, primaryKey=["a"]), batch_rows=900)
    assert rows(report, "primaryKey") == [20_001]


def test_large_reference_tables_are_looked_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_package.engine.schema.keys._SMALL", 2)
    keys = [{"fields": [name], "reference": {"resource": "o", "fields": [name]}} for name in "ab"]
    frame = pl.DataFrame({"a": [1, 9, None], "b": ["x", "y", "q"]})
    other = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    kinds = {"a": "integer", "b": "string"}
    report = check(frame, contract(kinds, foreignKeys=keys), references={"o": other})
    assert rows(report, "foreignKeys") == [3, 4]
