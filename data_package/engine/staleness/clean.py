"""What no asset makes any more: tables that have been removed or renamed, and what hangs on them.

A file is ours when it is where a table of some group would be, and the project neither reads nor
makes it. Everything else in `storage/` is left alone, and reported.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data_package.engine.errors import ProjectError
from data_package.engine.places import TABLE_SUFFIX, Folder
from data_package.engine.project import Project
from data_package.engine.sources.pins import read_pins
from data_package.engine.staleness.lock import Lock, LockFile, TableEntry
from data_package.engine.staleness.memo import matches
from data_package.engine.staleness.recorder import code_path
from data_package.engine.storage import sweep
from data_package.engine.tables.asset_notes import Note, note_of, note_path
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import group_place

_GROUP = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Orphan:
    """A file that no asset makes."""

    path: Path
    size_bytes: int

    def to_dict(self, project: Project) -> dict[str, object]:
        """The facts as JSON's types."""
        return {"path": project.relative(self.path), "size_bytes": self.size_bytes}


@dataclass(frozen=True)
class Leftovers:
    """What could be removed, and what is left alone.

    Attributes:
        tables: Parquet files of tables and partitions that no asset makes.
        rejects: rows left out of tables that are gone.
        snapshots: what was fetched and is no longer used.
        verdicts: remembered checks of tables or contracts, and notes on assets, that are gone.
        code: remembered code that no table is built by.
        lock_tables: tables in the lock that are gone.
        lock_raw: raw files in the lock that are gone.
        left_alone: other files among the tables, which are not known to be ours.
    """

    tables: tuple[Orphan, ...] = ()
    rejects: tuple[Orphan, ...] = ()
    snapshots: tuple[Orphan, ...] = ()
    verdicts: tuple[Path, ...] = ()
    code: tuple[Path, ...] = ()
    lock_tables: tuple[str, ...] = ()
    lock_raw: tuple[str, ...] = ()
    left_alone: tuple[Path, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to remove."""
        files = (self.tables, self.rejects, self.snapshots, self.verdicts, self.code)
        return not any((*files, self.lock_tables, self.lock_raw))

    @property
    def size_bytes(self) -> int:
        """What the tables, the rows left out of them and the snapshots take on the disk."""
        every = (*self.tables, *self.rejects, *self.snapshots)
        return sum(orphan.size_bytes for orphan in every)

    def to_dict(self, project: Project) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "tables": [orphan.to_dict(project) for orphan in self.tables],
            "rejects": [orphan.to_dict(project) for orphan in self.rejects],
            "snapshots": [orphan.to_dict(project) for orphan in self.snapshots],
            "verdicts": [project.relative(path) for path in self.verdicts],
            "code": [project.relative(path) for path in self.code],
            "lock": {"tables": list(self.lock_tables), "raw": list(self.lock_raw)},
            "left_alone": [project.relative(path) for path in self.left_alone],
        }


def find_leftovers(catalogue: Catalogue, lock: Lock) -> Leftovers:
    """Look through `storage/` and the lock.

    Raises ProjectError when the project has no table at all: every file would then be nobody's,
    and it is far more likely that the wrong package is named than that all was deleted.
    """
    project = catalogue.project
    if not catalogue.tables:
        raise ProjectError(
            f"The package '{project.package}' has no table, so every file would count as left "
            f"over.\nCorrect `package` in {project.root / 'pyproject.toml'}, or remove "
            f"{project.storage} by hand."
        )
    tables, left_alone = _unmade(catalogue)
    return Leftovers(
        tables=tuple(Orphan(path, path.stat().st_size) for path in tables),
        rejects=tuple(_rejects(catalogue)),
        snapshots=tuple(_snapshots(catalogue)),
        verdicts=(*_verdicts(catalogue), *_notes(catalogue)),
        code=tuple(_code(catalogue, lock)),
        lock_tables=tuple(gone(catalogue, lock)),
        lock_raw=tuple(sorted(lock.raw.keys() - catalogue.deliveries.files.keys())),
        left_alone=tuple(left_alone),
    )


def unmade_tables(catalogue: Catalogue) -> list[Path]:
    """Files of tables that no asset makes any more, in a fixed order."""
    return _unmade(catalogue)[0]


def _unmade(catalogue: Catalogue) -> tuple[list[Path], list[Path]]:
    """Files of tables that no asset makes, and what is not known to be one."""
    project = catalogue.project
    made = {table.file(part) for table in catalogue.tables.values() for part in table.parts}
    raw = _raw_files(catalogue)
    noted = {
        project.storage / note.file
        for note in _notes(catalogue).values()
        if note is not None and note.file
    }
    tables: list[Path] = []
    left_alone: list[Path] = []
    for path in _among_the_tables(project):
        if path in made or path.resolve() in raw:
            continue
        is_table = path in noted or _could_be_a_table(path, project.storage)
        (tables if is_table else left_alone).append(path)
    return tables, left_alone


def remove_leftovers(agreed: Leftovers, catalogue: Catalogue, lock: LockFile) -> Leftovers:
    """Remove what was agreed on and is still left over; the caller holds the project.

    Returns what was removed.
    """
    project = catalogue.project
    now = find_leftovers(catalogue, lock.read())
    tables = tuple(orphan for orphan in now.tables if orphan in agreed.tables)
    rejects = tuple(orphan for orphan in now.rejects if orphan in agreed.rejects)
    snapshots = tuple(orphan for orphan in now.snapshots if orphan in agreed.snapshots)
    verdicts = tuple(path for path in now.verdicts if path in agreed.verdicts)
    code = tuple(path for path in now.code if path in agreed.code)
    orphans = (*tables, *rejects, *snapshots)
    for path in [*(orphan.path for orphan in orphans), *verdicts, *code]:
        _remove(path, project.storage)
    lock.keep_only(catalogue.deliveries.files, catalogue.named, catalogue.keys)
    sweep(project.storage)
    return Leftovers(
        tables,
        rejects,
        snapshots,
        verdicts,
        code,
        now.lock_tables,
        now.lock_raw,
        now.left_alone,
    )


def _among_the_tables(project: Project) -> Iterator[Path]:
    """Every file, and every link, in the folders that may be groups; no link is followed.

    The groups come in the order of all lists. Within one it is by name: a table that is gone has no
    place in the data flow.
    """
    storage, graphs, folders = project.storage, project.places.graphs, set(Folder)
    tops = storage.iterdir() if storage.is_dir() else ()
    for top in sorted(tops, key=lambda path: group_place(path.name)):
        if top.name.startswith(".") or top.name in folders or top in graphs:
            continue
        if top.is_symlink() or not top.is_dir():
            yield top
            continue
        for folder, inside, files in os.walk(top):
            inside.sort()
            links = [name for name in inside if Path(folder, name).is_symlink()]
            for name in sorted([*files, *links]):
                if not name.startswith("."):
                    yield Path(folder, name)


def _could_be_a_table(path: Path, storage: Path) -> bool:
    place = path.relative_to(storage).parts
    return (
        len(place) > 1
        and _GROUP.fullmatch(place[0]) is not None
        and not any(name.startswith(".") for name in place)
        and path.suffix == TABLE_SUFFIX
        and path.is_file()
        and not path.is_symlink()
    )


def _raw_files(catalogue: Catalogue) -> set[Path]:
    """Raw files that are there, whether or not all of a set are."""
    found: set[Path] = set()
    for file in catalogue.deliveries.files.values():
        with suppress(ProjectError):
            for pattern in file.globs_at(catalogue.project.root):
                found.update(Path(place).resolve() for place in matches(pattern))
    return found


def _rejects(catalogue: Catalogue) -> Iterator[Orphan]:
    places = catalogue.project.places
    current = {
        places.rejects_of(table.op, part.name if part is not None else None)
        for table in catalogue.tables.values()
        for part in (table.partitions.each if table.partitions else (None,))
    }
    for path in _plain_files(places.rejects, TABLE_SUFFIX):
        if path not in current:
            yield Orphan(path, path.stat().st_size)


def _snapshots(catalogue: Catalogue) -> Iterator[Orphan]:
    """What no pin names; the pins of raw files that are gone count as none."""
    project = catalogue.project
    pins = read_pins(project.snapshots)
    current = {
        project.places.snapshot(name, pins[name].sha256)
        for name, file in catalogue.deliveries.files.items()
        if file.snapshot is not None and name in pins
    }
    for path in _files_below(project.places.snapshots, TABLE_SUFFIX):
        if path not in current and project.places.is_snapshot(path):
            yield Orphan(path, path.stat().st_size)


def _notes(catalogue: Catalogue) -> dict[Path, Note | None]:
    """Notes on assets that are gone, by their files."""
    project = catalogue.project
    made = project.places.made
    current = {
        note_path(project, table.noted_as(part))
        for table in catalogue.tables.values()
        for part in table.parts
    }
    return {
        path: note_of(project, path.relative_to(made).with_suffix("").as_posix())
        for path in _files_below(made, ".json")
        if path not in current
    }


def _verdicts(catalogue: Catalogue) -> Iterator[Path]:
    known = catalogue.verdicts
    current = {known.path(item, part) for item in catalogue.checks for part in item.parts}
    for path in _files_below(catalogue.project.places.verdicts, ".json"):
        if path not in current:
            yield path


def gone(catalogue: Catalogue, lock: Lock) -> Iterator[str]:
    """What the lock has and the project has no more: tables, and partitions of the others."""
    for name in sorted(lock.names):
        table = catalogue.named.get(name)
        if table is None or (name in lock.tables) == table.partitioned:
            yield name
        elif table.partitions is not None:
            gone = lock.partitions[name].keys() - table.partitions.known
            yield from (table.labelled(key) for key in sorted(gone))


def _kept_entries(catalogue: Catalogue, lock: Lock) -> Iterator[TableEntry]:
    for name in lock.names & catalogue.named.keys():
        yield from lock.partitions.get(name, {}).values()
        if name in lock.tables:
            yield lock.tables[name]


def _code(catalogue: Catalogue, lock: Lock) -> Iterator[Path]:
    """Kept code that neither an entry that stays in the lock nor a function of today has."""
    digests = {
        digest for entry in _kept_entries(catalogue, lock) for digest in entry.parts.values()
    }
    digests |= {p.digest for table in catalogue.tables.values() for p in table.fingerprint.parts}
    current = {code_path(catalogue, digest) for digest in digests}
    for path in _plain_files(catalogue.project.places.code, ".py"):
        if path not in current:
            yield path


def _plain_files(folder: Path, suffix: str) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix == suffix and path.is_file() and not path.is_symlink()
    )


def _files_below(folder: Path, suffix: str) -> list[Path]:
    """The same of a folder and all below it."""
    below = [path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()]
    return [file for inside in [folder, *sorted(below)] for file in _plain_files(inside, suffix)]


def _remove(path: Path, storage: Path) -> None:
    """Remove a file and the folders that it leaves empty, if it is in `storage/` and no link."""
    if path.parent.resolve() != path.parent or not path.parent.is_relative_to(storage):
        return
    if path.is_symlink():
        return
    path.unlink(missing_ok=True)
    remove_empty_folders(path, storage)


def remove_empty_folders(path: Path, storage: Path) -> None:
    """Remove the folders that a file which is gone leaves empty."""
    for folder in path.parents:
        if folder in (storage, storage / ".state") or next(folder.iterdir(), None) is not None:
            return
        folder.rmdir()
