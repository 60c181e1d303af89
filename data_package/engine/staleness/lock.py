"""`data-package.lock`: what every table was built from. Small, sorted, made to be committed.

It holds hashes, counts and names, and nothing that differs between machines or moments. Whoever
writes a table, by whatever command, puts its entry here in one atomic step: into the journal at
first, which everybody reads with the file, and into the file itself when the run ends.

Standard library only: a build with nothing to do reads the lock and imports nothing else. A library
for decoding would also stop at the first fault, where a conflict of git is named here.
"""

import functools
import json
import os
import re
import threading
import tomllib
from collections import ChainMap, Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from data_package.engine.errors import BuildError, ProjectError, some
from data_package.engine.places import LOCK
from data_package.engine.project import Project
from data_package.engine.sources.files import combine_hashes
from data_package.engine.staleness.journal import Journal, Line, Stamp, stamp_of
from data_package.engine.storage import (
    LocksMissingError,
    check_replaceable,
    followed,
    hold,
    is_file,
    open_to_lock,
    temporary_beside,
)
from data_package.engine.tables.asset_notes import Kept
from data_package.engine.unusable import why, why_fixed

VERSION = 1
_HEADER = (
    "# What every table was built from. Written by each build; commit it.\n"
    "# After a merge with conflicts: `data-package merge-lock`, then `data-package build`.\n"
)
_PARTITION = "partition"
_MAPPINGS = ("libraries", "parts")
_NONE: Mapping[str, Collection[str]] = {}
_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})", re.MULTILINE)

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class RawEntry:
    """A raw file's content: one hash over all its files, in order, and their size."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class TableEntry:
    """What a table was built from, and the result.

    Attributes:
        fingerprint: of its function.
        parts: the digests that the fingerprint is made of, by the part's name.
        inputs: the data version of each input at the time, by the input's name.
        libraries: the versions of the libraries that its function reaches.
        data_version: of its content. The hash of its Parquet bytes: Polars writes equal names,
            types and values as equal bytes, and a renamed column as others.
        columns: a hash of its columns' names and types, in order.
        kept: what is kept of it; what is not a table has neither rows nor columns.
        raw_errors: how much was wrong in the raw files whose rows it was made of.
    """

    fingerprint: str
    parts: Mapping[str, str]
    inputs: Mapping[str, str]
    libraries: Mapping[str, str]
    data_version: str
    rows: int
    columns: str
    size_bytes: int
    kept: str = Kept.TABLE
    raw_errors: int = 0


@dataclass(frozen=True)
class Lock:
    """The whole file.

    Attributes:
        raw: the raw files.
        tables: the tables that are kept as one file.
        partitions: the partitions of the other tables, by table and key.
    """

    raw: Mapping[str, RawEntry] = field(default_factory=dict)
    tables: Mapping[str, TableEntry] = field(default_factory=dict)
    partitions: Mapping[str, Mapping[str, TableEntry]] = field(default_factory=dict)

    def entry(self, name: str, partition: str | None = None) -> TableEntry | None:
        """What a table, or one of its partitions, was built from; None where it never was."""
        if partition is None:
            return self.tables.get(name)
        return self.partitions.get(name, {}).get(partition)

    def whole(self, name: str) -> TableEntry | None:
        """What a table was built from; of a partitioned one, what its partitions are together."""
        known = self.partitions.get(name)
        return _together(known) if known else self.tables.get(name)

    @property
    def names(self) -> set[str]:
        """Every table that has an entry, partitioned or not."""
        return {*self.tables, *self.partitions}

    @property
    def entries(self) -> dict[tuple[str, str | None], TableEntry]:
        """Every entry by its table and partition, None for a table that is kept as one file."""
        found: dict[tuple[str, str | None], TableEntry] = {
            (name, None): entry for name, entry in self.tables.items()
        }
        for name, known in self.partitions.items():
            found |= {(name, key): entry for key, entry in known.items()}
        return found

    def with_table(self, name: str, partition: str | None, entry: TableEntry) -> "Lock":
        """The same lock with another entry; a table is either partitioned or not."""
        if partition is None:
            tables = _with(self.tables, name, entry)
            return replace(self, tables=tables, partitions=_without(self.partitions, name))
        known = _with(self.partitions.get(name, {}), partition, entry)
        partitions = {**self.partitions, name: known}
        return replace(self, tables=_without(self.tables, name), partitions=partitions)


def lock_path(project: Project) -> Path:
    """`data-package.lock`, at the project's root."""
    return project.lock


