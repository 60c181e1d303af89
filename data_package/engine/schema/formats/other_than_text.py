"""The formats of files that are not delimited text, and which of them a file begins like.

What is read as delimited text must be none of them, so this knows nothing of how text is read.
"""

from collections.abc import Sequence

from data_package.engine.schema.formats.database import DUCKDB, SQLITE
from data_package.engine.schema.formats.file_format import FileFormat
from data_package.engine.schema.formats.json_file import JSON
from data_package.engine.schema.formats.parquet import PARQUET
from data_package.engine.schema.formats.statistical import POR, SAS7BDAT, SAV, STATA, XPT, ZSAV
from data_package.engine.schema.formats.workbook import WORKBOOK

# The first whose signature is that of a file is its format.
OTHER_THAN_TEXT: Sequence[FileFormat] = (
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
)


def format_like(beginning: bytes) -> FileFormat | None:
    """Return the format whose files begin like this; None where no signature fits."""
    return next(
        (each for each in OTHER_THAN_TEXT if each.is_like and each.is_like(beginning)), None
    )
