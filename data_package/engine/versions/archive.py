"""A release as files that stay as they are: a read-only folder, and a zip file of it.

The zip file is the same to the byte wherever it is made from the same folder: names in order, the
release's own time, one set of permissions, no compression. The output of Deflate differs between
zlib, zlib-ng and their versions, and the tables, which are nearly all of a package, are compressed
within Parquet already. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import errno
import json
import os
import shutil
import zipfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from data_package.engine.errors import BuildError
from data_package.engine.project import Project
from data_package.engine.storage import (
    hash_file,
    is_running,
    make_private_folder,
    recalled,
    remove,
    replacing,
    temporary_beside,
    write_private,
)
from data_package.engine.unusable import number_of
from data_package.engine.versions.edition import releases_folder
from data_package.engine.versions.level import Version

_READ_ONLY_FILE = 0o400
_READ_ONLY_FOLDER = 0o500
_IN_THE_ZIP = 0o644
_REGULAR = 0o100000
_UNIX = 3
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20
SUMS = "SHA256SUMS"
_NOTE = ".unfinished."


def keep_folder(origin: Path, target: Path) -> None:
    """Copy a data package to a folder, and make it read-only.

    Raises BuildError when the copy does not match `SHA256SUMS`.
    """
    make_private_folder(target.parent)
    new = temporary_beside(target)
    try:
        shutil.copytree(origin, new, copy_function=shutil.copyfile)
        _check(new)
        for path in new.rglob("*"):
            path.chmod(_READ_ONLY_FOLDER if path.is_dir() else _READ_ONLY_FILE)
        new.rename(target)
        target.chmod(_READ_ONLY_FOLDER)
    except shutil.Error as error:
        # It has a list of errors for its message.
        remove(new)
        number = number_of(error) or errno.EIO
        raise OSError(number, os.strerror(number), str(target)) from None
    except BaseException:
        remove(new)
        raise


@contextmanager
def unfinished(folder: Path, archive: Path) -> Iterator[None]:
    """Mark the files of a release as unfinished while no record names it yet.

    The mark is a note beside them, which `sweep_unfinished` finds if this process is killed.
    """
    note = folder.with_name(f"{_NOTE}{os.getpid()}")
    make_private_folder(note.parent)
    write_private(note, json.dumps([folder.name, archive.name]))
    yield
    remove(note)


def sweep_unfinished(project: Project, released: Collection[str]) -> None:
    """Remove the files of releases that were interrupted before the record named them."""
    place = releases_folder(project)

    def names(found: Sequence[object]) -> tuple[str, str]:
        version, archive = map(str, found)
        return version, archive

    for note in list(place.glob(f"{_NOTE}*")):
        process = note.name.removeprefix(_NOTE)
        if process.isdecimal() and is_running(int(process)):
            continue
        version, archive = recalled(note, names, ("", ""))
        is_archive = Path(archive).suffix == ".zip"
        if version not in released and Version.parse(version) is not None and is_archive:
            remove(place / version)
            remove(place / Path(archive).name)
        remove(note)


def keep_zip(folder: Path, target: Path, created: str) -> None:
    """Write a zip file of a folder, with the time of the release as every file's date."""
    moment = datetime.fromisoformat(created)
    date = max(_EARLIEST, moment.timetuple()[:6])
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    with replacing(target) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, path in sorted(files.items()):
                if path.is_file():
                    _add(archive, name, path, date)
        temporary.chmod(_READ_ONLY_FILE)


def _add(
    archive: zipfile.ZipFile, name: str, path: Path, date: tuple[int, int, int, int, int, int]
) -> None:
    entry = zipfile.ZipInfo(name, date)
    entry.create_system = _UNIX
    entry.external_attr = (_REGULAR | _IN_THE_ZIP) << 16
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as out:
        shutil.copyfileobj(source, out, _CHUNK)


def _check(folder: Path) -> None:
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    for digest, name in (line.split("  ", 1) for line in lines):
        if hash_file(folder / name) != digest:
            raise BuildError(
                f"{name} of the built package does not match {SUMS}: someone changed it.\n"
                "Build it again: data-package build"
            )