def read_lock(project: Project) -> Lock:
    """The present lock, with what a build has put and not yet folded; empty without a file.

    Raises ProjectError when the file is not one that this version wrote.
    """
    stamp = stamp_of(lock_path(project))
    lock = lock_as_written(project)
    if lock is None:
        return Lock()
    raw = dict(lock.raw)
    tables, partitions = dict(lock.tables), {k: dict(v) for k, v in lock.partitions.items()}
    for line in _journal(project).read(stamp):
        # A line of another version's makes its table count as not built since.
        with suppress(KeyError, TypeError, AttributeError):
            read = {name: _raw_entry(entry) for name, entry in line.raw.items()}
            entry = _table_entry(line.table)
            name = _text(line.name)
            if line.partition is None:
                tables[name] = entry
                partitions.pop(name, None)
            else:
                partitions.setdefault(name, {})[_text(line.partition)] = entry
                tables.pop(name, None)
            raw |= read
    return Lock(raw, tables, partitions)


def lock_as_written(project: Project) -> Lock | None:
    """The lock file alone, without what a build has not yet folded into it; None without a file.

    Raises ProjectError when the file is not one that this version wrote.
    """
    path = lock_path(project)
    if not is_file(path):
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ProjectError(_unreadable("it is not text")) from None
    return parse(text)


@functools.cache
def lock_of(project: Project) -> "LockFile":
    """The lock of a project, read once in this process for all who ask."""
    return LockFile(project)


def _journal(project: Project) -> Journal:
    return Journal(project.places.journal)


def parse(text: str) -> Lock:
    """Read the text of a lock file. Raises ProjectError, which says what to do."""
    if conflict := _CONFLICT.search(text):
        line = text[: conflict.start()].count("\n") + 1
        raise ProjectError(
            f"{LOCK}:{line}: git left conflict markers here.\n"
            "Run `data-package merge-lock`, then `data-package build`: what both sides had "
            "changed is built again. Nothing has been touched."
        )
    try:
        document = tomllib.loads(text)
        version = document.get("version")
        if isinstance(version, int) and version > VERSION:
            raise ProjectError(
                f"{LOCK} was written by a newer data-package (its version is {version}, this "
                f"one reads {VERSION}).\nUpdate data-package. Nothing has been touched."
            )
        if version != VERSION:
            raise ProjectError(_unreadable("it does not say `version = 1`"))
        tables = document.get("table", {})
        return Lock(
            raw={name: _raw_entry(entry) for name, entry in document.get("raw", {}).items()},
            tables={
                name: _table_entry(entry)
                for name, entry in tables.items()
                if _PARTITION not in entry
            },
            partitions={
                name: _partitions(entry) for name, entry in tables.items() if _PARTITION in entry
            },
        )
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(_unreadable(str(error))) from None
    except RecursionError:
        raise ProjectError(_unreadable("it is nested too deeply")) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ProjectError(_unreadable("an entry is not complete")) from None


def render(lock: Lock) -> str:
    """The text of a lock: the same for equal content, one table's lines beside one another."""
    tables = {name: _lines(entry) for name, entry in lock.tables.items()}
    tables |= {name: _partition_lines(name, known) for name, known in lock.partitions.items()}
    blocks = [f"\n[raw.{_key(name)}]\n{_lines(raw)}" for name, raw in sorted(lock.raw.items())]
    blocks += [f"\n[table.{_key(name)}]\n{lines}" for name, lines in sorted(tables.items())]
    return "".join([_HEADER, f"version = {VERSION}\n", *blocks])


