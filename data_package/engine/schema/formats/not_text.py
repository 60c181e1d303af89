"""Files that are taken for text and plainly are not."""

import codecs
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from data_package.engine.schema.dialect import Dialect, reads_utf8
from data_package.engine.schema.formats.bytes_like import BEGINNING_BYTES
from data_package.engine.schema.formats.signatures import json_text, signature_of
from data_package.engine.schema.report import Hint
from data_package.engine.schema.unreadable import CheckError

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MANY_NULS = 0.3


def refuse_other_than_text(path: Path, file: IO[bytes], dialect: Dialect) -> None:
    """Raise CheckError for a file that was taken for delimited text and plainly is not.

    `file` has been opened, and unpacked; nothing is taken from it.
    """
    beginning = cast("BufferedReader", file).peek(BEGINNING_BYTES)[:BEGINNING_BYTES]
    has_header = dialect.header and not dialect.columns
    encoding = dialect.encoding
    found = signature_of(beginning) or (json_text(beginning) if has_header else None)
    problem = f"{path}: the file is not text"
    if found is not None:
        raise CheckError(f"{problem}: {found}")
    is_utf8 = reads_utf8(encoding)
    if is_utf8 and beginning.startswith(_UTF16_MARKS):
        what, encoding = "it begins as UTF-16 text does", "utf-16"
    elif is_utf8 and beginning.count(0) > _MANY_NULS * len(beginning):
        what, encoding = "it is full of NUL bytes, as UTF-16 is", "utf-16-le"
    elif not is_utf8 and beginning.startswith(codecs.BOM_UTF8):
        what, encoding = f"it begins with the mark of UTF-8 and is read as {encoding}", "utf-8"
    else:
        return
    raise CheckError(problem, Hint(what, f"encoding: {encoding}", f"--encoding {encoding}"))
