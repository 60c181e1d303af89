"""What is said of a table or a file that cannot be read to its end, in words without values."""

import errno
import gzip
import re
import zipfile
from pathlib import Path

from data_package.engine.errors import DataPackageError
from data_package.engine.schema.signatures import json_text, signature_of

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MANY_NULS = 0.3
# What Polars says when it cannot write; of the text of an error only this is looked for.
_NO_ROOM = re.compile(rf"os error ({errno.ENOSPC}|{errno.EDQUOT})\b|thrift: transport error")


class CheckError(DataPackageError):
    """A table that could not be read to its end; says which, and never what was in it."""


def unreadable(name: str, error: Exception) -> CheckError:
    """Return the error for a table that Polars cannot read, without Polars' own words."""
    if _NO_ROOM.search(str(error)):
        return CheckError(f"{name}: what was read cannot be kept; is there room left on the disk?")
    what = f"{name}: the table cannot be read to its end ({type(error).__name__})"
    return CheckError(f"{what}; look at the function or the file that it comes from")


def unreadable_file(path: Path, error: Exception, encoding: str) -> CheckError:
    """Return the error for a file that cannot be opened, unpacked or decoded."""
    if isinstance(error, EOFError):
        why = "its compressed data break off; fetch it again"
    elif isinstance(error, gzip.BadGzipFile):
        why = "it is not compressed with gzip, as its name says; take .gz off the name"
    elif isinstance(error, zipfile.BadZipFile):
        why = "it is not a whole zip archive, as its name says"
    elif isinstance(error, UnicodeError):
        why = f"its bytes are not {encoding} from the beginning; try another --encoding"
    elif isinstance(error, OSError) and error.strerror:
        why = error.strerror
    else:
        why = "its compressed data are damaged or locked; fetch it again"
    return CheckError(f"{path}: the file cannot be read: {why}")


def not_text(beginning: bytes, *, is_utf8: bool, has_header: bool) -> str | None:
    """Return what a file is that was taken for delimited text and plainly is none, else None.

    `beginning` are its first bytes as they stand; `is_utf8` tells that they were taken for UTF-8,
    `has_header` that the first row was taken for labels.
    """
    found = signature_of(beginning) or (json_text(beginning) if has_header else None)
    if found is not None:
        return str(found)
    if is_utf8 and beginning.startswith(_UTF16_MARKS):
        return "it begins as UTF-16 text does; say so with --encoding utf-16"
    if is_utf8 and beginning.count(0) > _MANY_NULS * len(beginning):
        return "it is full of NUL bytes, as UTF-16 is; try --encoding utf-16-le"
    return None