def _partition_lines(name: str, known: Mapping[str, TableEntry]) -> str:
    """What most partitions have in common, then a line for each.

    A line holds what is the partition's own, and where it was made by other code than most: after
    a build that was broken off, say.
    """
    made = {key: _making(entry) for key, entry in known.items()}
    counts = Counter(made.values())
    common = min(counts, key=lambda one: (-counts[one], one)) if counts else ""
    lines = [common, f"\n[table.{_key(name)}.{_PARTITION}]\n"]
    for key, entry in sorted(known.items()):
        own = [f'data_version = "{entry.data_version}"', f"rows = {entry.rows}"]
        own += [f"bytes = {entry.size_bytes}", f"inputs = {_inline(entry.inputs)}"]
        if made[key] != common:
            own += [f'fingerprint = "{entry.fingerprint}"', f'columns = "{entry.columns}"']
            own += [f"{title} = {_inline(getattr(entry, title))}" for title in _MAPPINGS]
        own += [f'kept = "{entry.kept}"'] if entry.kept != Kept.TABLE else []
        own += [f"raw_errors = {entry.raw_errors}"] if entry.raw_errors else []
        lines.append(f"{_key(key)} = {{ {', '.join(own)} }}\n")
    return "".join(lines)


def _making(entry: TableEntry) -> str:
    """The lines of what the partitions of a table mostly have in common."""
    return "".join(
        [
            f'fingerprint = "{entry.fingerprint}"\n',
            f'columns = "{entry.columns}"\n',
            *(line for title in _MAPPINGS for line in _mapping(title, getattr(entry, title))),
        ]
    )


def _inline(values: Mapping[str, str]) -> str:
    texts = [f"{_key(key)} = {_quoted(value)}" for key, value in sorted(values.items())]
    return f"{{ {', '.join(texts)} }}" if texts else "{}"


def _partitions(entry: Mapping[str, object]) -> dict[str, TableEntry]:
    common = {name: value for name, value in entry.items() if name != _PARTITION}
    lines = entry[_PARTITION]
    if not isinstance(lines, dict):
        raise TypeError
    return {_text(key): _table_entry({**common, **line}) for key, line in lines.items()}


def _lines(entry: RawEntry | TableEntry) -> str:
    if isinstance(entry, RawEntry):
        return f'bytes = {entry.size_bytes}\nsha256 = "{entry.sha256}"\n'
    return "".join(
        [
            f'fingerprint = "{entry.fingerprint}"\n',
            f'data_version = "{entry.data_version}"\n',
            *_rows(entry),
            f"bytes = {entry.size_bytes}\n",
            *_mapping("inputs", entry.inputs),
            *_mapping("libraries", entry.libraries),
            *_mapping("parts", entry.parts),
        ]
    )


def _rows(entry: TableEntry) -> list[str]:
    errors = [f"raw_errors = {entry.raw_errors}\n"] if entry.raw_errors else []
    if entry.kept != Kept.TABLE:
        return [f'kept = "{entry.kept}"\n', *errors]
    return [f"rows = {entry.rows}\n", *errors, f'columns = "{entry.columns}"\n']


