"""Regular expressions, on Polars' engine where it can run them and on Python's where it cannot.

https://datapackage.org/standard/table-schema/#pattern
"""

import re
import warnings
from collections.abc import Callable

import polars as pl

from data_package.engine.schema.cells import over_distinct

# Syntax that both engines accept and read differently: set operations, and word edges.
_READ_DIFFERENTLY = re.compile(r"&&|--|~~|\[\[|\[\^\[|\\[<>]")


def pattern_test(pattern: str) -> Callable[[pl.Expr], pl.Expr] | None:
    """Return a function from a String column to where it breaks `pattern`, None for a bad one.

    The whole value must match, as XML Schema's expressions do without anchors. What Polars'
    engine cannot run (look-around, backreferences) is run by Python on the distinct values.
    https://datapackage.org/standard/table-schema/#pattern
    """
    whole = f"^(?:{pattern})$"
    if not _READ_DIFFERENTLY.search(pattern):
        try:
            pl.Series([""]).str.contains(whole)
        except pl.exceptions.PolarsError:
            pass
        else:
            return lambda column: ~column.str.contains(whole)
    try:
        with warnings.catch_warnings():
            # Python warns of set operations that it may read differently one day.
            warnings.simplefilter("ignore", FutureWarning)
            compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
    return lambda column: broken_by(column, lambda text: compiled.fullmatch(text) is None)


def broken_by(column: pl.Expr, broken: Callable[[str], bool]) -> pl.Expr:
    """Return where a Python function says so, asked once for every distinct text."""
    return column.map_batches(
        lambda texts: over_distinct(texts, broken, pl.Boolean()), return_dtype=pl.Boolean
    ).fill_null(value=False)
