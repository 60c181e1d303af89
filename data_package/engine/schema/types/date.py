"""https://datapackage.org/standard/table-schema/#date."""

from datetime import date, datetime
from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import BOUNDED, Conversion, FieldType, Reader
from data_package.engine.schema.types.moments import by_format, guard, nothing, strptime

if TYPE_CHECKING:
    import polars as pl

_PATTERN = "%Y-%m-%d"


def _reader(field: Field) -> Reader:
    read = by_format(field.format, lambda text: strptime(text, _PATTERN))
    return lambda text: _day(read(text))


def _day(value: datetime | None) -> date | None:
    return None if value is None else value.date()


def _fast(field: Field, column: "pl.Expr") -> "pl.Expr | None":
    import polars as pl

    guarded = guard(_PATTERN if field.format == "default" else field.format)
    if guarded is None:
        return None
    form, pattern = guarded
    if not all(directive in pattern for directive in ("%Y", "%m", "%d")) or "%H" in pattern:
        return nothing(column, pl.Date())
    word = pl.col("word")
    held = pl.when(word.str.contains(form)).then(word)
    read = held.str.to_date(pattern, strict=False, cache=False)
    return column.map_batches(lambda texts: _by_word(texts, read), return_dtype=pl.Date)


def _by_word(texts: "pl.Series", read: "pl.Expr") -> "pl.Series":
    """Return what an expression makes of the column `word`, evaluated once per distinct text.

    Days repeat: reading each once and giving every cell its own takes a quarter of the time.
    """
    import polars as pl

    name, texts = texts.name, texts.alias("word")
    # Categories of their own, so that no word of the data outlives this call.
    codes = texts.cast(pl.Categorical(pl.Categories.random()))
    words = codes.drop_nulls().unique()
    words = words.gather(words.to_physical().arg_sort()).cast(pl.String)
    values = words.to_frame("word").select(read.alias("value")).to_series()
    return values.gather(codes.to_physical()).alias(name)


def _midnight(column: "pl.Expr", dtype: "pl.DataType") -> Conversion | None:
    import polars as pl

    if not isinstance(dtype, pl.Datetime) or dtype.time_zone is not None:
        return None
    day = column.dt.date()
    return Conversion(day, day.cast(dtype) != column)


DATE = FieldType(
    "date",
    "Date",
    reader=_reader,
    holds=frozenset({"Date"}),
    values="Date",
    fast=_fast,
    formats=frozenset({"any"}),
    patterns=True,
    constraints=BOUNDED,
    converted=_midnight,
)
