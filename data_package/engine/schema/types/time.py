"""https://datapackage.org/standard/table-schema/#time."""

from datetime import datetime, time
from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import BOUNDED, FieldType, Reader
from data_package.engine.schema.types.moments import by_format, guard, instant, isoparse

if TYPE_CHECKING:
    import polars as pl


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
)
