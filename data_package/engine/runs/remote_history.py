"""The history, for a process that only carries out steps: it asks the deciding process.

One process reads and writes the history of a run, whatever database keeps it and wherever the
steps run. The others have an instance of Dagster's whose storages pass each call on through a
channel. An event is on its way when the call returns; what is asked afterwards is answered when it
is stored.
"""

import inspect
import os
import threading
from abc import ABC
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
from dagster._core.instance.types import InstanceType, MayHaveInstanceWeakref
from dagster._core.storage.root import LocalArtifactStorage

from data_package.engine.deferred_imports import BESIDE_STORAGE, imported_later
from data_package.engine.errors import BuildError
from data_package.engine.runs.dagster_parts import InstanceRef, NoOpComputeLogManager

with imported_later(*BESIDE_STORAGE):
    from dagster._core.storage.event_log import EventLogStorage
    from dagster._core.storage.runs import RunStorage

EVENTS, RUNS = "events", "runs"

# Not passed on: what concerns the storage object itself.
_OWN = {"dispose", "store_event", "store_event_batch", "watch", "end_watch"}
_OWN |= set(dir(MayHaveInstanceWeakref))


class StepChannel(Protocol):
    """Two ends through which whole messages go: a pipe, or whatever a launcher has for it."""

    def send(self, message: Any) -> None:
        """Pass a message on."""

    def recv(self) -> Any:
        """Wait for a message. Raises EOFError when the other end is closed."""


# What is passed on in one message.
Words = list[tuple[str, tuple[object, ...]]]


class Asking:
    """The end of a channel in the process that carries out steps."""

    def __init__(self, channel: StepChannel) -> None:
        """`channel`: to the deciding process; what goes through it are `Words`."""
        self._channel = channel
        self._process = os.getpid()
        self._held: Words = []
        # A table's function may log from threads of its own.
        self._lock = threading.Lock()

    def tell(self, what: str, *facts: object, at_once: bool = True) -> None:
        """Pass something on, without an answer; or hold it, for what follows soon."""
        if os.getpid() != self._process:
            # A function's fork has no part in the channel: what it logs is not kept.
            return
        with self._lock:
            self._held.append((what, facts))
            if at_once:
                self._send()

    def ask(self, what: str, *facts: object) -> Any:
        """Pass a question on, and return the answer or raise the error."""
        if os.getpid() != self._process:
            raise BuildError("A process that a function has started cannot ask for the history.")
        with self._lock:
            self._held.append((what, facts))
            self._send()
            answer, error = self._channel.recv()
        if error is not None:
            raise error
        return answer

    def _send(self) -> None:
        held, self._held = self._held, []
        self._channel.send(held)


def answer(instance: dg.DagsterInstance, storage: str, name: str, args: Any, kwargs: Any) -> Any:
    """The answer to a call of a storage, and the error; one of the two is None."""
    kept = instance.event_log_storage if storage == EVENTS else instance.run_storage
    try:
        found = getattr(kept, name)
        return (found(*args, **kwargs) if callable(found) else found), None
    except dg.DagsterError as error:
        # Errors of the database itself end the run, as they do where nothing is passed on.
        return None, BuildError(f"Dagster cannot answer this: {type(error).__name__}.")


def asking_instance(
    asking: Asking, store: Callable[[dg.EventLogEntry], None], reference: InstanceRef, home: Path
) -> dg.DagsterInstance:
    """An instance of which the history is in the deciding process; `store` gets its events."""
    events: Any = _passing(EventLogStorage, EVENTS)(asking)
    events.store_event = store
    runs: Any = _passing(RunStorage, RUNS)(asking)
    return dg.DagsterInstance(
        instance_type=InstanceType.PERSISTENT,
        local_artifact_storage=LocalArtifactStorage(str(home)),
        run_storage=runs,
        event_storage=events,
        run_coordinator=None,
        run_launcher=None,
        compute_log_manager=NoOpComputeLogManager(),
        settings=reference.settings,
        ref=reference,
    )


def _passing(kind: type[ABC], storage: str) -> Callable[[Asking], ABC]:
    """A storage of this kind that passes each call on."""

    def init(self: Any, asking: Asking) -> None:
        self._asking = asking
        MayHaveInstanceWeakref.__init__(self)  # type: ignore[no-untyped-call]

    members: dict[str, Any] = {"__init__": init}
    members |= {name: _passed(storage, name, is_value=v) for name, v in _public(kind)}
    members |= {name: _kept for name in kind.__abstractmethods__ if name not in members}
    made: Callable[[Asking], ABC] = type(f"Asking{kind.__name__}", (kind,), members)
    return made


def _public(kind: type[ABC]) -> Iterator[tuple[str, bool]]:
    for name, member in inspect.getmembers_static(kind):
        if name.startswith("_") or name in _OWN:
            continue
        if isinstance(member, property) or inspect.isfunction(member):
            yield name, isinstance(member, property)


def _passed(storage: str, name: str, *, is_value: bool) -> Any:
    def call(self: Any, *args: object, **kwargs: object) -> Any:
        return self._asking.ask("ask", storage, name, args, kwargs)

    def value(self: Any) -> Any:
        # Facts about the storage do not change.
        answers = vars(self).setdefault("answers", {})
        if name not in answers:
            answers[name] = call(self)
        return answers[name]

    return property(value) if is_value else call


def _kept(_self: object, *_args: object, **_kwargs: object) -> None:
    """What a process that only carries out steps has no use for."""
