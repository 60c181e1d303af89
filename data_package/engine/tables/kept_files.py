"""Files that functions make, kept in `storage/` as they are: a report, a figure, a model."""

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from data_package.engine.errors import BuildError
from data_package.engine.storage import hash_file, replacing
from data_package.engine.tables.asset_notes import Note, put_note
from data_package.engine.tables.table import Table

# Endings for compression; the kind of the file is given by the ending before it.
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}")
# How `tempfile` names its files and folders.
_TEMPORARY = re.compile(r"tmp[a-z0-9_]{8}(\.\w+)?")


def keep_file(table: Table, file: Path) -> tuple[str, int, Path]:
    """Put a file that a function returned in its place; returns its hash, size in bytes and path.

    A file made by `tempfile` is moved; any other is copied and left unchanged.

    Raises BuildError for anything but a file, and for a name without an ending.
    """
    if not file.is_file():
        what = "a folder; pack it into one file" if file.is_dir() else "not there"
        raise BuildError(f"The file that '{table.name}' returned is {what}.")
    ending = _ending(file)
    if not ending:
        raise BuildError(
            f"The file that '{table.name}' returned has no ending that shows its format.\n"
            "Give its name one, such as .html or .svg."
        )
    folder = table.project.storage.joinpath(table.group, *table.key.path[:-1])
    kept = folder / f"{table.key.path[-1]}{ending}"
    if not (kept.exists() and kept.samefile(file)):
        with replacing(kept) as temporary:
            shutil.copyfile(file, temporary)
        _take_away(file, table)
    place = kept.relative_to(table.project.storage).as_posix()
    digest = hash_file(kept)
    put_note(table.project, table.resource, Note(version=digest, file=place))
    return digest, kept.stat().st_size, kept


def _ending(file: Path) -> str:
    endings = file.suffixes[-2:] if file.suffix in _PACKED else file.suffixes[-1:]
    good = all(_ENDING.fullmatch(ending) for ending in endings)
    return "".join(endings).lower() if good else ""


def _take_away(file: Path, table: Table) -> None:
    """Remove a file that `tempfile` made, and the folder made for it."""
    root = Path(tempfile.gettempdir()).resolve()
    path = file.resolve()
    if path.is_relative_to(table.project.root) or file.is_symlink():
        return
    own = path if path.parent == root else path.parent
    if own.parent != root or not _TEMPORARY.fullmatch(own.name):
        return
    if own.stat().st_uid != os.getuid() or stat.S_IMODE(own.stat().st_mode) & 0o077:
        return
    path.unlink()
    if own != path and not any(own.iterdir()):
        own.rmdir()
