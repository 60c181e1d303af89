"""Delivered files of every form as delimited text, which is then split, typed and checked.

Belongs here: what turns a workbook, JSON, a database, columns of fixed width, or a delimiter of
several characters into text in one dialect, row by row, so that numbers of rows stay. Does not
belong here: what a cell means (`types`), and files whose columns have types already (Parquet).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data_package.engine.schema.delimiting.grid import in_cells
from data_package.engine.schema.delimiting.source import Source
from data_package.engine.schema.delimiting.text import text_source
from data_package.engine.schema.dialect import Dialect, Form


@dataclass(frozen=True, slots=True)
class Delimited:
    """A file as delimited text in UTF-8.

    `dialect` says how the text is written, `part` which part of the file it is, such as a sheet.
    `restored` gives the cells as they are delivered; None where they already are. In a grid a row
    without any value counts as an empty line.
    """

    source: Source
    dialect: Dialect
    part: str = ""
    restored: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    is_grid: bool = False


def delimited(path: Path, dialect: Dialect) -> Delimited:
    """Return a delivered file as delimited text.

    Raises what `opening.UNREADABLE` lists, and CheckError for a file that is not what its name or
    the dialect says.
    """
    form = dialect.form_of(path)
    if form in (Form.DELIMITED, Form.FIXED):
        source, written, restored = text_source(path, dialect)
        return Delimited(source, written, dialect.member or "", restored)
    if form is Form.WORKBOOK:
        from data_package.engine.schema.delimiting.workbook import sheet

        source, part = sheet(path, dialect)
    elif form is Form.JSON:
        from data_package.engine.schema.delimiting.json_items import items

        source, part = items(path, dialect), ""
    else:
        from data_package.engine.schema.delimiting.database import rows

        source, part = rows(path, dialect)
    return Delimited(source, in_cells(dialect), part, is_grid=True)


__all__ = ["Delimited", "Source", "delimited"]
