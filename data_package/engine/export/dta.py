"""Stata files of release 118, for Stata 14 and later (https://www.stata.com/help.cgi?dta_118)."""

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyreadstat

from data_package.engine.export.content import ExportedPackage
from data_package.engine.export.labelled_columns import Limits, narrowed, shortened
from data_package.engine.export.labelled_files import Labelled, write_files

_LIMITS = Limits(
    program="Stata",
    name=re.compile(r"[^\W\d]\w*"),
    # https://www.stata.com/manuals/u11.pdf, 11.3
    reserved=re.compile(
        r"_all|_b|_coef|_cons|_n|_pi|_pred|_rc|_skip|byte|double|float|if|in|int|long|str\d*|strL"
        r"|using|with",
        re.IGNORECASE,
    ),
    name_length=32,
    length_of=len,
    folds_case=False,
    most_columns=32_767,
    text_bytes=2_000_000_000,
    title_length=80,
    label_bytes=32_000,
    labels_texts=False,
    earliest=dt.date(100, 1, 1),
    # Larger numbers are missing values.
    largest=8.988e307,
    reasons="letters",
)
_FILE_LABEL = 80
# Stata 14 and later; the next release differs only for more fields than these.
_STATA = 14


def write(content: ExportedPackage, folder: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new folder with a Stata file for each table."""
    return write_files(
        content,
        folder,
        report,
        ending=".dta",
        mediatype="application/x-stata-dta",
        limits_of=lambda _: _LIMITS,
        write_file=_write_file,
    )


def _write_file(made: Labelled, limits: Limits, path: Path) -> None:
    pyreadstat.write_dta(
        made.frame.with_columns(_with_letters(made.frame[name]) for name in made.missing),
        str(path),
        file_label=shortened(made.title, _FILE_LABEL, limits.length_of),
        column_labels=dict(made.titles),
        version=_STATA,
        variable_value_labels={name: dict(one) for name, one in made.labels.items()},
        missing_user_values={name: list(letters) for name, letters in made.missing.items()},
    )


def _with_letters(column: pl.Series) -> pl.Series:
    """Numbers, and letters where they are missing: what the library takes for `.a` to `.z`."""
    parts = column.struct.unnest()
    values = narrowed(parts.select("value")).to_series()
    pairs = zip(values, parts["letter"], strict=True)
    cells = [letter if value is None else value for value, letter in pairs]
    return pl.Series(column.name, cells, dtype=pl.Object)
