"""An Excel workbook: a sheet per table, cells of their types (https://xlsxwriter.readthedocs.io).

Texts are written as texts and never as formulas, links or numbers, whatever they begin with, so a
cell with `=HYPERLINK(…)` shows just that. Titles are comments of the header; codes and their labels
are in a sheet, which is the source of drop-down lists. Rows go to the disk as they are written.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from data_package.engine.errors import BuildError
from data_package.engine.export.content import ExportedPackage, ExportedTable, primary_key, values
from data_package.engine.export.sheets import (
    EARLIEST,
    MOST_CHARACTERS,
    MOST_WHOLE,
    TEXT_ONLY,
    Row,
    formats_of,
    head,
    set_widths,
    write_list,
    write_row,
)
from data_package.engine.export.sql import WORDS, words
from data_package.engine.package.csvtwin import cell
from data_package.engine.pages import printable
from data_package.engine.schema.columns import column
from data_package.engine.storage import PRIVATE_FILE, make_private_folder, remove

# https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
_MOST_HINT = 255
_MOST_TITLE = 255
_MOST_COMMENT = 1_000
_BATCH_ROWS = 10_000
_KEYS_IN_VIEW = 2
_CODES = "codes"
_CODES_COLUMNS = ("table", "field", "value", "label")
_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Binary)
_SHEET_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_ALWAYS = dt.datetime(2000, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None)


def write(content: ExportedPackage, path: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new workbook. Raises BuildError for a table that is larger than a sheet."""
    _refuse_too_large(content)
    path.touch(PRIVATE_FILE, exist_ok=False)
    aside = make_private_folder(path.with_name("aside"))
    options = {**TEXT_ONLY, "constant_memory": True, "tmpdir": str(aside)}
    book = xlsxwriter.Workbook(str(path), options)
    try:
        title = printable(str(content.document.get("title") or ""))
        book.set_properties({"created": _ALWAYS, "title": title[:_MOST_TITLE]})
        formats = formats_of(book)
        names: set[str] = set()
        parts = words(content.document, content.tables)
        for name, rows in parts.items():
            sheet = book.add_worksheet(_sheet_name(name.removeprefix("datapackage_"), names))
            write_list(sheet, WORDS[name], rows, formats)
        codes = _codes(content)
        if codes:
            sheet = book.add_worksheet(_sheet_name(_CODES, names))
            write_list(
                sheet, _CODES_COLUMNS, [row for rows in codes.values() for row in rows], formats
            )
        places = _places(codes)
        for table in content.tables:
            report(f"writing {table.name}")
            sheet = book.add_worksheet(_sheet_name(table.name, names))
            head(sheet, tuple(table.columns), formats[str])
            sheet.freeze_panes(1, _leading_keys(table))
            _explain(sheet, table, places)
            beyond = _beyond(table)
            _fill(sheet, table, formats, beyond)
            content.notes.extend(_written_as_text(table, beyond))
        report("packing the workbook")
        book.close()
    finally:
        remove(aside)
    return {table.name: table.rows for table in content.tables}


def _codes(content: ExportedPackage) -> dict[tuple[str, str], list[Row]]:
    """The codes of each field that has them: table, field, value and label."""
    found: dict[tuple[str, str], list[Row]] = {}
    for table in content.tables:
        for field in table.contract.fields:
            listed = field.constraints.get("enum")
            given = field.categories or (listed if isinstance(listed, list) else [])
            labels = field.category_labels if field.categories else [None] * len(given)
            if given and field.name in table.columns:
                found[table.name, field.name] = [
                    (table.name, field.name, _plain(value), label)
                    for value, label in zip(given, labels, strict=True)
                ]
    return found


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def _places(codes: Mapping[tuple[str, str], list[Row]]) -> dict[tuple[str, str], tuple[str, str]]:
    """The range of each field's values in the sheet of codes, and a hint that lists them."""
    found, at = {}, 2
    for of, rows in codes.items():
        lines = [f"{value} = {label}" if label else str(value) for _, _, value, label in rows]
        text = printable("\n".join(lines))
        shown = text if len(text) <= _MOST_HINT else f"{text[: _MOST_HINT - 1]}…"
        found[of] = f"={_CODES}!$C${at}:$C${at + len(rows) - 1}", shown
        at += len(rows)
    return found


def _explain(
    sheet: Worksheet, table: ExportedTable, places: Mapping[tuple[str, str], tuple[str, str]]
) -> None:
    """Titles and descriptions as comments of the header, and codes as lists to choose from."""
    fields = {field.name: field for field in reversed(table.contract.fields)}
    for at, name in enumerate(table.columns):
        field = fields.get(name)
        parts = [field.title.strip(), field.description.strip()] if field else []
        if text := printable("\n".join(filter(None, parts))):
            sheet.write_comment(0, at, text[:_MOST_COMMENT], {"author": "", "x_scale": 2})
        if place := places.get((table.name, name)):
            source, hint = place
            rule = {"validate": "list", "source": source, "input_message": hint}
            sheet.data_validation(1, at, max(table.rows, 1), at, rule)


