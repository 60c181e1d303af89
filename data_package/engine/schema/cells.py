"""Columns of text as columns of values, at the speed of Polars where its readers agree with ours.

A column is read twice over: first with vectorised expressions that accept nothing wrong, then the
distinct cells those left over with the readers in `lexical`, which have the last word.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from data_package.engine.schema.contract import Field
from data_package.engine.schema.lexical import Span, canonical_json, reader

LOGICAL_DTYPES: dict[str, pl.DataType] = {
    "yearmonth": pl.Int64(),
    "duration": pl.String(),
    "geopoint": pl.String(),
    "geojson": pl.String(),
    "object": pl.String(),
    "array": pl.String(),
    "list": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Cells:
    """A column that was text: its logical values, and which cells are not of its type.

    `bad` is None when every cell is. A bad cell's value is null.
    """

    values: pl.Series
    bad: pl.Series | None


def read_lexical(field: Field, text: pl.Series) -> Cells:
    """Return a String column of a type that has only a text form as comparable values.

    Months count from year 0; all other types become one canonical spelling per value.
    """
    read = reader(field)

    def comparable(cell: str) -> object:
        return _comparable(read(cell))

    values = over_distinct(text, comparable, LOGICAL_DTYPES[field.type])
    bad = text.is_not_null() & values.is_null()
    return Cells(values, bad if bad.any() else None)


def over_distinct(
    text: pl.Series, function: Callable[[str], object], dtype: pl.DataType
) -> pl.Series:
    """Return `function` of every cell, called once per distinct value; nulls stay null."""
    distinct = text.drop_nulls().unique()
    results = pl.Series([function(value) for value in distinct], dtype=dtype)
    return text.replace_strict(distinct, results, default=None, return_dtype=dtype)


def _comparable(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Span):
        return value.canonical()
    if isinstance(value, tuple):
        return ",".join(repr(float(part)) for part in value)
    return canonical_json(value)
