"""How a project stands: every table held against the lock."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter

from data_package.engine.libraries import version_of
from data_package.engine.project import Project
from data_package.engine.sources.files import combine_hashes
from data_package.engine.staleness.assess import Cause, CauseKind, Present, assess
from data_package.engine.staleness.lock import Lock
from data_package.engine.storage import recalled, write_private
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

_DIGEST_SHOWN = 16


class State(StrEnum):
    """How a table stands."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"
    CHANGED_OUTSIDE = "changed outside"
    FAILED = "failed"


@dataclass(frozen=True)
class TableState:
    """How one table stands, and why.

    `error` is what the last attempt said, when it was made on just what there is now.
    """

    name: str
    group: str
    state: State
    causes: tuple[Cause, ...] = ()
    error: str | None = None

    @property
    def reason(self) -> str:
        """A few words: the first cause, and how many more there are."""
        if not self.causes:
            return ""
        more = len(self.causes) - 1
        return f"{self.causes[0]}{f' and {more} more' if more else ''}"


def survey(catalogue: Catalogue, lock: Lock) -> dict[str, TableState]:
    """The state of every table, in an order in which each comes after its inputs.

    Raises ProjectError when a raw file is not there.
    """
    catalogue.deliveries.look_ahead()
    failures = Failures(catalogue.project)
    states: dict[str, TableState] = {}
    for table in in_order(catalogue):
        if table.partitioned:
            # Its partitions are built one by one, by Dagster's commands; the lock has no entry.
            there = bool(table.files())
            states[table.name] = TableState(
                name=table.name,
                group=table.group,
                state=State.FRESH if there else State.MISSING,
                causes=() if there else (Cause(CauseKind.MISSING),),
            )
            continue
        present = present_of(table, catalogue, lock)
        causes = assess(lock.tables.get(table.name), present, catalogue.project.library_changes)
        causes += [
            Cause(CauseKind.UPSTREAM, name)
            for name in _input_names(table)
            if name in states and states[name].state is not State.FRESH
        ]
        error = failures.error_of(table.name, basis(present))
        states[table.name] = TableState(
            name=table.name,
            group=table.group,
            state=_state(causes, error),
            causes=tuple(causes),
            error=error,
        )
    return states


def present_of(table: Table, catalogue: Catalogue, lock: Lock) -> Present:
    """A table's surroundings now; the content of its input tables is what the lock says."""
    return Present(
        fingerprint=table.fingerprint.digest,
        parts=parts_of(table),
        inputs={name: data_version(name, catalogue, lock) for name in _input_names(table)},
        libraries=libraries_of(table),
        file=file_version(table, catalogue),
    )


def data_version(name: str, catalogue: Catalogue, lock: Lock) -> str | None:
    """The content of a raw file or table that others take; None for a table never built.

    A table that is not under this project's control (an external asset of another kind) has no
    content that could be looked at, and never makes a reader stale.
    """
    if name in catalogue.deliveries.files:
        return catalogue.deliveries.content(name).sha256
    table = catalogue.named.get(name)
    if table is None:
        return "external"
    if table.partitioned:
        return file_version(table, catalogue)
    entry = lock.tables.get(name)
    return entry.data_version if entry else None


def file_version(table: Table, catalogue: Catalogue) -> str | None:
    """The hash of a table's file, or of all its partitions' files; None when there is none."""
    if (note := table.note) is not None and note.file is None:
        return note.version if note.holds(catalogue.hashes) else None
    files = table.files()
    if not files:
        return None
    if not table.partitioned:
        return catalogue.hashes.hash(files[0])
    folder = table.path.parent
    return combine_hashes(
        (file.relative_to(folder).as_posix(), catalogue.hashes.hash(file)) for file in files
    )


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
        {name: [n for n in _input_names(names[name]) if n in names] for name in sorted(names)}
    )
    return [names[name] for name in sorter.static_order()]


def basis(present: Present) -> str:
    """What an attempt to build was made on."""
    return combine_hashes(
        [("code", present.fingerprint), *((k, str(v)) for k, v in sorted(present.inputs.items()))]
    )


class Failures:
    """The last attempts that failed, until one succeeds or what they rested on changes."""

    def __init__(self, project: Project) -> None:
        """`project`: whose tables."""
        self._path = project.places.failures
        self._known: dict[str, dict[str, str]] = recalled(self._path, _failures, {})

    def error_of(self, name: str, on: str) -> str | None:
        """What was said when the table failed on just this basis."""
        known = self._known.get(name, {})
        return known.get("error") if known.get("basis") == on else None

    def put(self, name: str, on: str, error: str) -> None:
        """Remember a failure; its text holds no value of any row."""
        self._known[name] = {"basis": on, "error": error}
        self._save()

    def drop(self, name: str) -> None:
        """The table has been built."""
        if self._known.pop(name, None) is not None:
            self._save()

    def _save(self) -> None:
        write_private(self._path, json.dumps(self._known, indent=1, sort_keys=True))


def _failures(document: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, str]]:
    return {
        name: {"basis": str(known["basis"]), "error": str(known["error"])}
        for name, known in document.items()
    }


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


def _input_names(table: Table) -> list[str]:
    return sorted(key.to_user_string() for key in table.inputs.values())
