"""Delivered files of every form as delimited text, which is then split, typed and checked.

Belongs here: what turns a workbook, JSON, a database, columns of fixed width, or a delimiter of
several characters into text in one dialect, row by row, so that numbers of rows stay. Does not
belong here: which of them a file is (`formats`), what a cell means (`types`), and files whose
columns have types already.
"""

from data_package.engine.schema.delimiting.source import Delimited, Source

__all__ = ["Delimited", "Source"]
