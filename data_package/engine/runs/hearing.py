"""What the deciding process does with what a process that carries out a step passes on.

Here alone, the history, the lock and its journal are written in a run whose steps run elsewhere.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property

import dagster as dg

from data_package.engine.runs.own_history import OwnHistory, own_history
from data_package.engine.runs.remote_history import answer
from data_package.engine.staleness.recorder import Recorder
from data_package.engine.storage import Hashes
from data_package.engine.tables import outside

_OVER_EVENTS = (
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_UP_FOR_RETRY,
)


@dataclass(frozen=True)
class Answer:
    """What a process waits for."""

    found: object


@dataclass(frozen=True)
class End:
    """A step is over.

    Attributes:
        problem: why it could not be carried out.
        goes_on: whether its process carries out another.
    """

    problem: str
    goes_on: bool


@dataclass(frozen=True)
class Hearing:
    """Takes in what is passed on in one run."""

    recorder: Recorder
    instance: dg.DagsterInstance

    @cached_property
    def _own(self) -> OwnHistory | None:
        return own_history(self.instance)

    def together(self, within_seconds: float = 0.0) -> AbstractContextManager[None]:
        """What is heard in the block is stored at once, or some seconds later with what follows."""
        return self._own.together(within_seconds) if self._own is not None else nullcontext()

    def settle(self) -> None:
        """Store what has been heard."""
        if self._own is not None:
            self._own.settle()

    def hear(
        self, what: str, facts: tuple[object, ...]
    ) -> "dg.DagsterEvent | Answer | End | Hashes | None":
        """Do what is to be done; returns what concerns the process or its step."""
        catalogue = self.recorder.catalogue
        match what, facts:
            case "store", (dg.EventLogEntry() as entry, text):
                if self._own is not None and isinstance(text, str):
                    self._own.given(entry, text)
                self.instance.handle_new_event(entry)
                return entry.dagster_event
            case "ask", (storage, name, args, kwargs):
                return Answer(answer(self.instance, str(storage), str(name), args, kwargs))
            case "written", (name, written, part):
                self.recorder.take_in(catalogue.named[str(name)], written, part)  # type: ignore[arg-type]
            case "used", (name, found):
                outside.keep(catalogue.named[str(name)], found)  # type: ignore[arg-type]
            case "taken", (taken,):
                catalogue.deliveries.take_in(taken)  # type: ignore[arg-type]
            case "hashes", (dict() as hashes,):
                catalogue.hashes.take_in(hashes)
                return hashes
            case "end", (problem, goes_on):
                return End(str(problem), bool(goes_on))
            case _:
                pass
        return None


def takes_text(instance: dg.DagsterInstance) -> bool:
    """Whether the history of an instance takes events as text: then `hear` wants them so too."""
    return own_history(instance) is not None


def has_ended(event: dg.DagsterEvent) -> bool:
    """Whether a step's own event says how the step has ended."""
    return event.event_type in _OVER_EVENTS
