"""The report as a workbook: the files, the kinds of errors, and the rows. Every text is a text."""

from pathlib import Path

import xlsxwriter

from data_package.engine.export.sheets import (
    MOST_CHARACTERS,
    TEXT_ONLY,
    Row,
    formats_of,
    write_list,
)
from data_package.engine.sender.report import SenderReport

_FILES = ("file", "rows", "rows with errors", "rows left out", "errors")
_CHANGES = ("file", "what", "count", "first rows")
_ERRORS = ("file", "field", "title", "what", "rule", "count")
_ROWS = ("file", "row", "field", "what", "rule")


def write_workbook(report: SenderReport, path: Path) -> None:
    """Write the workbook."""
    book = xlsxwriter.Workbook(str(path), {**TEXT_ONLY, "in_memory": True})
    formats = formats_of(book)
    sheets: dict[str, tuple[tuple[str, ...], list[Row]]] = {
        "files": (
            _FILES,
            [(f.file, f.rows, f.rows_with_errors, f.left_out, f.errors) for f in report.files],
        ),
        "errors": (
            _ERRORS,
            [
                (f.file, e.field, e.title, e.what, e.rule, e.count)
                for f in report.files
                for e in f.faults
            ],
        ),
        "rows": (
            (*_ROWS, *(("cell", *report.key) if report.with_values else ())),
            [
                (f.file, row.row, e.field, e.what, e.rule)
                + ((_cut(row.value), *map(_cut, row.key)) if report.with_values else ())
                for f, e, row in report.listed()
            ],
        ),
    }
    changes: list[Row] = [
        (f.file, words, some.count, ", ".join(map(str, some.rows)))
        for f in report.files
        for words, some in f.changes.items()
    ]
    if changes:
        sheets["changes"] = (_CHANGES, changes)
    for name, (columns, rows) in sheets.items():
        write_list(book.add_worksheet(name), columns, rows, formats)
    book.close()


def _cut(text: str | None) -> str | None:
    """A text that fits into a cell."""
    if text is None or len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[: MOST_CHARACTERS - 1]}…"
