"""Tables that are at another place, or have another name, and are otherwise as they were built.

A file that no table has any more is recognized by its bytes: the lock says which they are. So a
folder, a group or a table that was renamed is moved and not run. A table under a new name takes
over the entry of one that is gone where its function, its inputs and its libraries are those of
that entry; where the function can learn the name of its table, it runs.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from data_package.engine.errors import some
from data_package.engine.staleness.assess import Cause, CauseKind, Present, assess
from data_package.engine.staleness.clean import remove_empty_folders, unmade_tables
from data_package.engine.staleness.lock import Lock, LockFile, TableEntry
from data_package.engine.staleness.survey import (
    TableState,
    in_order,
    present_of,
    survey,
    together,
)
from data_package.engine.storage import hash_file, make_private_folder, sync
from data_package.engine.tables.asset_notes import Kept
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

_NAMED = 3
_NAMES_OF_CONTEXT = frozenset({"context", "_context", "context_", "_", "__"})
# What a function may ask of its run without learning what its table is called.
_SIGNATURE = re.compile(r"\bdef \w+\([^)]*\)")
_HARMLESS = r"\s*\.\s*(?:log|partition_key|partition_keys|partition_time_window)\b"


@dataclass(frozen=True)
class Move:
    """A table, or a partition of it, that lies elsewhere.

    Attributes:
        source: where its file is; that of the table itself where only its name has changed.
        target: where the file belongs.
        entry: what the lock has of it.
        before: the name of the table until now, where it had another.
    """

    table: Table
    part: str | None
    source: Path
    target: Path
    entry: TableEntry
    before: str | None = None

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "table": self.table.name,
            "partition": self.part,
            "before": self.before or self.table.name,
            "from": self.table.project.relative(self.source),
        }


@dataclass
class _Search:
    """What is found of the tables that have no file or no entry, inputs first."""

    catalogue: Catalogue
    before: Lock
    files: list[Path]
    lock: Lock
    found: list[Move] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)

    def look(self, table: Table, part: str | None) -> None:
        """Find the file of a table, or of a partition, if it lies elsewhere."""
        target = table.file(part)
        entry = self.lock.entry(table.name, part)
        if entry is not None:
            if entry.kept == Kept.TABLE and not target.is_file() and (file := self._take(entry)):
                self.found.append(Move(table, part, file, target, entry))
            return
        for name in self._gone(table):
            before = self.before.entry(name, part)
            if before is None or not self._is_made_alike(before, table, part):
                continue
            file = target if self._holds(target, before) else None
            if file is None and not target.exists():
                file = self._take(before)
            if file is not None:
                self.found.append(Move(table, part, file, target, before, name))
                self.renamed[name] = table.name
                self.lock = taken_over(self.lock, self.found[-1:], self.catalogue)
                return

    def _gone(self, table: Table) -> list[str]:
        """Tables of the lock that the project no longer has, whose entry is not taken yet."""
        if known := [name for name, now in self.renamed.items() if now == table.name]:
            return known
        gone = self.before.names - self.catalogue.named.keys() - self.renamed.keys()
        kept = self.before.partitions if table.partitioned else self.before.tables
        return sorted(gone & kept.keys())

    def _is_made_alike(self, entry: TableEntry, table: Table, part: str | None) -> bool:
        """Whether a function of these would make just what an entry says, whatever its name."""
        if (
            entry.kept != Kept.TABLE
            or entry.raw_errors
            or entry.fingerprint != table.fingerprint.digest
        ):
            return False
        if may_know_its_name(table) or self._is_one_of_several(table):
            return False
        present = present_of(table, self.catalogue, self.lock, part)
        there: Present = replace(present, file=entry.data_version)
        changes = self.catalogue.project.library_changes
        return not assess(_with_inputs(entry, self.renamed, table), there, changes)

    def _is_one_of_several(self, table: Table) -> bool:
        """Whether its function makes other tables too: which is which, only their names say."""
        tables = self.catalogue.tables.values()
        return sum(other.function is table.function for other in tables) > 1

    def _take(self, entry: TableEntry) -> Path | None:
        """A file with the bytes of an entry, which no other table takes then."""
        for file in self.files:
            if self._holds(file, entry):
                self.files.remove(file)
                return file
        return None

    def _holds(self, file: Path, entry: TableEntry) -> bool:
        try:
            is_so_large = file.is_file() and file.stat().st_size == entry.size_bytes
            return is_so_large and self.catalogue.hashes.hash(file) == entry.data_version
        except OSError:
            return False


def find_moves(catalogue: Catalogue, lock: Lock) -> list[Move]:
    """What lies elsewhere than where it belongs; nothing is touched."""
    lacking = [
        (table, part)
        for table in in_order(catalogue)
        if table.is_table
        for part in table.parts
        if lock.entry(table.name, part) is None or not table.file(part).is_file()
    ]
    if not lacking or not lock.names:
        return []
    search = _Search(catalogue, lock, unmade_tables(catalogue), lock)
    for table, part in lacking:
        search.look(table, part)
    return search.found


def surveyed(catalogue: Catalogue, lock: Lock) -> dict[str, TableState]:
    """The state of every table, as in `survey`, with what a build would only move."""
    states = survey(catalogue, lock)
    moved: dict[str, dict[str | None, Cause]] = {}
    for move in find_moves(catalogue, lock):
        cause = Cause(CauseKind.MOVED, catalogue.project.relative(move.source.parent))
        moved.setdefault(move.table.name, {})[move.part] = cause
    for name, causes in moved.items():
        table, state = catalogue.named[name], states[name]
        parts = [_moved(one, causes.get(one.partition)) for one in state.parts or (state,)]
        states[name] = together(table, parts) if table.partitioned else parts[0]
    return states


def _moved(state: TableState, cause: Cause | None) -> TableState:
    if cause is None:
        return state
    kinds = (CauseKind.NEVER_BUILT, CauseKind.MISSING)
    return replace(state, causes=(cause, *(one for one in state.causes if one.kind not in kinds)))


def carry_out(moves: Sequence[Move], catalogue: Catalogue, lock: LockFile) -> list[Move]:
    """Move files and entries; the caller holds the project. Returns what has been moved.

    A file that does not hold what the lock says once it is in place is put back.
    """
    done = [move for move in moves if _put_in_place(move, catalogue)]
    if done:
        lock.change(lambda before: taken_over(before, done, catalogue))
    return done


def taken_over(lock: Lock, moves: Sequence[Move], catalogue: Catalogue) -> Lock:
    """The lock with the entries of moved tables under their new names."""
    names = {move.before: move.table.name for move in moves if move.before is not None}
    for move in moves:
        entry = _with_inputs(move.entry, names, move.table)
        lock = lock.with_table(move.table.name, move.part, entry)
    tables = {
        name: _with_inputs(entry, names, table)
        if (table := catalogue.named.get(name)) is not None
        else entry
        for name, entry in lock.tables.items()
        if name not in names
    }
    partitions = {
        name: {
            key: entry if table is None else _with_inputs(entry, names, table)
            for key, entry in known.items()
        }
        for name, known in lock.partitions.items()
        if name not in names
        for table in [catalogue.named.get(name)]
    }
    return replace(lock, tables=tables, partitions=partitions)


def described(moves: Sequence[Move]) -> list[str]:
    """Sentences on what has been moved: one for all that came from one folder into another."""
    groups: dict[tuple[str, str], list[str]] = {}
    for move in moves:
        relative = move.table.project.relative
        name = move.table.labelled(move.part)
        if move.before is not None:
            name += f" (was {move.before})"
        places = relative(move.source.parent), relative(move.target.parent)
        groups.setdefault(places, []).append(name)
    lines = []
    for (source, target), names in groups.items():
        place = f" from {source} to {target}" if source != target else ""
        lines.append(f"Moved{place} and not run: {some(names, _NAMED)}.")
    return lines


def _put_in_place(move: Move, catalogue: Catalogue) -> bool:
    source, target = move.source, move.target
    if source == target:
        return True
    try:
        if target.exists():
            return False
        make_private_folder(target.parent)
        source.rename(target)
        digest = hash_file(target)
        if digest != move.entry.data_version:
            target.rename(source)
            return False
        sync(target.parent)
    except OSError:
        # On another file system, or not to be written: then it is built.
        return False
    catalogue.hashes.remember(target, digest)
    with suppress(OSError):
        remove_empty_folders(source, catalogue.project.storage)
    return True


def _with_inputs(entry: TableEntry, names: Mapping[str, str], table: Table) -> TableEntry:
    """An entry whose inputs have the names of today, where the table takes them under those."""
    taken = {key.to_user_string() for key in table.inputs.values()}
    inputs: dict[str, str] = {}
    for name, version in entry.inputs.items():
        now = names.get(name, name)
        inputs[now if now in taken and name not in taken else name] = version
    return entry if inputs == entry.inputs else replace(entry, inputs=inputs)


def may_know_its_name(table: Table) -> bool:
    """Whether what a function makes may depend on what its table is called."""
    codes = [part.code for part in table.fingerprint.parts]
    if any("ExecutionContext" in code for code in codes):
        return True
    own = next((part.code for part in table.fingerprint.parts if part.name == "function"), "")
    return any(not own or _uses(name, code) for name in _contexts(table) for code in codes)


def _contexts(table: Table) -> Iterator[str]:
    """The parameters that receive what Dagster knows of a run."""
    if table.function is None:
        yield "context"
        return
    for name, parameter in inspect.signature(table.function).parameters.items():
        if name in _NAMES_OF_CONTEXT or "Context" in str(parameter.annotation):
            yield name


def _uses(name: str, code: str) -> bool:
    """Whether code does more with its context than what is harmless."""
    body = _SIGNATURE.sub("", code)
    return re.search(rf"(?<![\w.]){re.escape(name)}\b(?!{_HARMLESS})", body) is not None
