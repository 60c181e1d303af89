"""What the engine's own history can do, and another that a project may have cannot.

Under PostgreSQL, or a Dagster newer than the tested one, each caller takes Dagster's usual way.
What does not belong here: how the history does it, which is the matter of the room `history`.
"""

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

import dagster as dg


@runtime_checkable
class OwnHistory(Protocol):
    """The event log of the engine's own history."""

    def given(self, event: dg.EventLogEntry, text: str) -> None:
        """Take this text for an event that is stored next: `serialize_value` has written it."""

    def together(self, within_seconds: float = 0.0) -> AbstractContextManager[None]:
        """Commit what is stored in the block when it ends; or some seconds later, with others."""

    def settle(self) -> None:
        """Commit what is not committed yet."""

    def names_in(
        self, run_id: str, kinds: Collection[dg.DagsterEventType]
    ) -> Iterable[tuple[dg.DagsterEventType, str | None, dg.AssetKey | None]]:
        """The kind, step and asset of the events of some kinds, in their order: none is parsed."""


def own_history(instance: dg.DagsterInstance) -> OwnHistory | None:
    """The event log of an instance, if it is the engine's own."""
    log = instance.event_log_storage
    return log if isinstance(log, OwnHistory) else None


def together(
    instance: dg.DagsterInstance, within_seconds: float = 0.0
) -> AbstractContextManager[None]:
    """Store what happens in the block at once, where the history can."""
    own = own_history(instance)
    return own.together(within_seconds) if own is not None else nullcontext()
