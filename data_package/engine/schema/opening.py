"""A delivered file as bytes: as it is, or unpacked."""

import gzip
import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from data_package.engine.schema.unreadable import CheckError

# What opening, unpacking and decoding raise; an archive with a password, RuntimeError.
UNREADABLE = (
    *(OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, UnicodeError),
    RuntimeError,
)


def opened(path: Path) -> IO[bytes]:
    """Return a file to read; raises `UNREADABLE`, and CheckError for an archive of several."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return _only_file_of(path) if path.suffix == ".zip" else path.open("rb")


def _only_file_of(path: Path) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(path)
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) == 1:
            return archive.open(names[0])
    except (ValueError, OverflowError, struct.error):
        # Damaged numbers of where in the archive it is.
        raise zipfile.BadZipFile from None
    raise CheckError(f"{path}: it holds {len(names)} files; unpack it and name one of them")
