"""The formats of delivered files: a value each, and which one a file has.

`signatures` has the formats that are only recognised, to say what to do with them. What does not
belong here: making delimited text of a file (`delimiting`), and the formats that a package is
exported to (the room `export`).
How a format is added: CONTRIBUTING.
"""

from collections.abc import Sequence
from pathlib import Path

from data_package.engine.schema.dialect import Form, unpacked_name
from data_package.engine.schema.formats.bytes_like import BEGINNING_BYTES
from data_package.engine.schema.formats.delimited import DELIMITED
from data_package.engine.schema.formats.file_format import FileFormat
from data_package.engine.schema.formats.other_than_text import OTHER_THAN_TEXT, format_like

_TEXT = (Form.DELIMITED, Form.JSON)
FORMATS: Sequence[FileFormat] = (*OTHER_THAN_TEXT, DELIMITED)


def format_of(path: Path) -> FileFormat:
    """Return the format of the file at `path`: by how it begins, or else by its name.

    Its content has the first word, since anybody can rename a file. What cannot be opened has the
    format that its name says.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(BEGINNING_BYTES)
    except OSError:
        beginning = b""
    return format_like(beginning) or _named(path)


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
