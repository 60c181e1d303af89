"""Bytes as text: base64, as the format `binary` of the type string has them.

https://datapackage.org/standard/table-schema/#string and https://www.rfc-editor.org/rfc/rfc4648
"""

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from polars._typing import PolarsDataType


def holds_bytes(dtype: pl.DataType) -> bool:
    """Tell whether a column of this type has bytes in it, at whatever depth."""
    if isinstance(dtype, pl.List | pl.Array):
        return holds_bytes(_inner(dtype))
    if isinstance(dtype, pl.Struct):
        return any(holds_bytes(_dtype(field.dtype)) for field in dtype.fields)
    return dtype == pl.Binary


def as_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a column of this type with its bytes as base64; what holds none stays as it is."""
    if not holds_bytes(dtype):
        return column
    if isinstance(dtype, pl.Array):
        column, dtype = column.arr.to_list(), pl.List(_inner(dtype))
    if isinstance(dtype, pl.List):
        return column.list.eval(as_text(pl.element(), _inner(dtype)))
    if isinstance(dtype, pl.Struct):
        fields = [
            as_text(column.struct[at], _dtype(field.dtype)).alias(field.name)
            for at, field in enumerate(dtype.fields)
        ]
        return pl.when(column.is_not_null()).then(pl.struct(fields))
    return column.bin.encode("base64")


def text_dtype(dtype: pl.DataType) -> pl.DataType:
    """Return the type that `as_text` makes of a column of this type."""
    if not holds_bytes(dtype):
        return dtype
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(text_dtype(_inner(dtype)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: text_dtype(_dtype(field.dtype)) for field in dtype.fields})
    return pl.String()


def _inner(dtype: pl.List | pl.Array) -> pl.DataType:
    return _dtype(dtype.inner)


def _dtype(dtype: "PolarsDataType") -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()