class LockFile:
    """The lock file of a project and the changes to it, each atomic against other processes.

    What was read last is kept, and read again only when another process has written since.

    Attributes:
        was_replaced: whether another lock file took its place while entries were gathered, as git
            does when it checks one out; those that were put before then are lost.
    """

    def __init__(self, project: Project) -> None:
        """`project`: whose lock it is."""
        self._project = project
        self._path = lock_path(project)
        self._guard = project.places.lock_guard
        self._journal = _journal(project)
        self._in_process = threading.RLock()
        self._known: tuple[tuple[Stamp | None, Stamp | None], Lock] | None = None
        self._gathers = False
        self._stamp: Stamp | None = None
        self.was_replaced = False

    def read(self) -> Lock:
        """The present lock. Raises ProjectError when it cannot be read."""
        with self._in_process:
            stamps = self._stamps()
            if self._known is None or self._known[0] != stamps:
                self._known = stamps, read_lock(self._project)
            return self._known[1]

    def put_table(
        self,
        name: str,
        entry: TableEntry,
        raw: Mapping[str, RawEntry],
        partition: str | None = None,
    ) -> None:
        """Write down a table or partition that has just been written, and the raw files it read.

        It is safe from now on, and in the lock file itself after the next `fold`.
        """
        with self._exclusive():
            before = self.read()
            after = before.with_table(name, partition, entry)
            changed = {key: one for key, one in raw.items() if before.raw.get(key) != one}
            after = replace(after, raw={**before.raw, **changed}) if changed else after
            stamp = stamp_of(self._path)
            if stamp is None:
                self._write(after)
            elif changed or before.entry(name, partition) != entry:
                files = {key: _plain(one) for key, one in raw.items()}
                line = Line(name, _plain(entry), files, partition)
                self._journal.add(line, stamp)
                self._known = self._stamps(), after

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Fold once when the block ends, however it ends, and not after each table."""
        self._gathers, self._stamp, self.was_replaced = True, stamp_of(self._path), False
        try:
            yield
        finally:
            self._note_a_replacement()
            self._gathers = False
            self.fold()

    def _note_a_replacement(self) -> None:
        """Compare the lock file with what it was; the journal alone grows while entries gather."""
        if self._gathers and self._stamp not in (None, stamp_of(self._path)):
            self.was_replaced = True

    def fold_now(self) -> None:
        """Fold, unless this process does so later: Dagster's own executors never do."""
        if not self._gathers:
            self.fold()

    def fold(self) -> None:
        """Let the lock file hold all that was put."""
        self.change(lambda lock: lock)

    def keep_only(
        self,
        raw: Collection[str],
        tables: Collection[str],
        partitions: Mapping[str, Collection[str]],
    ) -> None:
        """Drop the entries of what the project no longer has.

        `partitions`: the keys of those tables that are partitioned.
        """
        self.change(
            lambda lock: Lock(
                raw={k: v for k, v in lock.raw.items() if k in raw},
                tables={
                    k: v for k, v in lock.tables.items() if k in tables and k not in partitions
                },
                partitions=_those_of(lock, lambda name, key: key in partitions.get(name, ())),
            )
        )

    def forget(
        self, tables: Collection[str], partitions: Mapping[str, Collection[str]] = _NONE
    ) -> None:
        """Drop the entries of tables, or of some of their partitions, so that they run again."""
        self.change(
            lambda lock: replace(
                lock,
                tables={k: v for k, v in lock.tables.items() if k not in tables},
                partitions=_those_of(
                    lock,
                    lambda name, key: name not in tables and key not in partitions.get(name, ()),
                ),
            )
        )

    def change(self, change: Callable[[Lock], Lock]) -> None:
        """Replace this lock by another, in one step."""
        with self._exclusive():
            before = self.read()
            after = change(before)
            if after != before or self._journal.stamp() is not None:
                self._write(after)

    def overwrite(self, lock: Lock) -> None:
        """Replace a file, which need not be readable, by another lock."""
        with self._exclusive():
            self._write(lock)

    def unfolded(self) -> list[str]:
        """The tables whose entries a build has put and the lock file lacks.

        It lacks them while a build runs, after one that was killed, and where it may not be
        written; what is committed then does not say what was built.
        """
        stamp = stamp_of(self._path)
        return sorted({line.name for line in self._journal.read(stamp)}) if stamp else []

    def check_written(self) -> None:
        """Raise ProjectError when the lock file lacks what was built; none may build meanwhile."""
        if lacking := self.unfolded():
            raise ProjectError(f"{lacks(lacking)}\nWrite it first: data-package build")

    def check_writable(self) -> None:
        """Raise ProjectError when the lock file could not be written: it is, at the very end."""
        try:
            check_replaceable(followed(self._path))
        except ProjectError as fault:
            raise ProjectError(
                f"{LOCK} could not be written after the build, so nothing is built.\n{fault}"
            ) from None

    def _write(self, lock: Lock) -> None:
        self._note_a_replacement()
        # A link to it stays one.
        path = followed(self._path)
        temporary = temporary_beside(path)
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(render(lock))
                file.flush()
                os.fsync(file.fileno())
            # The lock is committed: it has the permissions of the project's files.
            temporary.chmod((self._project.root / "pyproject.toml").stat().st_mode & 0o666)
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise BuildError(
                f"{LOCK} cannot be written, so it does not say what was built.\n"
                f"{why_fixed(path) or why(error, path.parent)}"
            ) from None
        self._journal.remove()
        self._known = self._stamps(), lock
        self._stamp = self._known[0][0]

    def _stamps(self) -> tuple[Stamp | None, Stamp | None]:
        return stamp_of(self._path), self._journal.stamp()

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._in_process, open_to_lock(self._guard) as handle:
            # Where files cannot be locked, a build has the project's lease, and writes alone.
            with suppress(LocksMissingError):
                hold(handle, self._guard)
            yield


