"""The state of a project: every table compared with the lock."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import TopologicalSorter

from data_package.engine.errors import ProjectError
from data_package.engine.libraries import version_of
from data_package.engine.project import Project
from data_package.engine.sources.files import all_of, combine_hashes
from data_package.engine.sources.shares import Share
from data_package.engine.staleness.assess import Cause, CauseKind, Present, assess
from data_package.engine.staleness.ledger import ledger
from data_package.engine.staleness.lock import Lock, RawEntry
from data_package.engine.states import State, worst
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

_DIGEST_SHOWN = 16
# Before the version of a set of raw files of which a partition used those that its key names.
OWN = "own "


@dataclass(frozen=True)
class TableState:
    """The state of one table, or of one of its partitions, and why.

    Attributes:
        error: the message of the last attempt, when it was made from exactly what there is now.
        partition: the key, for the state of a partition.
        parts: the states of a partitioned table's partitions, in their order.
    """

    name: str
    group: str
    state: State
    causes: tuple[Cause, ...] = ()
    error: str | None = None
    partition: str | None = None
    parts: tuple["TableState", ...] = ()

    @property
    def reason(self) -> str:
        """A few words: the first cause, and how many more there are."""
        if not self.causes:
            return ""
        more = len(self.causes) - 1
        return f"{self.causes[0]}{f' and {more} more' if more else ''}"

    @cached_property
    def stale(self) -> tuple[str | None, ...]:
        """What of it is not fresh: keys of partitions, or None for the table as a whole."""
        if self.parts:
            return tuple(part.partition for part in self.parts if part.state is not State.FRESH)
        return () if self.state is State.FRESH else (self.partition,)

    @cached_property
    def not_fresh(self) -> frozenset[str | None]:
        """The same as a set, for lookups."""
        return frozenset(self.stale)


def survey(catalogue: Catalogue, lock: Lock) -> dict[str, TableState]:
    """The state of every table, in the order of lists.

    Raises ProjectError when raw files are not there, one for all of them.
    """
    catalogue.deliveries.look_ahead()
    failures = Failures(catalogue.project)
    states: dict[str, TableState] = {}
    faults: list[ProjectError] = []
    for table in in_order(catalogue):
        made = []
        for part in table.parts:
            try:
                made.append(_state_of(table, part, catalogue, lock, failures, states))
            except ProjectError:
                faults += _missing(table, part, catalogue, lock)
                break
        if faults:
            # Other missing files are still looked for, so that all are reported at once.
            continue
        states[table.name] = together(table, made) if table.partitioned else made[0]
    if faults:
        raise all_of(faults)
    return {table.name: states[table.name] for table in catalogue.listed}


def raw_not_as_locked(
    catalogue: Catalogue, lock: Lock, states: Mapping[str, TableState]
) -> dict[str, RawEntry]:
    """The raw files whose entry is not of their content, although no table that uses them is stale.

    As where the lock was edited or merged, or a file came that no partition is made of. The
    entries are what they ought to be.
    """
    users: dict[str, list[State]] = {}
    for table in catalogue.tables.values():
        for name in input_names(table):
            users.setdefault(name, []).append(states[table.name].state)
    found = {}
    for name in catalogue.deliveries.files:
        if all(state is State.FRESH for state in users.get(name, [State.STALE])):
            content = catalogue.deliveries.whole(name)
            entry = RawEntry(content.sha256, content.size_bytes)
            if lock.raw.get(name) != entry:
                found[name] = entry
    return found


def survey_of_code(catalogue: Catalogue, lock: Lock) -> dict[str, TableState]:
    """The state of every table by its code alone, in the order of lists.

    Raw files and tables are taken to hold what the lock says, and are not looked at.
    """
    states: dict[str, TableState] = {}
    for table in in_order(catalogue):
        made = [
            _against(_as_locked(table, part, catalogue, lock), table, part, catalogue, lock, states)
            for part in table.parts
        ]
        states[table.name] = together(table, made) if table.partitioned else made[0]
    return {table.name: states[table.name] for table in catalogue.listed}


def _as_locked(table: Table, part: str | None, catalogue: Catalogue, lock: Lock) -> Present:
    entry = lock.entry(table.name, part)

    def version(name: str) -> str | None:
        if name not in catalogue.deliveries.files:
            return input_version(name, catalogue, lock, table, part)
        before = entry.inputs.get(name) if entry is not None else None
        share = table.shares.get(name, Share.WHOLE) if part is not None else Share.WHOLE
        if share is not Share.WHOLE or (before is not None and before.startswith(OWN)):
            # The lock has the hash of all files of a set, and not those of a partition's own.
            return before
        raw = lock.raw.get(name)
        if raw is None:
            return None
        return raw.sha256 if part is None else shortened(raw.sha256)

    return Present(
        fingerprint=table.fingerprint.digest,
        parts=parts_of(table),
        inputs={name: version(name) for name in input_names(table)},
        libraries=libraries_of(table),
        file=entry.data_version if entry is not None else None,
    )


def _missing(
    table: Table, part: str | None, catalogue: Catalogue, lock: Lock
) -> Iterator[ProjectError]:
    for name in input_names(table):
        try:
            input_version(name, catalogue, lock, table, part)
        except ProjectError as fault:
            yield fault


def _state_of(
    table: Table,
    part: str | None,
    catalogue: Catalogue,
    lock: Lock,
    failures: "Failures",
    known: Mapping[str, TableState],
) -> TableState:
    present = present_of(table, catalogue, lock, part)
    error = failures.error_of(table.labelled(part), basis(present))
    return _against(present, table, part, catalogue, lock, known, error)


def _against(
    present: Present,
    table: Table,
    part: str | None,
    catalogue: Catalogue,
    lock: Lock,
    known: Mapping[str, TableState],
    error: str | None = None,
) -> TableState:
    causes = assess(lock.entry(table.name, part), present, catalogue.project.library_changes)
    causes += [
        Cause(CauseKind.UPSTREAM, name)
        for name in input_names(table)
        if name in known and _is_stale(known[name], table, part, catalogue)
    ]
    return TableState(
        name=table.name,
        group=table.group,
        state=_state(causes, error),
        causes=tuple(causes),
        error=error,
        partition=part,
    )


def _is_stale(state: TableState, reader: Table, part: str | None, catalogue: Catalogue) -> bool:
    """Whether what a partition, or the whole, of a reader takes of an input is not fresh."""
    source = catalogue.named[state.name]
    if not source.partitioned or state.state is State.FRESH:
        return state.state is not State.FRESH
    return not state.not_fresh.isdisjoint(catalogue.taken(reader, source, part))


def together(table: Table, parts: Sequence[TableState]) -> TableState:
    """The state of a partitioned table: as bad as the worst of its partitions."""
    keys: dict[Cause, list[str]] = {}
    for part in parts:
        for cause in part.causes:
            keys.setdefault(cause, []).append(part.partition or "")
    return TableState(
        name=table.name,
        group=table.group,
        state=worst(part.state for part in parts),
        causes=tuple(
            replace(cause, partitions=tuple(of) if len(of) < len(parts) else ())
            for cause, of in keys.items()
        ),
        error=next((part.error for part in parts if part.error is not None), None),
        parts=tuple(parts),
    )


def present_of(table: Table, catalogue: Catalogue, lock: Lock, part: str | None) -> Present:
    """A table's, or a partition's, surroundings now.

    The content of its input tables is what the lock says.
    """
    return Present(
        fingerprint=table.fingerprint.digest,
        parts=parts_of(table),
        inputs={
            name: input_version(name, catalogue, lock, table, part) for name in input_names(table)
        },
        libraries=libraries_of(table),
        file=file_version(table, catalogue, part),
    )


def input_version(
    name: str, catalogue: Catalogue, lock: Lock, reader: Table, part: str | None
) -> str | None:
    """The content of an input as an entry of the lock has it: short, where there are many."""
    version = data_version(name, catalogue, lock, reader, part)
    return version if part is None or version is None else shortened(version)


def shortened(version: str) -> str:
    """A version for the line of a partition, of which a table may have a thousand."""
    mark = OWN if version.startswith(OWN) else ""
    return mark + version.removeprefix(OWN)[:_DIGEST_SHOWN]


def data_version(
    name: str,
    catalogue: Catalogue,
    lock: Lock,
    reader: Table | None = None,
    part: str | None = None,
) -> str | None:
    """The content of an input as far as a reader, or a partition of it, takes it.

    None for what is not there. A table that is not under this project's control (an external
    asset of another kind) has no content that could be looked at, and never makes a reader stale.
    """
    if name in catalogue.deliveries.files:
        return _raw_version(name, catalogue, lock, reader, part)
    table = catalogue.named.get(name)
    if table is None:
        return "external"
    if table.partitions is None:
        entry = lock.entry(name)
        return entry.data_version if entry else None
    versions = []
    keys = catalogue.taken(reader, table, part) if reader else table.partitions.keys
    for key in keys:
        entry = lock.entry(name, key)
        if entry is None:
            return None
        versions.append((key, entry.data_version))
    return combine_hashes(versions)


def _raw_version(
    name: str, catalogue: Catalogue, lock: Lock, reader: Table | None, part: str | None
) -> str | None:
    deliveries = catalogue.deliveries
    if reader is None or reader.partitions is None or part is None:
        return deliveries.content(name).sha256
    share = reader.shares.get(name, Share.WHOLE)
    before = lock.entry(reader.name, part)
    own = before is not None and before.inputs.get(name, "").startswith(OWN)
    try:
        if own and share is Share.WHOLE:
            content = deliveries.content(name, reader.partitions.part(part), Share.NAMED)
            return OWN + content.sha256
        return deliveries.content(name, reader.partitions.part(part), share).sha256
    except ProjectError:
        if share is Share.WHOLE and not own:
            raise
        # What one partition lacks does not hold up the others; its own building says it.
        return None


def file_version(table: Table, catalogue: Catalogue, part: str | None) -> str | None:
    """The hash of the file of a table, or of a partition; None when it is not there."""
    if (note := table.note(part)) is not None and note.file is None:
        return note.version if note.holds(catalogue.hashes) else None
    path = table.file(part)
    return catalogue.hashes.hash(path) if path.is_file() else None


def parts_of(table: Table) -> dict[str, str]:
    """The digests of a fingerprint's parts, short enough to read, by name."""
    return {part.name: shown(part.digest) for part in table.fingerprint.parts}


