"""https://datapackage.org/standard/table-schema/#integer."""

from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import (
    BOUNDED,
    INTEGERS,
    Conversion,
    FieldType,
    Reader,
)
from data_package.engine.schema.types.numbers import (
    plain_text,
    prepare_number,
    read_integer,
    whole_literal,
)

if TYPE_CHECKING:
    import polars as pl


def _reader(field: Field) -> Reader:
    return lambda text: read_integer(prepare_number(text.strip(), field))


def _fast(field: Field, column: "pl.Expr") -> "pl.Expr":
    import polars as pl

    return plain_text(field, column).cast(pl.Int64, strict=False)


def _whole(column: "pl.Expr", dtype: "pl.DataType") -> Conversion | None:
    import polars as pl

    if not dtype.is_float():
        return None
    return Conversion(column.cast(pl.Int64, strict=False), column.floor() != column)


INTEGER = FieldType(
    "integer",
    "an integer",
    reader=_reader,
    holds=INTEGERS,
    literal=whole_literal,
    values="Int64",
    fast=_fast,
    constraints=BOUNDED,
    properties=frozenset({"groupChar", "bareNumber", "categories", "categoriesOrdered"}),
    splits=True,
    family="number",
    coded=True,
    converted=_whole,
)
