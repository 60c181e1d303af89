"""A column by its name, whatever the name is, and the types of those that hold text."""

from collections.abc import Collection
from itertools import count

import polars as pl
import polars.selectors as cs

# The column that is added to rows of a file.
ROW_NUMBER = "row number"
TEXTS = (pl.String, pl.Categorical, pl.Enum)


def column(name: str) -> pl.Expr:
    """Return the column of exactly this name.

    `pl.col` takes `*` for every column, and `^…$` for a regular expression.
    """
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        return cs.by_name(name).as_expr()
    return pl.col(name)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name that is not `taken`: `name`, or else `name 2`, `name 3` and so on."""
    return next(each for i in count(1) if (each := name if i == 1 else f"{name} {i}") not in taken)
