"""Where the steps of a run are carried out: the executor decides, a launcher runs.

A launcher gets one task after another, reports what happens in each, and ends what still runs when
the run is broken off. Which task is next, and what follows from how it ended, is not its matter.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import dagster as dg

from data_package.engine.needs import Needs
from data_package.engine.runs.dagster_parts import ExecutionStep, KnownExecutionState
from data_package.engine.runs.expansion import carried_out


@dataclass(frozen=True)
class Task:
    """A step that is to be carried out now.

    Attributes:
        step: of the expanded plan: of a partitioned table, the step of one partition.
        known: which attempt it is, and which outputs of earlier steps there are.
        tags: of the run of this partition.
        needs: the most memory and time that it may take.
    """

    step: ExecutionStep
    known: KnownExecutionState
    tags: Mapping[str, str] = field(default_factory=dict)
    needs: Needs = field(default_factory=Needs)

    @property
    def key(self) -> str:
        """The name of the step."""
        return self.step.key


@dataclass(frozen=True)
class Over:
    """A step is over: its own events say how, unless it was broken off.

    Attributes:
        problem: why it was broken off, for the user, with the memory that it had taken at most.
        error: what ends the whole run.
    """

    problem: str = ""
    error: BaseException | None = None


class Launcher(Protocol):
    """Runs tasks somewhere."""

    def refusal(self, task: Task) -> str:
        """Why a task can never run here; empty where it can."""

    def has_room(self, task: Task) -> bool:
        """Whether a task can run beside those that run now."""

    def start(self, task: Task) -> None:
        """Begin a task; returns at once."""

    def wait(self) -> tuple[str, dg.DagsterEvent | Over]:
        """The next thing that happens, and to which task; signals are let through."""

    def stop(self) -> None:
        """End what runs, and leave nothing behind; called once, however the run ended."""


class Threads:
    """Each task in a thread of this process; one that runs cannot be ended."""

    def __init__(
        self, context_of: Callable[[Task, asyncio.AbstractEventLoop], dg.StepExecutionContext]
    ) -> None:
        """`context_of`: the context of a task's step, with a loop of its own."""
        self._context_of = context_of
        self._channel: queue.SimpleQueue[tuple[str, dg.DagsterEvent | Over]] = queue.SimpleQueue()

    def refusal(self, _task: Task) -> str:
        """A thread takes everything."""
        return ""

    def has_room(self, _task: Task) -> bool:
        """Threads share the memory of the process, which is not limited."""
        return True

    def start(self, task: Task) -> None:
        """Begin a task in a thread."""
        # A loop runs in one thread at a time.
        context = self._context_of(task, asyncio.new_event_loop())
        threading.Thread(target=self._work, args=(context,), daemon=True).start()

    def wait(self) -> tuple[str, dg.DagsterEvent | Over]:
        """The next thing that happens."""
        # Dagster allows interrupts in user code only, which runs in other threads here.
        with dg.raise_execution_interrupts():
            return self._channel.get()

    def stop(self) -> None:
        """The threads end with the process."""

    def _work(self, context: dg.StepExecutionContext) -> None:
        key = context.step.key
        end: BaseException | None = None
        try:
            for event in carried_out(context):
                self._channel.put((key, event))
        except BaseException as error:  # noqa: BLE001 (it is raised again in the main thread)
            end = error
        finally:
            close_loop(context.event_loop)
        self._channel.put((key, Over(error=end)))


def close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """End what an asynchronous function has left open."""
    with suppress(Exception):
        loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
