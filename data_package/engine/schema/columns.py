"""A column by its name, whatever the name is, and the types of those that hold text."""

import polars as pl
import polars.selectors as cs

TEXTS = (pl.String, pl.Categorical, pl.Enum)


def column(name: str) -> pl.Expr:
    """Return the column of exactly this name.

    `pl.col` takes `*` for every column, and `^…$` for a regular expression.
    """
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        return cs.by_name(name).as_expr()
    return pl.col(name)