def lacks(tables: Sequence[str]) -> str:
    """That the lock file lacks tables that have been built, or raw files, in a sentence."""
    return f"{LOCK} does not record the present state of {some(tables, 3)}."


def _together(known: Mapping[str, TableEntry]) -> TableEntry:
    """The partitions of a table as one entry: sums, and hashes over all of their own."""
    entries = sorted(known.items())

    def one_of(value: Callable[[TableEntry], str]) -> str:
        values = [(key, value(entry)) for key, entry in entries]
        return values[0][1] if len({text for _, text in values}) == 1 else combine_hashes(values)

    inputs = {name: name for _, entry in entries for name in entry.inputs}
    return TableEntry(
        fingerprint=one_of(lambda entry: entry.fingerprint),
        parts={name: text for _, entry in entries for name, text in entry.parts.items()},
        inputs={
            name: combine_hashes((key, entry.inputs.get(name, "")) for key, entry in entries)
            for name in inputs
        },
        libraries={name: text for _, entry in entries for name, text in entry.libraries.items()},
        data_version=combine_hashes((key, entry.data_version) for key, entry in entries),
        rows=sum(entry.rows for _, entry in entries),
        columns=one_of(lambda entry: entry.columns),
        size_bytes=sum(entry.size_bytes for _, entry in entries),
        raw_errors=sum(entry.raw_errors for _, entry in entries),
    )


def _with(known: Mapping[str, Entry], key: str, entry: Entry) -> Mapping[str, Entry]:
    """The same mapping with another entry; what is in both is mostly not copied.

    A build puts as many entries as there are tables and partitions, one after another, and a lock
    that was read before must not change. So the newest entries are in a small mapping before the
    others, and join them from time to time.
    """
    newest, others = known.maps if isinstance(known, ChainMap) else ({}, known)
    newest = {**newest, key: entry}
    if len(newest) ** 2 > len(others) or not isinstance(others, dict):
        return {**others, **newest}
    return ChainMap(newest, others)


def _without(known: Mapping[str, Entry], name: str) -> Mapping[str, Entry]:
    return {k: v for k, v in known.items() if k != name} if name in known else known


def _those_of(lock: Lock, wanted: Callable[[str, str], bool]) -> dict[str, dict[str, TableEntry]]:
    """The partitions that are wanted, by table; without those tables that have none then."""
    kept = {
        name: {key: entry for key, entry in known.items() if wanted(name, key)}
        for name, known in lock.partitions.items()
    }
    return {name: known for name, known in kept.items() if known}


def _plain(entry: RawEntry | TableEntry) -> dict[str, object]:
    """An entry as the journal keeps it, by the names that the lock file has."""
    values = asdict(entry)
    return {**values, "bytes": values.pop("size_bytes")}


def _raw_entry(entry: Mapping[str, object]) -> RawEntry:
    return RawEntry(sha256=_text(entry["sha256"]), size_bytes=_whole(entry["bytes"]))


def _table_entry(entry: Mapping[str, object]) -> TableEntry:
    kept = str(Kept(_text(entry.get("kept", Kept.TABLE))))
    return TableEntry(
        fingerprint=_text(entry["fingerprint"]),
        parts=_texts(entry.get("parts", {})),
        inputs=_texts(entry.get("inputs", {})),
        libraries=_texts(entry.get("libraries", {})),
        data_version=_text(entry["data_version"]),
        rows=_whole(entry["rows"] if kept == Kept.TABLE else 0),
        columns=_text(entry["columns"] if kept == Kept.TABLE else ""),
        size_bytes=_whole(entry["bytes"]),
        kept=kept,
        raw_errors=_whole(entry.get("raw_errors", 0)),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    return {_text(k): _text(v) for k, v in value.items()}


def _mapping(name: str, values: Mapping[str, str]) -> Iterator[str]:
    for key, value in sorted(values.items()):
        yield f"{name}.{_key(key)} = {_quoted(value)}\n"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """A string of TOML: JSON's, but for one character that TOML wants to be escaped."""
    return _AS_JSON(text).replace("\x7f", "\\u007f")


def _unreadable(why: str) -> str:
    return (
        f"{LOCK} cannot be read: {why}.\n"
        f"Restore it (git checkout {LOCK}), or delete it to build everything again. Nothing "
        "has been touched."
    )
