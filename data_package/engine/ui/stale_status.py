"""The state of tables in Dagster's pages: that of `data-package status`, with its reasons.

Dagster compares what its history holds. It looks at no file, and calls a table fresh that uses
one that is not.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import dagster as dg
from dagster._core.definitions.data_version import (
    CachingStaleStatusResolver,
    StaleCause,
    StaleCauseCategory,
    StaleStatus,
)
from dagster._core.definitions.events import AssetKeyPartitionKey

from data_package.engine.errors import DataPackageError
from data_package.engine.project import Project
from data_package.engine.staleness.assess import Cause, CauseKind
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.moves import surveyed
from data_package.engine.staleness.survey import TableState
from data_package.engine.states import State, package_state
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.table import PACKAGE

_SECONDS = 3.0
# Of the time that a look takes, so that pages that ask all the time cost a twentieth of it.
_PAUSE = 20

Part = tuple[dg.AssetKey, str | None]


@dataclass(frozen=True)
class StaleReason:
    """Why a table is not fresh.

    Attributes:
        about: the input that is the reason; None where it is the table itself.
    """

    category: StaleCauseCategory
    words: str
    about: dg.AssetKey | None = None


class States:
    """What is not fresh in a project; looked at again when it is asked for after some seconds."""

    def __init__(self, project: Project) -> None:
        """`project` has been loaded."""
        self._project = project
        self._lock = threading.Lock()
        self._seen: tuple[Catalogue, Mapping[Part, Sequence[StaleReason]]] | None = None
        self._until = 0.0

    def current(self) -> Mapping[Part, Sequence[StaleReason]]:
        """The reasons of each table, of each of its partitions, and of the data package.

        There is none where it is fresh. What is not a table of the project is missing.
        """
        with self._lock:
            catalogue = catalogue_of(self._project)
            began = time.monotonic()
            seen = self._seen
            if seen is None or seen[0] is not catalogue or began > self._until:
                seen = catalogue, _looked_at(catalogue)
                self._seen = seen
                now = time.monotonic()
                self._until = now + max(_SECONDS, _PAUSE * (now - began))
            return seen[1]


def _looked_at(catalogue: Catalogue) -> Mapping[Part, Sequence[StaleReason]]:
    try:
        return dict(_reasons(catalogue))
    except (DataPackageError, OSError) as error:
        # Unknown is not fresh.
        first = str(error).partition("\n")[0] if isinstance(error, DataPackageError) else ""
        words = f"cannot be compared with its inputs{': ' * bool(first)}{first}"
        unknown = [StaleReason(StaleCauseCategory.DATA, words)]
        return {
            (key, part): unknown
            for key, table in catalogue.tables.items()
            for part in {None, *table.parts}
        } | {(PACKAGE, None): unknown}


def _reasons(catalogue: Catalogue) -> Iterator[tuple[Part, Sequence[StaleReason]]]:
    states = surveyed(catalogue, read_lock(catalogue.project))
    for name, state in states.items():
        table = catalogue.named[name]
        for part in (state, *state.parts):
            yield (
                (table.key, part.partition),
                list(map(_reason, _causes(part))),
            )
    all_fresh = all(state.state is State.FRESH for state in states.values())
    for publication in catalogue.publications:
        package = package_state(publication.in_place(), all_fresh=all_fresh)
        fresh = package.in_json == "up to date"
        words = f"is {package}"
        yield (PACKAGE, None), [] if fresh else [StaleReason(StaleCauseCategory.DATA, words)]
    catalogue.hashes.save()


def _causes(state: TableState) -> Sequence[Cause]:
    if state.causes or state.state is State.FRESH:
        return state.causes
    return [Cause(CauseKind.FAILED)]


def _reason(cause: Cause) -> StaleReason:
    words = str(cause)
    match cause.kind:
        case CauseKind.CODE | CauseKind.LIBRARY:
            return StaleReason(StaleCauseCategory.CODE, words)
        case CauseKind.INPUT | CauseKind.UPSTREAM:
            # Dagster's pages put the input's name before it, as a link.
            return StaleReason(
                StaleCauseCategory.DATA,
                words.removeprefix(cause.subject).strip(),
                dg.AssetKey.from_user_string(cause.subject),
            )
        case CauseKind.INPUT_ADDED | CauseKind.INPUT_REMOVED:
            return StaleReason(StaleCauseCategory.DEPENDENCIES, words)
        case (
            CauseKind.NEVER_BUILT
            | CauseKind.MISSING
            | CauseKind.CHANGED_OUTSIDE
            | CauseKind.CONTRACT
            | CauseKind.MOVED
            | CauseKind.CHECK
            | CauseKind.NOT_CHECKED
            | CauseKind.FAILED
        ):
            return StaleReason(StaleCauseCategory.DATA, words)
        case _:
            assert_never(cause.kind)


class StatusResolver(CachingStaleStatusResolver):
    """Answers the pages of one request; what is not a table of the project is left to Dagster."""

    def __init__(self, states: States, *known: Any, **named: Any) -> None:
        """`states` of the project; the rest is Dagster's."""
        self._states = states
        super().__init__(*known, **named)

    def get_status(self, key: dg.AssetKey, partition_key: str | None = None) -> StaleStatus:
        """Whether a table or a partition is fresh, stale or was never made."""
        found = self._states.current().get((key, partition_key))
        if found is None:
            return super().get_status(key, partition_key)
        if not found:
            return StaleStatus.FRESH
        # Dagster does not say so of a partitioned table as a whole.
        none = [str(CauseKind.NEVER_BUILT)] == [one.words for one in found] and not partition_key
        never = none or super().get_status(key, partition_key) is StaleStatus.MISSING
        return StaleStatus.MISSING if never else StaleStatus.STALE

    def get_stale_root_causes(
        self, key: dg.AssetKey, partition_key: str | None = None
    ) -> Sequence[StaleCause]:
        """Why it is stale; nothing where it was never made."""
        found = self._states.current().get((key, partition_key))
        if found is None:
            return super().get_stale_root_causes(key, partition_key)
        if self.get_status(key, partition_key) is not StaleStatus.STALE:
            return []
        place = AssetKeyPartitionKey(key, partition_key)
        return [StaleCause(place, one.category, one.words, one.about) for one in found]
