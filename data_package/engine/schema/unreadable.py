"""Messages about a table or a file that cannot be read to its end, without values."""

import errno
import gzip
import json
import re
import shlex
import zipfile
from collections.abc import Sequence
from pathlib import Path

from data_package.engine.errors import DataPackageError
from data_package.engine.schema.report import Hint

# The one that nearly all files that are not UTF-8 have where Latin letters are written.
OTHER_ENCODING = "cp1252"
_NAMED = 20
# What Polars says when it cannot write; of the text of an error only this is looked for.
_NO_ROOM = re.compile(rf"os error ({errno.ENOSPC}|{errno.EDQUOT})\b|thrift: transport error")


class CheckError(DataPackageError):
    """A table that could not be read to its end; says which, and never what was in it.

    `hint` says what to write so that it can be read.
    """

    def __init__(self, what: str, hint: Hint | None = None) -> None:
        super().__init__(f"{what}: {hint.advice()}" if hint else what)
        self._what = what
        self.hint = hint

    def worded(self, place: str | None, *, options: bool | None) -> "CheckError":
        """Return the error for people who can change the contract at `place`, or give options."""
        if self.hint is None:
            return self
        return CheckError(f"{self._what}: {self.hint.advice(place, options=options)}")


class NotKeptError(CheckError):
    """A table that could be read, and for which the disk had no room."""


def one_of(path: Path, what: str, name: str, parts: Sequence[str]) -> CheckError:
    """Return the error for a file of several tables whose dialect does not name one."""
    listed = ", ".join(map(repr, parts[:_NAMED])) + (", …" if len(parts) > _NAMED else "")
    return CheckError(
        f"{path}: it holds {len(parts)} {what} ({listed})",
        Hint(
            "say which one is meant",
            f"dialect: {{{name}: {json.dumps(parts[0], ensure_ascii=False)}}}",
            f"--dialect {name}={shlex.quote(parts[0])}",
        ),
    )


def unreadable(name: str, error: BaseException) -> CheckError:
    """Return the error for a table that Polars cannot read, without Polars' own words."""
    if _NO_ROOM.search(str(error)):
        return NotKeptError(f"{name}: what was read cannot be kept: its disk is full")
    what = f"{name}: the table cannot be read to its end ({type(error).__name__})"
    return CheckError(f"{what}; look at the function or the file that it comes from")


def unreadable_file(path: Path, error: Exception, encoding: str) -> CheckError:
    """Return the error for a file that cannot be opened, unpacked or decoded."""
    if isinstance(error, UnicodeError):
        what = f"its bytes are not {encoding} from the beginning; if they are {OTHER_ENCODING}"
        hint = Hint(what, f"encoding: {OTHER_ENCODING}", f"--encoding {OTHER_ENCODING}")
        return CheckError(f"{path}: the file cannot be read", hint)
    if isinstance(error, EOFError):
        why = "its compressed data break off; fetch it again"
    elif isinstance(error, gzip.BadGzipFile):
        why = "it is not compressed with gzip, as its name says; take .gz off the name"
    elif isinstance(error, zipfile.BadZipFile):
        why = "it is not a whole zip archive, as its name says"
    elif isinstance(error, OSError) and error.strerror:
        why = error.strerror
    else:
        why = "its compressed data are damaged or locked; fetch it again"
    return CheckError(f"{path}: the file cannot be read: {why}")
