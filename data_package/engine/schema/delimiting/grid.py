"""Rows of cells as delimited text, written so that hardly any cell needs quotes."""

import io
from dataclasses import replace

import polars as pl

from data_package.engine.schema.dialect import Dialect

_DELIMITER = "\x1f"
_QUOTE = "\x1e"


def in_cells(dialect: Dialect) -> Dialect:
    """Return a file's dialect with cells delimited and quoted as `written` does."""
    return replace(
        dialect,
        delimiter=_DELIMITER,
        quote_char=_QUOTE,
        double_quote=True,
        escape_char=None,
        line_terminator=None,
        skip_initial_space=False,
        encoding="utf-8",
    )


def written(cells: pl.DataFrame, *, blank_rows: bool = True) -> bytes:
    """Return rows of text, each with its line end; null and empty text are the same.

    Where there are no blank rows, a row of one empty cell is not written as an empty line.
    """
    made = io.BytesIO()
    filled = cells.with_columns(pl.when(pl.all() != "").then(pl.all()))
    if cells.width == 1 and not blank_rows:
        filled = cells.fill_null("")
    filled.write_csv(
        made,
        include_header=False,
        separator=_DELIMITER,
        quote_char=_QUOTE,
        quote_style="necessary",
        null_value="",
    )
    return made.getvalue()


def written_row(cells: list[str]) -> bytes:
    """Return one row of text with its line end."""
    return written(pl.DataFrame({str(i): [cell] for i, cell in enumerate(cells)}))
