"""SPSS system files (https://www.gnu.org/software/pspp/pspp-dev/html_node/System-File-Format.html)."""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pyreadstat

from data_package.engine.export.content import ExportedPackage
from data_package.engine.export.labelled_columns import Limits, bytes_of, shortened
from data_package.engine.export.labelled_files import Labelled, write_files

_LIMITS = Limits(
    program="SPSS",
    name=re.compile(r"[^\W\d_](?:[\w.$#@]*[\w$#@])?"),
    reserved=re.compile(r"ALL|AND|BY|EQ|GE|GT|LE|LT|NE|NOT|OR|TO|WITH", re.IGNORECASE),
    name_length=64,
    length_of=bytes_of,
    folds_case=True,
    most_columns=32_767,
    text_bytes=32_767,
    title_length=255,
    label_bytes=120,
    labels_texts=True,
    earliest=dt.date(1582, 10, 15),
    # The largest numbers of all mean the lowest, the highest and the missing value.
    largest=1.7e308,
    reasons="numbers",
)
_FILE_LABEL = 64
_DIGITS = 8
_MOST_MISSING = 3


def write(content: ExportedPackage, folder: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new folder with an SPSS file for each table."""
    return write_files(
        content,
        folder,
        report,
        ending=".sav",
        mediatype="application/x-spss-sav",
        limits_of=lambda _: _LIMITS,
        write_file=_write_file,
    )


def _write_file(made: Labelled, limits: Limits, path: Path) -> None:
    pyreadstat.write_sav(
        made.frame,
        str(path),
        file_label=shortened(made.title, _FILE_LABEL, limits.length_of),
        column_labels=dict(made.titles),
        row_compress=True,
        variable_value_labels={name: dict(one) for name, one in made.labels.items()},
        missing_ranges={name: _range(codes) for name, codes in made.missing.items()},
        variable_measure=_measures(made),
        variable_format={
            name: f"F{_DIGITS if dtype == pl.Int32 else 2 * _DIGITS}.0"
            for name, dtype in made.frame.schema.items()
            if dtype == pl.Int32 or made.table.columns[name].is_integer()
        },
    )


def _range(codes: Sequence[int | str]) -> list[object]:
    """The values that count as missing: up to three, or all from the lowest to the highest."""
    if len(codes) <= _MOST_MISSING:
        return list(codes)
    numbers = [code for code in codes if isinstance(code, int)]
    return [{"lo": min(numbers), "hi": max(numbers)}]


def _measures(made: Labelled) -> dict[str, str]:
    """The level of measurement of each column: of numbers without labels a scale."""
    ordered = {one.name for one in made.table.contract.fields if one.categories_ordered}
    return {
        name: ("ordinal" if name in ordered else "nominal")
        if dtype == pl.String or name in made.labels
        else "scale"
        for name, dtype in made.frame.schema.items()
    }
