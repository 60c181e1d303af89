"""Columns of text as columns of values, at the speed of Polars where its readers agree with ours.

A column is read twice over: first with vectorised expressions that accept nothing wrong, then the
distinct cells those left over with the readers in `lexical`, which have the last word.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from data_package.engine.schema.columns import column as column_of
from data_package.engine.schema.contract import Field
from data_package.engine.schema.types import reader, type_of
from data_package.engine.schema.types.duration import WholeDuration
from data_package.engine.schema.types.field_type import Reader
from data_package.engine.schema.types.json_text import canonical_json
from data_package.engine.schema.types.moments import nothing


@dataclass(frozen=True, slots=True)
class Cells:
    """A column that was text: its logical values, and which cells are not of its type.

    `bad` is None when every cell is. A bad cell's value is null.
    """

    values: pl.Series
    bad: pl.Series | None


def logical_dtype(field: Field) -> pl.DataType:
    """Return the Polars type of a field's logical values when they are read from text."""
    return type_of(field).dtype()


def number_dtype(field: Field) -> pl.DataType | None:
    """Return the type of a field whose cells may be split into numbers at once, else None.

    They may when they are written plainly, and no missing value reads like a number.
    """
    properties = field.descriptor
    plain = properties.get("decimalChar", ".") == "." and properties.get("bareNumber") is not False
    kind = type_of(field)
    if not kind.splits or not plain or properties.get("groupChar"):
        return None
    read = reader(field)
    distinct = all(not word or read(word) is None for word in field.missing_values)
    return kind.dtype() if distinct else None


def read_columns(
    texts: pl.DataFrame, fields: Sequence[Field], empty_is_null: bool
) -> dict[str, Cells]:
    """Return the values of columns of text, named by field; numbers stay as they are.

    `empty_is_null` tells that empty cells are nulls already.
    """
    dtypes = texts.schema
    left = [each for each in fields if dtypes[each.name] == pl.String]
    texts = texts.with_columns(_without_missing(each, empty_is_null) for each in left)
    fast = texts.with_columns(_fast(each).alias(each.name) for each in left)
    return {
        each.name: _named(_completed(each, texts[each.name], fast[each.name]), each.name)
        for each in fields
    }


def read_column(field: Field, text: pl.Series) -> Cells:
    """Return the values of one column of text whose missing values are nulls already."""
    name = text.name
    fast = text.to_frame(field.name).select(_fast(field)).to_series()
    return _named(_completed(field, text, fast), name)


def _named(cells: Cells, name: str) -> Cells:
    return Cells(cells.values.alias(name), cells.bad)


def over_distinct(
    text: pl.Series, function: Callable[[str], object], dtype: pl.DataType
) -> pl.Series:
    """Return `function` of every cell, called once per distinct value; nulls stay null."""
    name, text = text.name, text.alias("cell")
    distinct = text.drop_nulls().unique()
    results = pl.Series([function(value) for value in distinct], dtype=dtype)
    found = text.replace_strict(distinct, results, default=None, return_dtype=dtype)
    return found.alias(name)


def _without_missing(field: Field, empty_is_null: bool) -> pl.Expr:
    """Return the column with its missing values as nulls, compared exactly and before all else.

    https://datapackage.org/standard/table-schema/#missingValues
    """
    column = column_of(field.name)
    words = [word for word in field.missing_values if word or not empty_is_null]
    if not words:
        return column
    test = column == words[0] if len(words) == 1 else column.is_in(words)
    return pl.when(~test).then(column).alias(field.name)


def _fast(field: Field) -> pl.Expr:
    """Return an expression that reads the usual spellings and leaves null what it cannot judge."""
    column = column_of(field.name)
    fast = type_of(field).fast(field, column)
    return nothing(column, logical_dtype(field)) if fast is None else fast


def _completed(field: Field, text: pl.Series, fast: pl.Series) -> Cells:
    """Return the values, with what the fast reading left over read cell by distinct cell."""
    # Operations on a series read its name as `pl.col` does.
    text, fast = text.alias("cell"), fast.alias("cell")
    if fast.null_count() == text.null_count():
        return Cells(fast, None)
    left = text.is_not_null() & fast.is_null()
    values = fast
    for expression in type_of(field).further(field):
        values = _filled(text, values, expression)
        left = text.is_not_null() & values.is_null()
        if not left.any():
            return Cells(values, None)
    read = reader(field)
    dtype = logical_dtype(field)
    slow = over_distinct(text.filter(left), lambda cell: _value(read, cell, dtype), dtype)
    if slow.null_count() < len(slow):
        values = _placed(values, left, slow)
    bad = text.is_not_null() & values.is_null()
    return Cells(values, bad if bad.any() else None)


def _filled(
    text: pl.Series, values: pl.Series, expression: Callable[[pl.Expr], pl.Expr]
) -> pl.Series:
    frame = pl.DataFrame({"text": text, "value": values})
    left = pl.when(pl.col("value").is_null()).then(pl.col("text"))
    return frame.select(pl.coalesce("value", expression(left)).alias(values.name)).to_series()


def _placed(values: pl.Series, where: pl.Series, found: pl.Series) -> pl.Series:
    """Return `values` with the ones that `where` marks replaced by `found`, in order."""
    if len(found) == len(values):
        return found.alias(values.name)
    return values.scatter(where.arg_true(), found)


def _value(read: Reader, cell: str, dtype: pl.DataType) -> object:
    try:
        return _comparable(read(cell), dtype)
    except Exception:  # noqa: BLE001  such as JSON of a thousand levels; its text could quote it
        return None


def _comparable(value: object, dtype: pl.DataType) -> object:
    if isinstance(value, WholeDuration):
        return value.canonical()
    if isinstance(value, tuple):
        return ",".join(repr(float(part)) for part in value)
    if isinstance(value, dict | list):
        return canonical_json(value)
    if dtype == pl.Int64 and isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    return value
