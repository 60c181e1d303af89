"""What Polars raises for a table that it cannot read.

Damaged bytes that its checks let through end in a panic, which is not an `Exception`.
"""

import polars as pl

DAMAGED = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
