"""What a sheet of a workbook is written with: texts as texts, numbers and dates that Excel holds.

A text is never a formula, a link or a number, whatever it begins with.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import isfinite, isnan

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

MOST_CHARACTERS = 32_767
MOST_WHOLE = 2**53
EARLIEST = dt.date(1900, 3, 1)
_LOOKED_AT = 500
_NARROWEST, _WIDEST = 8, 60
# The width of a filter's button.
_BUTTON = 3
_COLUMNS_ON_PAPER = 16
TEXT_ONLY = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}

Row = tuple[object, ...]


def formats_of(book: xlsxwriter.Workbook) -> dict[type, Format]:
    """The formats of a workbook's cells, by the types of their values; `str` is the header's."""
    return {
        dt.date: book.add_format({"num_format": "yyyy-mm-dd"}),
        dt.datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        dt.time: book.add_format({"num_format": "hh:mm:ss"}),
        # Without a format, LibreOffice shows 1 and 0.
        bool: book.add_format({"num_format": '"TRUE";"TRUE";"FALSE"', "align": "center"}),
        str: book.add_format({"bold": True, "bg_color": "#E3F1F0", "bottom": 1}),
    }


def write_list(
    sheet: Worksheet,
    columns: tuple[str, ...],
    rows: Sequence[Sequence[object]],
    formats: Mapping[type, Format],
) -> None:
    """Write a sheet that is a list of rows below a header."""
    head(sheet, columns, formats[str])
    sheet.freeze_panes(1, 0)
    for at, row in enumerate(rows, 1):
        write_row(sheet, at, tuple(row), formats)
    set_widths(sheet, columns, rows)


def head(sheet: Worksheet, names: tuple[str, ...], bold: Format) -> None:
    """Write the header, which is repeated on each page."""
    for at, name in enumerate(names):
        sheet.write_string(0, at, name, bold)
    sheet.repeat_rows(0)
    if len(names) <= _COLUMNS_ON_PAPER:
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)


def set_widths(sheet: Worksheet, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their names and first values, within bounds."""
    widths = [len(name) + _BUTTON for name in names]
    for row in islice(rows, _LOOKED_AT):
        for at, value in enumerate(row):
            widths[at] = max(widths[at], _width(value))
    for at, width in enumerate(widths):
        sheet.set_column(at, at, min(max(width + 1, _NARROWEST), _WIDEST))


def _width(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, dt.datetime):
        return len("yyyy-mm-dd hh:mm:ss")
    return max(map(len, str(value).splitlines()), default=0)


def write_row(sheet: Worksheet, at: int, row: Row, formats: Mapping[type, Format]) -> None:
    """Write the cells of a row, each with its type where Excel holds it, and else as text."""
    for place, value in enumerate(row):
        if value is None:
            continue
        if isinstance(value, bool):
            sheet.write_boolean(at, place, value, formats[bool])
        elif isinstance(value, int | float) and _is_number(value):
            sheet.write_number(at, place, value)
        elif isinstance(value, float):
            sheet.write_string(at, place, "NaN" if isnan(value) else "INF" if value > 0 else "-INF")
        elif isinstance(value, dt.datetime | dt.date | dt.time) and _is_date(value):
            sheet.write_datetime(at, place, value, formats[type(value)])
        else:
            sheet.write_string(at, place, str(value))


def _is_number(value: float) -> bool:
    """Whether Excel, which has 53-bit fractions only, holds exactly this number."""
    return abs(value) <= MOST_WHOLE if isinstance(value, int) else isfinite(value)


def _is_date(value: dt.datetime | dt.date | dt.time) -> bool:
    """Whether Excel, which counts from 1900 with one day too many, shows the same day."""
    if isinstance(value, dt.time):
        return True
    return (value.date() if isinstance(value, dt.datetime) else value) >= EARLIEST
