"""Columns of any type as text, in the one form that each type of field reads.

Numbers without needless zeros, `2024-05-31`, `2024-05-31T10:30:00`, `10:30:00`, `true`; bytes in
hexadecimal digits, lists and structures as JSON.
"""

import json

import polars as pl

# Beyond these a float is not written as a whole number.
_MOST = 2.0**63
# Some 180,000 years: Polars writes a few more.
_MOST_DAYS = 2**26
_PER_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def as_text(column: pl.Series) -> pl.Series:
    """Return a column as text; null stays null."""
    dtype = column.dtype
    name = column.name
    if dtype == pl.String:
        return column
    if dtype.is_float():
        return _floats(column)
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return _dates(column)
    if dtype == pl.Time:
        return column.dt.to_string("%H:%M:%S%.f")
    if dtype == pl.Boolean:
        made = pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false"))
        return pl.select(made.alias(name)).to_series()
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    if dtype == pl.Duration:
        return column.dt.to_string("iso")
    if dtype.is_nested():
        texts = [None if each is None else _json(each) for each in column.to_list()]
        return pl.Series(name, texts, dtype=pl.String)
    return column.cast(pl.String)


def _floats(column: pl.Series) -> pl.Series:
    """Whole numbers without a point, others with as many digits as tell them apart."""
    whole = (column == column.round()) & (column.abs() < _MOST)
    numbers = pl.when(whole).then(column).otherwise(None).cast(pl.Int64).cast(pl.String)
    special = {"NaN": "NaN", "inf": "INF", "-inf": "-INF"}
    others = column.cast(pl.String).replace(special)
    return pl.select(pl.coalesce(numbers, others).alias(column.name)).to_series()


def _dates(column: pl.Series) -> pl.Series:
    """Dates and date-times; DuckDB has infinite ones, which Polars cannot write."""
    dtype = column.dtype
    most = _MOST_DAYS * (_PER_DAY[dtype.time_unit] if isinstance(dtype, pl.Datetime) else 1)
    stored = column.to_physical()
    infinite = (stored.abs() > most).fill_null(value=False)
    if not infinite.any():
        return _written(column)
    finite = column.to_frame().select(pl.when(~infinite).then(pl.first())).to_series()
    words = pl.when(stored > 0).then(pl.lit("infinity")).otherwise(pl.lit("-infinity"))
    text = pl.when(infinite).then(words).otherwise(_written(finite)).alias(column.name)
    return pl.select(text).to_series()


def _written(column: pl.Series) -> pl.Series:
    return column.cast(pl.String) if column.dtype == pl.Date else _moments(column)


def _moments(column: pl.Series) -> pl.Series:
    """Date-times, in UTC if they have a time zone."""
    dtype = column.dtype
    assert isinstance(dtype, pl.Datetime)
    if dtype.time_zone is None:
        return column.dt.to_string("%Y-%m-%dT%H:%M:%S%.f")
    return column.dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
