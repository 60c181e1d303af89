"""Files of an untrusted package: found inside of it, or unpacked from a zip file.

A path is first checked as text, by the standard's rule
(https://datapackage.org/standard/data-resource/#path-or-data), then in the file system: links are
followed, and their targets must be in the package. A zip file is limited by its declared and by its
actual size.
"""

import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from data_package.engine.errors import ProjectError
from data_package.engine.storage import PRIVATE_FILE

_CHUNK = 1 << 20
# Deflate reaches a factor of about a thousand at most; Parquet, already compressed, much less.
_MOST_TIMES = 100
_ALWAYS_BYTES = 64 * 1024 * 1024
_SHARE_OF_FREE = 0.9
_BROKEN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError),
    *(ValueError, OverflowError, struct.error, zlib.error),
)
# As the zip files of data packages are packed everywhere. Others may take any amount of memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def is_relative(path: str) -> bool:
    """Whether the standard allows a path for a file in the package."""
    steps = PurePosixPath(path).parts
    return (
        bool(steps)
        and path[0] not in "./~"
        and ".." not in steps
        and path.isprintable()
        and not any(sign in path for sign in "\\:")
    )


def place_in(folder: Path, path: str) -> Path | str:
    """The absolute path of the regular file that a path names inside a package, or a reason."""
    if not is_relative(path):
        return "its path is not that of a file in the package"
    try:
        home = folder.resolve(strict=True)
        found = (home / path).resolve(strict=True)
        if not found.is_relative_to(home):
            return "its path leads out of the package"
        return found if found.is_file() else "its path is not that of a file"
    except FileNotFoundError:
        return "it does not exist"
    except (OSError, RuntimeError):
        return "it cannot be reached"


@contextmanager
def opened_zip(archive: Path, folder: Path) -> "Iterator[Packed]":
    """A zip file, to be unpacked into a folder. Raises ProjectError for anything else."""
    try:
        opened = zipfile.ZipFile(archive)
    except OSError as error:
        raise ProjectError(f"{archive} cannot be read: {error.strerror}.") from None
    except _BROKEN:
        raise _unreadable(archive) from None
    with opened:
        yield Packed(opened, archive, folder, _budget(archive, folder))


@dataclass
class Packed:
    """A zip file that is being unpacked, and how many bytes may still be written."""

    zip: zipfile.ZipFile
    archive: Path
    folder: Path
    left: int
    done: set[str] = field(default_factory=set)

    def holds(self, name: str) -> bool:
        """Whether there is a file of this name in it."""
        return name in self.zip.namelist()

    def unpack(self, name: str, *, most: int | None = None) -> None:
        """Unpack one file, of no more than `most` bytes. Raises ProjectError."""
        if name in self.done:
            return
        self.done.add(name)
        bound = self.left if most is None else min(most, self.left)
        target = self.folder / name
        try:
            entry = self.zip.getinfo(name)
            if entry.compress_type not in _METHODS:
                raise ProjectError(
                    f"{self.archive} cannot be unpacked: {name!r} is neither stored nor deflated.\n"
                    "Pack it again, for instance with zip, or unpack it and name the folder."
                )
            if entry.file_size > bound:
                raise self._too_large(name)
            # Only the owner can enter the folder above.
            target.parent.mkdir(parents=True, exist_ok=True)
            with self.zip.open(entry) as source, target.open("xb") as out:
                target.chmod(PRIVATE_FILE)
                arrived = 0
                while chunk := source.read(_CHUNK):
                    arrived += len(chunk)
                    if arrived > bound:
                        raise self._too_large(name)
                    out.write(chunk)
        except KeyError:
            raise ProjectError(
                f"{self.archive} is not a complete data package: it has no {name!r}."
            ) from None
        except OSError as error:
            raise ProjectError(
                f"{self.archive} cannot be unpacked: {name!r}: {error.strerror}."
            ) from None
        except _BROKEN:
            raise _unreadable(self.archive) from None
        self.left -= arrived

    def _too_large(self, name: str) -> ProjectError:
        return ProjectError(
            f"{self.archive} is too large when unpacked: {name!r}. Nothing of it is kept.\n"
            "If you know who made it, unpack it yourself and name the folder."
        )


def _budget(archive: Path, folder: Path) -> int:
    """How many bytes may be unpacked from a zip file: never enough to fill the disk."""
    honest = max(_ALWAYS_BYTES, _MOST_TIMES * archive.stat().st_size)
    return min(honest, int(_SHARE_OF_FREE * shutil.disk_usage(folder).free))


def _unreadable(archive: Path) -> ProjectError:
    return ProjectError(f"{archive} is not a readable zip file.")
