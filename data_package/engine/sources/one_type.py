"""The one type of columns that several files hold in different types, such as Parquet files."""

from collections.abc import Collection
from typing import Literal

import polars as pl

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_FLOATS = (pl.Float32, pl.Float64)
# The finest first: a coarser one would cut values.
_UNITS: tuple[Literal["ns", "us", "ms"], ...] = ("ns", "us", "ms")


def one_type(types: Collection[pl.DataType]) -> pl.DataType | None:
    """Return the type that holds the values of these types as they are; None where there is none.

    Integers beside floats become floats, which do not hold those beyond 2**53.
    """
    first, *others = types
    if not others:
        return first
    if all(isinstance(each, _TEXTS) for each in types):
        return pl.String()
    zones = {each.time_zone for each in types if isinstance(each, pl.Datetime)}
    if all(isinstance(each, pl.Datetime) for each in types) and len(zones) == 1:
        units = {each.time_unit for each in types if isinstance(each, pl.Datetime)}
        return pl.Datetime(next(unit for unit in _UNITS if unit in units), *zones)
    if all(each.is_integer() for each in types):
        columns = [pl.Series("", [], each).to_frame() for each in types]
        found = pl.concat(columns, how="vertical_relaxed").dtypes[0]
        return found if found.is_integer() else pl.Int128()
    if all(each.is_integer() or isinstance(each, _FLOATS) for each in types):
        return pl.Float64()
    return None
