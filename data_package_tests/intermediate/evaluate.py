"""What an expression makes of a column of values, by the engine that builds use."""

from collections.abc import Callable, Sequence

import polars as pl


def evaluate(
    read: Callable[[str], pl.Expr], values: Sequence[object], dtype: pl.DataType | type[pl.DataType]
) -> pl.Series:
    """The values of the column that `read` makes from a delivered column."""
    delivered = pl.LazyFrame({"delivered": values}, schema={"delivered": dtype})
    return delivered.select(read("delivered")).collect(engine="streaming").to_series()
