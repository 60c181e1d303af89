"""An Excel workbook: a sheet per table, cells of their types (https://xlsxwriter.readthedocs.io).

Texts are written as texts and never as formulas, links or numbers, whatever they begin with, so a
cell that says `=HYPERLINK(…)` shows just that. Rows go to the disk as they are written.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from data_package.engine.errors import BuildError
from data_package.engine.export.content import Content, Table
from data_package.engine.export.sql import WORDS, words
from data_package.engine.package.csvtwin import cell
from data_package.engine.storage import PRIVATE_FILE, make_private_folder, remove

# https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
MOST_CHARACTERS = 32_767
_MOST_WHOLE = 2**53
_BATCH_ROWS = 10_000
_SHEET_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_EARLIEST = dt.date(1900, 3, 1)
_ALWAYS = dt.datetime(2000, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None)
_TEXT_ONLY = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}

Row = tuple[object, ...]


def write(content: Content, path: Path, tell: Callable[[str], None]) -> dict[str, int]:
    """Write a new workbook. Raises BuildError for a table that is larger than a sheet."""
    _refuse_too_large(content)
    path.touch(PRIVATE_FILE, exist_ok=False)
    aside = make_private_folder(path.with_name(f".aside{path.name}"))
    options = {**_TEXT_ONLY, "constant_memory": True, "tmpdir": str(aside)}
    book = xlsxwriter.Workbook(str(path), options)
    try:
        book.set_properties({"created": _ALWAYS})
        formats = {
            dt.date: book.add_format({"num_format": "yyyy-mm-dd"}),
            dt.datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            dt.time: book.add_format({"num_format": "hh:mm:ss"}),
            str: book.add_format({"bold": True}),
        }
        names: set[str] = set()
        said = words(content.document, content.tables)
        for name, rows in said.items():
            sheet = book.add_worksheet(_sheet_name(name.removeprefix("datapackage_"), names))
            _head(sheet, WORDS[name], formats[str])
            for at, row in enumerate(rows, 1):
                _write_row(sheet, at, tuple(row), formats)
        for table in content.tables:
            tell(f"writing {table.name}")
            sheet = book.add_worksheet(_sheet_name(table.name, names))
            _head(sheet, tuple(table.columns), formats[str])
            _fill(sheet, table, formats)
        tell("packing the workbook")
        book.close()
    finally:
        remove(aside)
    return {table.name: table.rows for table in content.tables}


def _refuse_too_large(content: Content) -> None:
    for table in content.tables:
        what = None
        if table.rows >= MOST_ROWS:
            what = f"{table.rows:,} rows; a sheet holds {MOST_ROWS - 1:,} below its header"
        elif len(table.columns) > MOST_COLUMNS:
            what = f"{len(table.columns):,} fields; a sheet holds {MOST_COLUMNS:,}"
        elif long := _too_long(table):
            what = f"a text in {long} of more than {MOST_CHARACTERS:,} characters, a cell's most"
        if what:
            raise BuildError(
                f"{table.name} does not fit into Excel: it has {what}.\n"
                "Export to sqlite, duckdb or csv instead."
            )


def _too_long(table: Table) -> str | None:
    texts = [
        cell(name, dtype).cast(pl.String).str.len_chars().max().alias(name)
        for name, dtype in table.columns.items()
        if dtype.is_nested() or dtype in (pl.String, pl.Binary)
    ]
    if not texts or not table.rows:
        return None
    lengths = table.scan().select(texts).collect(engine="streaming").row(0, named=True)
    return next((name for name, most in lengths.items() if (most or 0) > MOST_CHARACTERS), None)


def _head(sheet: Worksheet, names: tuple[str, ...], bold: Format) -> None:
    for at, name in enumerate(names):
        sheet.write_string(0, at, name, bold)
    sheet.freeze_panes(1, 0)


def _fill(sheet: Worksheet, table: Table, formats: Mapping[type, Format]) -> None:
    rows = table.scan().select(_value(name, dtype) for name, dtype in table.columns.items())
    for start in range(0, table.rows, _BATCH_ROWS):
        batch = rows.slice(start, _BATCH_ROWS).collect(engine="streaming")
        for at, row in enumerate(batch.iter_rows(), start + 1):
            _write_row(sheet, at, row, formats)
    if table.columns:
        sheet.autofilter(0, 0, max(table.rows, 1), len(table.columns) - 1)


def _write_row(sheet: Worksheet, at: int, row: Row, formats: Mapping[type, Format]) -> None:
    for column, value in enumerate(row):
        if value is None:
            continue
        if isinstance(value, bool):
            sheet.write_boolean(at, column, value)
        elif isinstance(value, int | float) and _is_number(value):
            sheet.write_number(at, column, value)
        elif isinstance(value, dt.datetime | dt.date | dt.time) and _is_date(value):
            sheet.write_datetime(at, column, value, formats[type(value)])
        else:
            sheet.write_string(at, column, str(value))


def _is_number(value: float) -> bool:
    """Whether Excel, which knows fractions of 53 bits only, holds the same number."""
    return abs(value) <= _MOST_WHOLE if isinstance(value, int) else isfinite(value)


def _is_date(value: dt.datetime | dt.date | dt.time) -> bool:
    """Whether Excel, which counts days from 1900 with one too many, means the same day."""
    if isinstance(value, dt.time):
        return True
    return (value.date() if isinstance(value, dt.datetime) else value) >= _EARLIEST


def _value(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype in (pl.Date, pl.Time) or (isinstance(dtype, pl.Datetime) and not dtype.time_zone):
        return pl.col(name)
    return cell(name, dtype)


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that Excel takes for a sheet and that no other has."""
    plain = _FORBIDDEN.sub("_", name).strip("'") or "table"
    made, number = plain[:_SHEET_NAME], 1
    while made.lower() in taken or made.lower() == "history":
        number += 1
        made = f"{plain[: _SHEET_NAME - len(str(number)) - 1]}_{number}"
    taken.add(made.lower())
    return made
