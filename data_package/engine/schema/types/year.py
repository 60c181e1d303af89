"""https://datapackage.org/standard/table-schema/#year."""

from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import BOUNDED, INTEGERS, FieldType
from data_package.engine.schema.types.numbers import read_integer, whole_literal

if TYPE_CHECKING:
    import polars as pl


def _read(text: str) -> int | None:
    year = read_integer(text) if len(text) == 4 else None
    return year if year is not None and 0 <= year <= 9999 else None


def _fast(_field: Field, column: "pl.Expr") -> "pl.Expr":
    import polars as pl

    year = pl.when(column.str.len_bytes() == 4).then(column.cast(pl.Int64, strict=False))
    return pl.when(year >= 0).then(year)


YEAR = FieldType(
    "year",
    "an integer",
    reader=lambda _: _read,
    holds=INTEGERS,
    literal=whole_literal,
    values="Int64",
    fast=_fast,
    constraints=BOUNDED,
    family="number",
    coded=True,
)
