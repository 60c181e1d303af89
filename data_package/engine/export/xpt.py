"""SAS transport files (https://support.sas.com/content/dam/SAS/support/en/technical-papers/record-layout-of-a-sas-version-5-or-6-data-set-in-sas-transport-xport-format.pdf).

Version 5, which every program reads, where a table fits into it; else version 8.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyreadstat

from data_package.engine.errors import BuildError
from data_package.engine.export.content import ExportedPackage, ExportedTable, values
from data_package.engine.export.labelled_columns import Limits, bytes_of, shortened
from data_package.engine.export.labelled_files import Labelled, write_files
from data_package.engine.package.csvtwin import cell

_EIGHT = Limits(
    program="SAS",
    name=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    reserved=re.compile(r"_N_|_ERROR_|_NUMERIC_|_CHARACTER_|_ALL_", re.IGNORECASE),
    name_length=32,
    length_of=bytes_of,
    folds_case=True,
    most_columns=32_767,
    text_bytes=32_767,
    title_length=256,
    label_bytes=0,
    labels_texts=False,
    earliest=dt.date(1582, 1, 1),
    # https://en.wikipedia.org/wiki/IBM_hexadecimal_floating-point
    largest=7.2e75,
    smallest=5.4e-79,
    nanoseconds=1_000,
)
_FIVE = replace(_EIGHT, name_length=8, text_bytes=200, title_length=40)
_FILE_LABEL = 40


def write(content: ExportedPackage, folder: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new folder with a transport file for each table."""
    return write_files(
        content,
        folder,
        report,
        ending=".xpt",
        mediatype="application/x-sas-xport",
        limits_of=_limits_of,
        write_file=_write_file,
    )


def _limits_of(table: ExportedTable) -> Limits:
    """The limits of version 5 where the table is within them."""
    lengths = {
        name: cell(name, dtype).cast(pl.String).str.len_bytes() > _FIVE.text_bytes
        for name, dtype in table.columns.items()
        if not dtype.is_numeric()
    }
    titles = [each.title for each in table.contract.fields if each.name in table.columns]
    fits = (
        all(bytes_of(name) <= _FIVE.name_length for name in table.columns)
        and all(bytes_of(title) <= _FIVE.title_length for title in titles)
        and not table.count(lengths)
    )
    return _FIVE if fits else _EIGHT


def _write_file(made: Labelled, limits: Limits, path: Path) -> None:
    _refuse_empty_end(made)
    plain = re.sub(r"\W", "_", made.table.name, flags=re.ASCII)
    name = plain if re.match("[A-Za-z_]", plain) else f"_{plain}"
    pyreadstat.write_xport(
        made.frame,
        str(path),
        file_label=shortened(made.title, _FILE_LABEL, limits.length_of),
        column_labels=dict(made.titles),
        table_name=name[: limits.name_length],
        file_format_version=5 if limits is _FIVE else 8,
    )


def _refuse_empty_end(made: Labelled) -> None:
    """Refuse rows that would be lost: blanks fill the file up, and a row of blanks is like them."""
    frame = made.frame
    if any(dtype != pl.String for dtype in frame.dtypes):
        return
    held = frame.select(pl.any_horizontal(pl.all().str.strip_chars_end(" ").fill_null("") != ""))
    rows = held.to_series().arg_true()
    lost = frame.height - (rows[-1] + 1 if len(rows) else 0)
    if lost:
        raise BuildError(
            f"SAS transport files cannot hold {made.table.name}: it has no numbers, and its last "
            f"{values(lost, 'row')} are empty.\nExport to sav, dta or csv instead."
        )
