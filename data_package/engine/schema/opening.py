"""A delivered file as bytes: as it is, or unpacked."""

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from data_package.engine.schema.unreadable import CheckError

# What opening, unpacking and decoding raise; an archive with a password, RuntimeError.
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, UnicodeError, RuntimeError)


def opened(path: Path) -> IO[bytes]:
    """Return a file to read; raises `UNREADABLE`, and CheckError for an archive of several."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise CheckError(f"{path}: it holds {len(names)} files; unpack it and name one of them")
        return archive.open(names[0])
    return path.open("rb")
