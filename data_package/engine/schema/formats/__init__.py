"""The formats of delivered files: a value each, and which one a file has.

What does not belong here: formats that are only recognised, to say what to do with them
(`signatures`), and the formats that a package is exported to (the room `export`).
How a format is added: CONTRIBUTING.
"""

from collections.abc import Sequence
from pathlib import Path

from data_package.engine.schema.dialect import Form, unpacked_name
from data_package.engine.schema.formats.bytes_like import BEGINNING_BYTES
from data_package.engine.schema.formats.database import DUCKDB, SQLITE
from data_package.engine.schema.formats.delimited import DELIMITED
from data_package.engine.schema.formats.file_format import FileFormat
from data_package.engine.schema.formats.json_file import JSON
from data_package.engine.schema.formats.parquet import PARQUET
from data_package.engine.schema.formats.statistical import POR, SAS7BDAT, SAV, STATA, XPT, ZSAV
from data_package.engine.schema.formats.workbook import WORKBOOK

_TEXT = (Form.DELIMITED, Form.JSON)
# The first whose signature is that of a file is its format.
FORMATS: Sequence[FileFormat] = (
    PARQUET,
    ZSAV,
    SAV,
    POR,
    SAS7BDAT,
    XPT,
    STATA,
    WORKBOOK,
    SQLITE,
    DUCKDB,
    JSON,
    DELIMITED,
)


def format_of(path: Path) -> FileFormat:
    """Return the format of a file: by how it begins, or else by its name.

    Its content has the first word, since anybody can rename a file. What cannot be opened has the
    format that its name says.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(BEGINNING_BYTES)
    except OSError:
        beginning = b""
    return format_like(beginning) or _named(path)


def format_like(beginning: bytes) -> FileFormat | None:
    """Return the format whose files begin like this; None where no signature fits."""
    return next((each for each in FORMATS if each.is_like and each.is_like(beginning)), None)


def _named(path: Path) -> FileFormat:
    whole, unpacked = path.name.lower(), unpacked_name(path)
    # Only text is unpacked while it is read.
    return next(
        (
            each
            for each in FORMATS
            if (unpacked if each.form in _TEXT else whole).endswith(each.suffixes)
        ),
        DELIMITED,
    )
