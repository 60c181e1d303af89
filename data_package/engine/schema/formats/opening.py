"""Opening a delivered file, with the library that its format needs."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.formats.file_format import (
    FileFormat,
    TextRecords,
    TypedFile,
)
from data_package.engine.schema.grammar import BLOCK_BYTES
from data_package.engine.schema.unreadable import CheckError


@contextmanager
def open_typed_file(path: Path, form: FileFormat) -> Iterator[TypedFile]:
    """Open a file of a typed format.

    Raises CheckError when it is not a whole file of its format, or the library is not installed.
    """
    assert form.typed is not None
    require_library(path, form)
    with form.typed(path) as file:
        yield file


def open_records(
    path: Path, form: FileFormat, dialect: Dialect, block_bytes: int = BLOCK_BYTES
) -> TextRecords:
    """Open a file of a text-celled format, to be read in pieces of about so many bytes.

    Raises CheckError when it cannot be opened, or the library is not installed.
    """
    assert form.records is not None
    require_library(path, form)
    return form.records(path, dialect, block_bytes)


def require_library(path: Path, form: FileFormat) -> None:
    """Raise CheckError where the library that reads a format is not installed."""
    if form.library is None or importlib.util.find_spec(form.library) is not None:
        return
    raise CheckError(
        f"{path}: it is {form.name}, and the package that reads it is not installed.\n"
        f"Install it: pip install 'data-package[{form.extra}]'"
    )
