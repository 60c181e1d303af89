from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from frictionless import Schema

import data_package.final

from .trial import FINAL_TABLES, collect, contract

FIELD_TYPES = {
    pl.String: "string",
    pl.Enum: "string",
    pl.Int64: "integer",
    pl.Float64: "number",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Time: "time",
}

each_table = pytest.mark.parametrize("table", FINAL_TABLES)


def schema(table: str) -> dict[str, Any]:
    found: dict[str, Any] = contract(table)["schema"]
    return found


def fields(table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = schema(table)["fields"]
    return found


def constraints(field: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = field.get("constraints", {})
    return found


def values_of(categories: list[Any]) -> list[object]:
    return [entry["value"] if isinstance(entry, dict) else entry for entry in categories]


def test_every_final_table_has_a_module_and_a_contract_and_there_are_no_others() -> None:
    folder = Path(*data_package.final.__path__)
    assert {path.stem for path in folder.glob("*.yaml")} == set(FINAL_TABLES)
    assert {path.stem for path in folder.glob("*.py")} == {*FINAL_TABLES, "__init__"}


@each_table
def test_frictionless_accepts_the_contract(table: str) -> None:
    profile = "https://datapackage.org/profiles/2.0/tableschema.json"
    descriptor = {"$schema": profile, **schema(table)}
    assert list(Schema.metadata_validate(descriptor)) == []
    assert Schema.from_descriptor(descriptor).field_names == [f["name"] for f in fields(table)]


@each_table
def test_the_table_and_every_field_have_a_title_and_a_description(table: str) -> None:
    for described in (contract(table), *fields(table)):
        assert described["title"].strip()
        assert described["description"].strip().endswith(".")


@each_table
def test_columns_have_the_names_the_order_and_the_types_of_the_contract(table: str) -> None:
    columns = collect(table).schema
    assert [(name, FIELD_TYPES[dtype.base_type()]) for name, dtype in columns.items()] == [
        (field["name"], field["type"]) for field in fields(table)
    ]


@each_table
def test_a_closed_vocabulary_is_the_same_in_the_contract_and_in_the_table(table: str) -> None:
    for field in fields(table):
        dtype = collect(table).schema[field["name"]]
        if isinstance(dtype, pl.Enum):
            assert dtype.categories.to_list() == values_of(field["categories"])
            assert dtype.categories.to_list() == constraints(field)["enum"]
        else:
            assert "categories" not in field


@each_table
def test_required_fields_are_never_empty(table: str) -> None:
    required = [field["name"] for field in fields(table) if constraints(field).get("required")]
    assert required
    assert collect(table).select(required).null_count().sum_horizontal().item() == 0


@each_table
def test_values_lie_within_their_bounds(table: str) -> None:
    def literal(field: dict[str, Any], bound: str) -> object:
        value: object = constraints(field)[bound]
        return date.fromisoformat(str(value)) if field["type"] == "date" else value

    def beyond(field: dict[str, Any], bound: str) -> pl.Expr:
        column, limit = pl.col(field["name"]), pl.lit(literal(field, bound))
        return {
            "minimum": column < limit,
            "maximum": column > limit,
            "exclusiveMinimum": column <= limit,
        }[bound]

    bounds = ("minimum", "maximum", "exclusiveMinimum")
    for field in fields(table):
        for bound in set(bounds) & set(constraints(field)):
            assert collect(table).filter(beyond(field, bound)).is_empty(), (field["name"], bound)


@each_table
def test_text_has_the_length_and_the_pattern_of_the_contract(table: str) -> None:
    for field in fields(table):
        text = pl.col(field["name"])
        if "pattern" in constraints(field):
            pattern = constraints(field)["pattern"]
            assert pattern.startswith("^(?:")
            assert pattern.endswith(")$")
            assert collect(table).filter(~text.str.contains(pattern)).is_empty(), field["name"]
        if "minLength" in constraints(field):
            too_short = text.str.len_chars() < constraints(field)["minLength"]
            assert collect(table).filter(too_short).is_empty(), field["name"]


@each_table
def test_values_are_in_their_enumeration(table: str) -> None:
    for field in fields(table):
        if "enum" in constraints(field):
            values = collect(table)[field["name"]].drop_nulls().unique().to_list()
            assert set(values) <= set(constraints(field)["enum"]), field["name"]


@each_table
def test_primary_and_unique_keys_are_unique_and_complete(table: str) -> None:
    unique = [[f["name"]] for f in fields(table) if constraints(f).get("unique")]
    for key in (schema(table)["primaryKey"], *schema(table).get("uniqueKeys", []), *unique):
        assert not collect(table).select(key).is_duplicated().any()
        assert collect(table).select(key).null_count().sum_horizontal().item() == 0


@each_table
def test_every_foreign_key_finds_its_row(table: str) -> None:
    for key in schema(table).get("foreignKeys", []):
        there = collect(key["reference"]["resource"])
        orphans = collect(table).join(
            there, left_on=key["fields"], right_on=key["reference"]["fields"], how="anti"
        )
        assert orphans.is_empty()
        assert schema(key["reference"]["resource"])["primaryKey"] == key["reference"]["fields"]


@each_table
def test_a_table_that_names_a_subject_or_a_visit_refers_to_it(table: str) -> None:
    columns = collect(table).columns
    references = [key["reference"]["resource"] for key in schema(table).get("foreignKeys", [])]
    assert ("subjects" in references) == ("subject_id" in columns and table != "subjects")
    assert ("visits" in references) == ("visit_number" in columns and table != "visits")


@each_table
def test_rows_are_sorted_by_primary_key(table: str) -> None:
    key = schema(table)["primaryKey"]
    assert collect(table).select(key).equals(collect(table).select(key).sort(key))


@each_table
def test_two_builds_of_a_table_are_the_same(table: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    again = collect.__wrapped__(table)
    assert again.equals(collect(table))
    again.write_parquet(first)
    collect(table).write_parquet(second)
    assert first.read_bytes() == second.read_bytes()
