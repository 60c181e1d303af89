"""Numbers as they are delivered: integers as floats, floats with noise, results as text.

The delivery went through the SAS transport format, which knows one kind of number and another
base than ours: 1.2 arrives as 1.2000000000000002, and 3 as 3.0.
"""

import polars as pl

COMPARATOR = pl.Enum(["<", "<=", ">=", ">"])

_RESULT = r"^(<=|>=|<|>)?\s*([+-]?\d+(?:\.\d+)?)$"
_SIGNIFICANT_FIGURES = 12


def whole_number(column: str) -> pl.Expr:
    """The integer that was delivered as a float; a fraction is an error."""
    number = pl.col(column)
    fraction_as_nan = pl.when(number != number.round()).then(float("nan")).otherwise(number)
    return fraction_as_nan.cast(pl.Int64)


def number(column: str) -> pl.Expr:
    """The number without the noise of its conversion: twelve significant figures."""
    return pl.col(column).round_sig_figs(_SIGNIFICANT_FIGURES)


def result_number(column: str) -> pl.Expr:
    """The number in a result's text: 0.2 of both "0.2" and "<0.2"; null where it holds none."""
    return pl.col(column).str.extract(_RESULT, 2).cast(pl.Float64)


def result_comparator(column: str) -> pl.Expr:
    """How the true value relates to the number: the "<" of "<0.2"; null where it is exact."""
    return pl.col(column).str.extract(_RESULT, 1).cast(COMPARATOR)
