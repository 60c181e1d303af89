"""Whether a table is what its function would make of its inputs now, and if not, why.

Pure: everything that is compared is handed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from data_package.engine.errors import some
from data_package.engine.project import LibraryChanges
from data_package.engine.staleness.lock import TableEntry

# How many partitions are named one by one.
_NAMED = 3


class CauseKind(StrEnum):
    """What makes a table stale."""

    NEVER_BUILT = "never built"
    MISSING = "its file is missing"
    CHANGED_OUTSIDE = "its file was changed outside"
    CODE = "code changed"
    INPUT = "input changed"
    INPUT_ADDED = "input added"
    INPUT_REMOVED = "input removed"
    LIBRARY = "library changed"
    UPSTREAM = "an input is stale"
    CONTRACT = "its contract is broken"
    MOVED = "moved"
    CHECK = "a check of it failed"
    NOT_CHECKED = "it has not been checked"
    FAILED = "the last attempt failed"


@dataclass(frozen=True)
class Cause:
    """One reason; `subject` is the part of the code, the input or the library.

    `partitions` are those of a partitioned table that it is true of.
    """

    kind: CauseKind
    subject: str = ""
    partitions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A few words."""
        keys = some(self.partitions, _NAMED)
        return f"{self._words}{f' ({keys})' if keys else ''}"

    @property
    def _words(self) -> str:
        match self.kind:
            case CauseKind.CODE:
                return f"{self.subject} changed"
            case CauseKind.INPUT:
                return f"{self.subject} has new content"
            case CauseKind.INPUT_ADDED:
                return f"{self.subject} is a new input"
            case CauseKind.INPUT_REMOVED:
                return f"{self.subject} is no longer an input"
            case CauseKind.LIBRARY:
                return self.subject
            case CauseKind.UPSTREAM:
                return f"{self.subject} is stale"
            case CauseKind.MOVED:
                return f"its file is in {self.subject}, and the next build moves it"
            case CauseKind.CHECK:
                return f"its check {self.subject} failed"
            case CauseKind.NOT_CHECKED if self.subject:
                return f"its check {self.subject} has not run"
            case (
                CauseKind.NEVER_BUILT
                | CauseKind.MISSING
                | CauseKind.CHANGED_OUTSIDE
                | CauseKind.CONTRACT
                | CauseKind.NOT_CHECKED
                | CauseKind.FAILED
            ):
                return str(self.kind)
            case _:
                assert_never(self.kind)


@dataclass(frozen=True)
class Present:
    """A table's surroundings as they are now.

    Attributes:
        fingerprint: of its function.
        parts: the digests that the fingerprint is made of, by name.
        inputs: the data version of each input; None for one that is not there.
        libraries: the versions of the libraries that the function reaches.
        file: the hash of its file; None when it is missing.
    """

    fingerprint: str
    parts: Mapping[str, str]
    inputs: Mapping[str, str | None]
    libraries: Mapping[str, str]
    file: str | None


def assess(
    entry: TableEntry | None, present: Present, library_changes: LibraryChanges
) -> list[Cause]:
    """Why a table must be built again; empty when it need not be."""
    if entry is None:
        return [Cause(CauseKind.NEVER_BUILT)]
    return [
        *_file(entry, present),
        *_code(entry, present),
        *_inputs(entry, present),
        *[
            Cause(CauseKind.LIBRARY, change)
            for change, level in changed_libraries(entry, present.libraries)
            if _counts(level, library_changes)
        ],
    ]


def changed_libraries(
    entry: TableEntry, present: Mapping[str, str]
) -> list[tuple[str, LibraryChanges]]:
    """Libraries whose version differs (`polars 2.1.0 → 2.2.0`), with the level of the change."""
    changes = []
    for name in sorted(entry.libraries.keys() & present.keys()):
        before, now = entry.libraries[name], present[name]
        if before != now:
            changes.append((f"{name} {before} → {now}", _level(before, now)))
    return changes


def _file(entry: TableEntry, present: Present) -> list[Cause]:
    if present.file is None:
        return [Cause(CauseKind.MISSING)]
    if present.file != entry.data_version:
        return [Cause(CauseKind.CHANGED_OUTSIDE)]
    return []


def _code(entry: TableEntry, present: Present) -> list[Cause]:
    if entry.fingerprint == present.fingerprint:
        return []
    names = sorted(entry.parts.keys() | present.parts.keys())
    changed = [n for n in names if entry.parts.get(n) != present.parts.get(n)]
    return [Cause(CauseKind.CODE, name) for name in changed] or [Cause(CauseKind.CODE, "its code")]


def _inputs(entry: TableEntry, present: Present) -> list[Cause]:
    causes = []
    for name in sorted(entry.inputs.keys() | present.inputs.keys()):
        if name not in present.inputs:
            causes.append(Cause(CauseKind.INPUT_REMOVED, name))
        elif name not in entry.inputs:
            causes.append(Cause(CauseKind.INPUT_ADDED, name))
        elif entry.inputs[name] != present.inputs[name]:
            causes.append(Cause(CauseKind.INPUT, name))
    return causes


def _level(before: str, now: str) -> LibraryChanges:
    old, new = before.split("."), now.split(".")
    if old[0] != new[0]:
        return LibraryChanges.MAJOR
    return LibraryChanges.MINOR if old[1:2] != new[1:2] else LibraryChanges.PATCH


def _counts(level: LibraryChanges, smallest: LibraryChanges) -> bool:
    order = [LibraryChanges.PATCH, LibraryChanges.MINOR, LibraryChanges.MAJOR, LibraryChanges.NEVER]
    return order.index(level) >= order.index(smallest)
