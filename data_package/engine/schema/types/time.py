"""https://datapackage.org/standard/table-schema/#time."""

from datetime import datetime, time
from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import BOUNDED, Conversion, FieldType, Reader
from data_package.engine.schema.types.moments import by_format, guard, instant, isoparse

if TYPE_CHECKING:
    import polars as pl

# In microseconds.
_DAY = 86_400_000_000


def _reader(field: Field) -> Reader:
    read = by_format(field.format, _iso)
    return lambda text: _clock(read(text))


def _iso(text: str) -> datetime | None:
    if len(text) < 8 or text[5] != ":":
        return None
    return isoparse(f"2000-01-01T{text}")


def _clock(value: datetime | None) -> time | None:
    moment = instant(value)
    return None if moment is None else moment.time()


def _fast(field: Field, column: "pl.Expr") -> "pl.Expr | None":
    import polars as pl

    guarded = guard("%H:%M:%S" if field.format == "default" else field.format)
    if guarded is None or "%Y" in guarded[1]:
        return None
    form, pattern = guarded
    return pl.when(column.str.contains(form)).then(column).str.to_time(pattern, strict=False)


def _within_a_day(column: "pl.Expr", dtype: "pl.DataType") -> Conversion | None:
    import polars as pl

    if not isinstance(dtype, pl.Duration):
        return None
    stored = column.dt.total_microseconds()
    inside = stored.is_between(0, _DAY, closed="left")
    return Conversion(pl.when(inside).then((stored * 1000).cast(pl.Time)))


TIME = FieldType(
    "time",
    "Time",
    reader=_reader,
    holds=frozenset({"Time"}),
    values="Time",
    fast=_fast,
    formats=frozenset({"any"}),
    patterns=True,
    constraints=BOUNDED,
    converted=_within_a_day,
)
