"""Why a value is missing, as a field of its own: beside plain Python, for text and for numbers."""

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyreadstat
import pytest

from data_package.engine.schema import columns_of, read
from data_package.engine.schema.contract import Contract
from data_package.engine.schema.linting import lint

WORDS = [
    {"value": "", "label": "not asked"},
    {"value": "8", "label": "refused"},
    {"value": "-9.5", "label": "out of range"},
    {"value": "NA"},
]
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "integer"},
    {"name": "kg", "type": "number", "missingValues": WORDS, "missingReason": "kg_missing"},
    {"name": "note", "type": "string", "missingValues": WORDS, "missingReason": "note_missing"},
]
ROWS = [
    ["1", "50.5", "fine"],
    ["2", "8", "8"],
    ["3", "-9.5", "-9.5"],
    ["4", "NA", "NA"],
    ["5", "", ""],
    ["6", "x", "8.0"],
    ["7", "8.0", " "],
]
LABELS = {one["value"]: one.get("label", one["value"]) for one in WORDS}
REASONS = [(LABELS.get(kg), LABELS.get(note)) for _, kg, note in ROWS]


def reasons_in(path: Path, **options: Any) -> list[tuple[str | None, str | None]]:
    frame = read(path, {"fields": FIELDS}, **options).frame.collect()
    assert frame.columns == ["id", "kg", "note", "kg_missing", "note_missing"]
    assert frame.schema == columns_of(Contract.from_descriptor({"fields": FIELDS}))
    missing = frame.select("kg_missing", "note_missing")
    assert frame.filter(pl.col("kg").is_not_null() & pl.col("kg_missing").is_not_null()).is_empty()
    return missing.rows()


def test_text_has_the_labels_that_plain_python_finds(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "kg", "note"], *ROWS])
    assert reasons_in(path) == REASONS
    assert reasons_in(path, block_bytes=16) == REASONS
    with (tmp_path / "into").open("w+b") as into:
        assert reasons_in(path, into=into) == REASONS
    left = [row for row in REASONS if row is not REASONS[5]]
    assert reasons_in(path, bad="reject") == left


def test_cells_of_a_workbook_have_the_labels(tmp_path: Path) -> None:
    frame = pl.DataFrame(ROWS, schema=["id", "kg", "note"], orient="row")
    frame.with_columns(pl.col("id").cast(pl.Int64)).write_excel(tmp_path / "t.xlsx")
    assert reasons_in(tmp_path / "t.xlsx")[:4] == REASONS[:4]


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Int64, pl.Decimal(9, 2)])
def test_numbers_have_the_labels_of_the_words_that_are_numbers(
    tmp_path: Path, dtype: pl.DataType
) -> None:
    values = [1, 8, None, 3] if dtype == pl.Int64 else [1.5, 8.0, None, -9.5]
    path = tmp_path / "t.parquet"
    kg = pl.Series(values, strict=False).cast(dtype)
    pl.DataFrame({"id": [1, 2, 3, 4], "kg": kg, "note": ["a", "8", None, ""]}).write_parquet(path)
    frame = read(path, {"fields": FIELDS}).frame.collect()
    last = None if dtype == pl.Int64 else "out of range"
    assert frame["kg_missing"].to_list() == [None, "refused", None, last]
    assert frame["note_missing"].to_list() == [None, "refused", None, "not asked"]
    assert frame["kg"].null_count() == (2 if dtype == pl.Int64 else 3)


def test_what_a_statistical_file_counts_as_missing_has_its_label_or_its_code(
    tmp_path: Path,
) -> None:
    sav, dta = tmp_path / "t.sav", tmp_path / "t.dta"
    frame = pd.DataFrame({"n": [1.0, 7.0, 8.0, 9.0, None], "s": ["a", "X", "Y", "a", "a"]})
    pyreadstat.write_sav(
        frame,
        sav,
        variable_value_labels={"n": {1: "one", 8: "refused", 9: "unknown"}, "s": {"X": "none"}},
        missing_ranges={"n": [7, 8, 9], "s": ["X", "Y"]},
    )
    fields: list[dict[str, Any]] = [
        {
            "name": "n",
            "type": "integer",
            "missingReason": "why",
            "missingValues": ["", {"value": "9", "label": "not known"}],
        },
        {"name": "s", "type": "string", "missingReason": "s_why"},
    ]
    read_sav = read(sav, {"fields": fields}).frame.collect()
    assert read_sav["n"].to_list() == [1, None, None, None, None]
    assert read_sav["why"].to_list() == [None, "7", "refused", "not known", None]
    assert read_sav["s_why"].to_list() == [None, "none", "Y", None, None]
    allowed = {**fields[0], "categories": [1, 7, 8]}
    again = read(sav, {"fields": [allowed, fields[1]]}).frame.collect()
    assert again["n"].to_list() == [1, 7, 8, None, None]
    assert again["why"].to_list() == [None, None, None, "not known", None]

    pyreadstat.write_dta(
        pd.DataFrame({"n": pd.Series([1, "r", "s", None], dtype=object)}),
        dta,
        variable_value_labels={"n": {1: "one", "r": "refused"}},
        missing_user_values={"n": ["r", "s"]},
    )
    field = {"name": "n", "type": "integer", "missingReason": "why"}
    assert read(dta, {"fields": [field]}).frame.collect()["why"].to_list() == [
        None,
        "refused",
        ".s",
        None,
    ]


def test_a_reason_that_is_a_field_of_the_contract_is_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("kg,kg_missing\n8,lost\n")
    fields = [FIELDS[1], {"name": "kg_missing", "type": "string"}]
    assert read(path, {"fields": fields}).frame.collect().rows() == [(None, "lost")]


def test_a_file_without_the_field_has_no_reason(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,note\n1,NA\n")
    schema = {"fields": FIELDS, "fieldsMatch": "superset"}
    assert read(path, schema).frame.collect().rows() == [(1, None, None, None, "NA")]


def test_labels_are_part_of_how_a_file_is_read_only_where_a_field_has_them() -> None:
    def digest(label: str, **more: str) -> str:
        missing = [{"value": "8", "label": label}]
        field = {"name": "n", "type": "integer", "missingValues": missing, **more}
        return Contract.from_descriptor({"fields": [field]}).validation_digest()

    assert digest("a") == digest("b")
    assert digest("a", missingReason="why") != digest("b", missingReason="why")
    assert digest("a", missingReason="why") != digest("a", missingReason="wherefore")


def test_a_reason_is_a_separate_field() -> None:
    def faults(*fields: dict[str, object]) -> list[str]:
        return [str(one) for one in lint({"schema": {"fields": list(fields)}})]

    assert faults({"name": "a", "missingReason": "why"}) == []
    (own,) = faults({"name": "a", "missingReason": "a"})
    assert "another field than its own" in own
    (twice,) = faults({"name": "a", "missingReason": "w"}, {"name": "b", "missingReason": "w"})
    assert "is the missingReason of 'a'" in twice
    (number,) = faults({"name": "a", "missingReason": 3})
    assert "as text" in number
