"""A delivered file as bytes: as it is, or unpacked while it is read."""

import bz2
import fnmatch
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from data_package.engine.schema.dialect import packing
from data_package.engine.schema.unreadable import CheckError, one_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# What opening, unpacking and decoding raise; an archive with a password, RuntimeError; an archive
# that is packed in a way that Python does not know, NotImplementedError, which is one.
UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    UnicodeError,
    RuntimeError,
)

# What `xz -9` needs is an eighth of it; a file can ask for 4 GiB.
_MOST_MEMORY = 1 << 29
_PIECE = 1 << 18
_MAGIC = {
    ".bz2": (b"BZh", "bzip2"),
    ".xz": (b"\xfd7zXZ\x00", "xz"),
    ".zst": (b"\x28\xb5\x2f\xfd", "zstd"),
}
_NAMED = 10
# Folders, and what a Mac or Windows adds to them.
_ADDED = re.compile(r"/$|^__MACOSX/|(?:^|/)(?:\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)$")


def opened(path: Path, member: str | None = None) -> IO[bytes]:
    """Return a file to read, unpacked; it has `peek`.

    `member` is the name of a file in a zip archive, or a pattern. Raises `UNREADABLE`, and
    CheckError for an archive without that member, or with several and none named.
    """
    if packing(path) in _MAGIC:
        _refuse_other(path)
    match packing(path):
        case ".zip":
            return _member(path, member)
        case _ if member is not None:
            raise CheckError(f"{path}: it is not a zip archive; remove member from the dialect")
        case ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        case ".bz2":
            return cast("IO[bytes]", bz2.open(path, "rb"))
        case ".xz":
            return cast("IO[bytes]", io.BufferedReader(_Xz(path)))
        case ".zst":
            from pyarrow import CompressedInputStream

            return cast("IO[bytes]", io.BufferedReader(CompressedInputStream(str(path), "zstd")))
    return path.open("rb")


def _refuse_other(path: Path) -> None:
    magic, program = _MAGIC[packing(path)]
    with path.open("rb") as file:
        beginning = file.read(len(magic))
    # A skippable frame may come first.
    skippable = packing(path) == ".zst" and beginning[1:] == b"\x2a\x4d\x18"
    if beginning not in (magic, magic[: len(beginning)]) and not skippable:
        raise CheckError(
            f"{path}: it is not compressed with {program}, as its name says; "
            f"take {path.suffix} off the name"
        )


def members(path: Path) -> list[str]:
    """Return the names of the files in a zip archive, without what systems add."""
    with _archive_errors(), zipfile.ZipFile(path) as archive:
        return _files_of(archive)
    raise AssertionError


@contextmanager
def _archive_errors() -> Iterator[None]:
    try:
        yield
    except (ValueError, OverflowError, struct.error):
        # Damaged numbers of where in the archive it is.
        raise zipfile.BadZipFile from None


def _files_of(archive: zipfile.ZipFile) -> list[str]:
    return [name for name in archive.namelist() if not _ADDED.search(name)]


def _member(path: Path, member: str | None) -> IO[bytes]:
    with _archive_errors():
        archive = zipfile.ZipFile(path)
        names = _files_of(archive)
    found = names
    if member is not None:
        found = [name for name in names if name == member]
        found = found or [name for name in names if fnmatch.fnmatchcase(name, member)]
    if len(found) == 1:
        with _archive_errors():
            return archive.open(found[0])
    archive.close()
    shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    if member is not None:
        which = "none is called" if not found else f"{len(found)} are called"
        raise CheckError(f"{path}: of its files {which} {member!r}; it holds {shown}")
    if not names:
        raise CheckError(f"{path}: it holds no file")
    raise one_of(path, "files", "member", names)


class _Xz(io.RawIOBase):
    """An .xz file, unpacked in bounded memory: Python's own reader has no bound."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)
        self._begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        while True:
            if self._reader.eof:
                more = self._reader.unused_data.lstrip(b"\0") or self._file.read(_PIECE)
                if not more.strip(b"\0"):
                    if not more:
                        return 0
                    continue
                self._reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)
                data = self._reader.decompress(more.lstrip(b"\0"), len(view))
            elif self._reader.needs_input:
                more = self._file.read(_PIECE)
                if not more:
                    raise EOFError
                data = self._reader.decompress(more, len(view))
            else:
                data = self._reader.decompress(b"", len(view))
            if data:
                view[: len(data)] = data
                return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