def _leading_keys(table: ExportedTable) -> int:
    """How many columns stay in view: those of the key, if it comes first and is short."""
    key = primary_key(table)
    leads = len(key) <= _KEYS_IN_VIEW and tuple(table.columns)[: len(key)] == key
    return len(key) if leads else 0


def _beyond(table: ExportedTable) -> dict[str, int]:
    """How many dates of each field are in years that neither Excel nor Python has."""
    return table.count(
        {
            name: ~column(name).dt.year().is_between(dt.MINYEAR, dt.MAXYEAR)
            for name, dtype in table.columns.items()
            if _is_date(dtype)
        }
    )


def _is_date(dtype: pl.DataType) -> bool:
    return dtype == pl.Date or (isinstance(dtype, pl.Datetime) and not dtype.time_zone)


def _written_as_text(table: ExportedTable, beyond: Mapping[str, int]) -> list[str]:
    """Notes on values that Excel cannot hold as numbers or dates."""
    conditions: dict[str, pl.Expr] = {}
    for name, dtype in table.columns.items():
        value = column(name)
        if dtype.is_float():
            conditions[name] = ~value.is_finite()
        elif dtype.is_integer():
            wide = pl.lit(MOST_WHOLE, dtype=pl.Int64)
            conditions[name] = (value > wide) | (value < -wide)
        elif _is_date(dtype) and name not in beyond:
            conditions[name] = value.dt.date() < EARLIEST
    counts = table.count(conditions)
    return [
        f"{table.name}: {values(count)} of {name}, before the year 1 or after {dt.MAXYEAR}, where "
        "Excel has no dates: the field is text."
        for name, count in beyond.items()
    ] + [
        f"{table.name}: {values(count)} of {name}, {_why_text(table.columns[name])}: written as "
        "text."
        for name, count in counts.items()
    ]


def _why_text(dtype: pl.DataType) -> str:
    if dtype.is_float():
        return "NaN or infinite, which Excel does not have"
    if dtype.is_integer():
        return "beyond 2^53, where Excel does not have every integer"
    return f"before {EARLIEST}, where Excel has no dates"


def _refuse_too_large(content: ExportedPackage) -> None:
    for table in content.tables:
        what = None
        if table.rows >= MOST_ROWS:
            what = f"{table.rows:,} rows; a sheet holds {MOST_ROWS - 1:,} below its header"
        elif len(table.columns) > MOST_COLUMNS:
            what = f"{len(table.columns):,} fields; a sheet holds {MOST_COLUMNS:,}"
        elif long := _too_long(table):
            name, count = next(iter(long.items()))
            what = (
                f"{values(count, 'text')} in {name} of more than {MOST_CHARACTERS:,} characters, "
                "a cell's most"
            )
        if what:
            raise BuildError(
                f"Excel cannot hold {table.name}: it has {what}.\n"
                "Export to sqlite, duckdb or csv instead."
            )


def _too_long(table: ExportedTable) -> dict[str, int]:
    """How many values of each column do not fit into a cell."""
    return table.count(
        {
            name: cell(name, dtype).cast(pl.String).str.len_chars() > MOST_CHARACTERS
            for name, dtype in table.columns.items()
            if dtype.is_nested() or dtype in _TEXTS
        }
    )


def _fill(
    sheet: Worksheet,
    table: ExportedTable,
    formats: Mapping[type, Format],
    as_text: Collection[str],
) -> None:
    rows = table.scan().select(
        column(name).cast(pl.String) if name in as_text else _value(name, dtype)
        for name, dtype in table.columns.items()
    )
    for start in range(0, table.rows, _BATCH_ROWS):
        batch = rows.slice(start, _BATCH_ROWS).collect(engine="streaming")
        if not start:
            set_widths(sheet, batch.columns, batch.iter_rows())
        for at, row in enumerate(batch.iter_rows(), start + 1):
            write_row(sheet, at, row, formats)
    if not table.rows:
        set_widths(sheet, tuple(table.columns), [])
    if table.columns:
        sheet.autofilter(0, 0, max(table.rows, 1), len(table.columns) - 1)


def _value(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Time or _is_date(dtype):
        return column(name)
    return cell(name, dtype)


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that Excel accepts for a sheet and that no other sheet has."""
    plain = _FORBIDDEN.sub("_", name).strip("'") or "table"
    made, number = plain[:_SHEET_NAME], 1
    while made.lower() in taken or made.lower() == "history":
        number += 1
        made = f"{plain[: _SHEET_NAME - len(str(number)) - 1]}_{number}"
    taken.add(made.lower())
    return made
