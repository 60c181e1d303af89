"""https://datapackage.org/standard/table-schema/#number."""

from typing import TYPE_CHECKING, cast

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import BOUNDED, INTEGERS, FieldType, Reader
from data_package.engine.schema.types.json_text import json_number
from data_package.engine.schema.types.numbers import (
    fits_a_float,
    is_number,
    plain_text,
    prepare_number,
    read_number,
)

if TYPE_CHECKING:
    import polars as pl


def _reader(field: Field) -> Reader:
    return lambda text: read_number(prepare_number(text.strip(), field))


def _literal(_field: Field, value: object) -> object:
    return value if is_number(value) and fits_a_float(value) else None


def _fast(field: Field, column: "pl.Expr") -> "pl.Expr":
    """Read floats, less those that only became 0 or infinite by being read."""
    import polars as pl

    text = plain_text(field, column)
    number = text.cast(pl.Float64, strict=False)
    exact = (number.is_finite() & (number != 0)) | ~text.str.contains("[1-9]")
    return pl.when(exact).then(number)


NUMBER = FieldType(
    "number",
    "a float, a Decimal or an integer",
    reader=_reader,
    holds=INTEGERS | {"Float16", "Float32", "Float64", "Decimal"},
    literal=_literal,
    json_value=lambda _field, meaning, _written: json_number(cast("float", meaning)),
    values="Float64",
    fast=_fast,
    constraints=BOUNDED,
    properties=frozenset({"decimalChar", "groupChar", "bareNumber"}),
    splits=True,
    family="number",
    coded=True,
)