def shown(digest: str) -> str:
    """As much of a digest as is written into the lock for people to compare."""
    return digest[:_DIGEST_SHOWN]


def libraries_of(table: Table) -> dict[str, str]:
    """The versions of Python, of Polars and of what else the function reaches."""
    names = {"polars", *table.fingerprint.libraries} - {"dagster", "data_package"}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python} | {n: v for n in sorted(names) if (v := version_of(n)) is not None}


def in_order(catalogue: Catalogue) -> list[Table]:
    """The tables, each after its inputs, and by name where that leaves a choice."""
    names = catalogue.named
    sorter = TopologicalSorter(
        {name: [n for n in input_names(names[name]) if n in names] for name in sorted(names)}
    )
    return [names[name] for name in sorter.static_order()]


def basis(present: Present) -> str:
    """What an attempt to build was made on."""
    return combine_hashes(
        [("code", present.fingerprint), *((k, str(v)) for k, v in sorted(present.inputs.items()))]
    )


class Failures:
    """The last attempts that failed, until one succeeds or what they were made on changes."""

    def __init__(self, project: Project) -> None:
        """`project`: whose tables."""
        self._kept = ledger(project.places.failures)

    def error_of(self, name: str, on: str) -> str | None:
        """The message when the table failed on the same basis."""
        known = self._kept.get(name)
        return known.get("error") if known is not None and known.get("basis") == on else None

    def put(self, name: str, on: str, error: str) -> None:
        """Remember a failure; its text holds no value of any row."""
        self._kept.put(name, {"basis": on, "error": error})

    def drop(self, name: str) -> None:
        """The table has been built."""
        self._kept.put(name, None)


def _state(causes: list[Cause], error: str | None) -> State:
    kinds = {cause.kind for cause in causes}
    if not causes:
        return State.FRESH
    if error is not None:
        return State.FAILED
    if kinds & {CauseKind.MISSING, CauseKind.NEVER_BUILT}:
        return State.MISSING
    if CauseKind.CHANGED_OUTSIDE in kinds:
        return State.CHANGED_OUTSIDE
    return State.STALE


def input_names(table: Table) -> list[str]:
    """The names of what a table takes, in alphabetical order."""
    return sorted(key.to_user_string() for key in table.inputs.values())
