"""Codes and their meanings: blanks for nothing, "Y" and "N" for true and false."""

import polars as pl
import polars.selectors as cs


def blanks_as_null(table: pl.LazyFrame) -> pl.LazyFrame:
    """The table with surrounding blanks stripped from its text, and null where nothing is left.

    The SAS transport format has no missing text, only blanks.
    """
    text = cs.string().str.strip_chars()
    return table.with_columns(pl.when(text != "").then(text))


def yes_no(column: str) -> pl.Expr:
    """True for "Y", false for "N", null where nothing was recorded; anything else is an error."""
    return pl.col(column).replace_strict({"Y": True, "N": False}, return_dtype=pl.Boolean)


def marked(column: str) -> pl.Expr:
    """True for "Y", and false where the mark is missing: for flags that are only ever set."""
    return yes_no(column).fill_null(value=False)
