"""https://datapackage.org/standard/table-schema/#datetime."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import BOUNDED, Conversion, FieldType, Reader
from data_package.engine.schema.types.moments import (
    DIRECTIVES,
    by_format,
    guard,
    instant,
    isoparse,
    nothing,
)

if TYPE_CHECKING:
    import polars as pl

_CLOCK = "[0-9]{2}:[0-9]{2}:[0-5][0-9]"
_DAY = f"{DIRECTIVES['%Y']}-[0-9]{{2}}-[0-9]{{2}}"
_PLAIN = (f"^{_DAY}T{_CLOCK}$", "%Y-%m-%dT%H:%M:%S")
_FURTHER = (
    (f"^{_DAY} {_CLOCK}$", "%Y-%m-%d %H:%M:%S"),
    (rf"^{_DAY}T{_CLOCK}\.[0-9]{{1,6}}$", "%Y-%m-%dT%H:%M:%S%.f"),
)
_WITH_OFFSET = (
    rf"^{_DAY}T{_CLOCK}(?:\.[0-9]{{1,6}})?(?:Z|[+-][01][0-9]:[0-5][0-9])$",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
)


def _reader(field: Field) -> Reader:
    read = by_format(field.format, _iso)
    return lambda text: instant(read(text))


def _iso(text: str) -> datetime | None:
    if len(text) < 19 or text[16] != ":" or text[10] not in "Tt ":
        return None
    return isoparse(text)


def _fast(field: Field, column: "pl.Expr") -> "pl.Expr | None":
    guarded = _PLAIN if field.format == "default" else guard(field.format)
    return None if guarded is None else _read(column, *guarded)


def _read(column: "pl.Expr", form: str, pattern: str) -> "pl.Expr":
    import polars as pl

    if not all(directive in pattern for directive in ("%Y", "%m", "%d", "%H", "%M")):
        return nothing(column, pl.Datetime("us"))
    value = column.str.to_datetime(pattern, time_unit="us", strict=False, cache=False)
    return pl.when(column.str.contains(form)).then(value)


def _read_with_offset(column: "pl.Expr") -> "pl.Expr":
    import polars as pl

    form, pattern = _WITH_OFFSET
    held = pl.when(column.str.contains(form)).then(column)
    read = held.str.to_datetime(
        pattern, time_unit="us", strict=False, cache=False
    ).dt.replace_time_zone(None)
    # Near the first and the last year an offset leads out of them: the slow reader knows.
    within = read.is_between(pl.datetime(1, 1, 2), pl.datetime(9999, 12, 30))
    return pl.when(within).then(read)


def _further(field: Field) -> "Sequence[Callable[[pl.Expr], pl.Expr]]":
    if field.format != "default":
        return ()
    plain = [partial(_read, form=form, pattern=pattern) for form, pattern in _FURTHER]
    return (*plain, _read_with_offset)


def _begins(column: "pl.Expr", dtype: "pl.DataType") -> Conversion | None:
    import polars as pl

    return Conversion(column.cast(pl.Datetime("us"))) if dtype == pl.Date else None


DATETIME = FieldType(
    "datetime",
    "Datetime",
    reader=_reader,
    holds=frozenset({"Datetime"}),
    values="Datetime",
    fast=_fast,
    further=_further,
    formats=frozenset({"any"}),
    patterns=True,
    constraints=BOUNDED,
    converted=_begins,
)
