"""Regular expressions, on Polars' engine where it can run them and on Python's where it cannot.

https://datapackage.org/standard/table-schema/#pattern
"""

import re
import warnings
from collections.abc import Callable

import polars as pl

from data_package.engine.schema.cells import over_distinct
from data_package.engine.schema.contract import ContractError
from data_package.engine.schema.time_limit import SECONDS, ending
from data_package.engine.schema.xml_expressions import unsupported

# Syntax that both engines accept and read differently: set operations, and word edges.
_READ_DIFFERENTLY = re.compile(r"&&|--|~~|\[\[|\[\^\[|\\[<>]")


def pattern_test(pattern: str, field: str = "") -> Callable[[pl.Expr], pl.Expr] | None:
    """Return a function from a String column to where it breaks `pattern`, None for a bad one.

    The whole value must match, as XML Schema's expressions do without anchors. What Polars'
    engine cannot run (look-around, backreferences) is run on the distinct values by the library
    `regex`, as Python reads it. That can take for ever on one value: it ends with a ContractError
    that names `field`.
    https://datapackage.org/standard/table-schema/#pattern
    """
    if unsupported(pattern):
        return None
    whole = f"^(?:{pattern})$"
    if not _READ_DIFFERENTLY.search(pattern):
        try:
            pl.Series([""]).str.contains(whole)
        except pl.exceptions.PolarsError:
            pass
        else:
            return lambda column: ~column.str.contains(whole)
    import regex

    try:
        with warnings.catch_warnings():
            # Python warns of set operations that it may read differently one day.
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)
        compiled = regex.compile(pattern, regex.VERSION0)
    except (re.error, regex.error, RecursionError, OverflowError):
        return None

    def broken(text: str) -> bool:
        with ending(field, "pattern"):
            return compiled.fullmatch(text, timeout=SECONDS) is None

    return lambda column: broken_by(column, broken)


def broken_by(column: pl.Expr, broken: Callable[[str], bool]) -> pl.Expr:
    """Return where a Python function says so, asked once for every distinct text.

    A value that it cannot judge is broken: an exception's text could quote it.
    """

    def judged(text: str) -> bool:
        try:
            return broken(text)
        except ContractError:
            raise
        except Exception:  # noqa: BLE001  whatever a value makes of a library
            return True

    return column.map_batches(
        lambda texts: over_distinct(texts, judged, pl.Boolean()), return_dtype=pl.Boolean
    ).fill_null(value=False)
