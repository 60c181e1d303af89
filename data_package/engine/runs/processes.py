"""Tasks in processes of this machine, within its memory and the limits that tables set."""

import signal
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

import dagster as dg

from data_package.engine.errors import BuildError
from data_package.engine.needs import MEMORY
from data_package.engine.runs.ending import over_limit, signal_group, why_ended
from data_package.engine.runs.hearing import Answer, End, Hearing, has_ended, takes_text
from data_package.engine.runs.launching import Over, Task
from data_package.engine.runs.memory import memory_of_machine, size, times_memory_ran_out, used_by
from data_package.engine.runs.nursery import NoOtherError, Nursery, ProcessGone
from data_package.engine.runs.remote_history import Words
from data_package.engine.runs.worker import Begin, StepRequest
from data_package.engine.staleness.recorder import Recorder
from data_package.engine.storage import sweep

# How often the limits of running tasks are looked at.
_SECONDS_BETWEEN = 0.1
# While events of running tables follow each other faster than in this pause, they are committed
# together, some ten times a second: each commit writes whole pages.
_SECONDS_OF_A_PAUSE = 0.01
_SECONDS_OF_A_COMMIT = 0.1
# What a process gets to end by itself: one that is interrupted, one that lets its resources go.
_SECONDS_TO_BREAK_OFF = 2.0
_SECONDS_TO_END = 30.0


@dataclass
class _Hand:
    """A process that carries out tasks, and what it is doing."""

    pid: int
    channel: Connection
    # How many of the known hashes it has got.
    seen: int = 0
    task: Task | None = None
    began: float = 0.0
    peak_bytes: int = 0
    # Why it was ended here; whether the events of its step have reported how it ended; and whether
    # it takes no other.
    broken_off: str = ""
    has_reported: bool = False
    is_leaving: bool = False


class Processes:
    """As many processes as tasks run at once; each carries out one after another."""

    def __init__(
        self,
        nursery: Nursery,
        recorder: Recorder,
        instance: dg.DagsterInstance,
        run: dg.DagsterRun,
    ) -> None:
        """`nursery` gives processes; `recorder` writes what they have made in a run."""
        self._nursery = nursery
        self._recorder = recorder
        self._hearing = Hearing(recorder, instance)
        self._memory = memory_of_machine()
        self._ran_out = times_memory_ran_out()
        home = Path(recorder.catalogue.project.dagster_home)
        self._begin = Begin(run, instance.get_ref(), home, takes_text(instance))
        # How many at most, once the system has refused another.
        self._most: int | None = None
        self._idle: list[_Hand] = []
        self._busy: dict[str, _Hand] = {}
        self._reports: deque[tuple[str, dg.DagsterEvent | Over]] = deque()

    def refusal(self, task: Task) -> str:
        """Why a task can never run here."""
        needed = task.needs.memory_bytes or 0
        if needed <= self._memory:
            return ""
        return (
            f"Its tag {MEMORY} asks for {size(needed)}, and this machine allows "
            f"{size(self._memory)}.\nBuild it on a larger machine, or correct the tag."
        )

    def has_room(self, task: Task) -> bool:
        """Whether the memory that running tables ask for leaves as much as this one asks for."""
        asked = [hand.task.needs.memory_bytes or 0 for hand in self._busy.values() if hand.task]
        fits = sum(asked) + (task.needs.memory_bytes or 0) <= self._memory
        return fits and self._has_idle()

    def start(self, task: Task) -> None:
        """Begin a task in a process that has nothing to do: `has_room` sees that there is one."""
        hand = next(hand for hand in reversed(self._idle) if not hand.is_leaving)
        self._idle.remove(hand)
        hashes, hand.seen = self._recorder.catalogue.hashes.since(hand.seen)
        hand.task, hand.began, hand.peak_bytes = task, time.monotonic(), 0
        hand.broken_off, hand.has_reported = "", False
        self._busy[task.key] = hand
        # One that has ended meanwhile is noticed as any other.
        with suppress(OSError):
            hand.channel.send(StepRequest.of(task, hashes))

    def wait(self) -> tuple[str, dg.DagsterEvent | Over]:
        """The next thing that happens."""
        while not self._reports:
            self._look(self._patience())
        return self._reports.popleft()

    def stop(self) -> None:
        """End all processes; those that still carry out a task are interrupted first."""
        try:
            for hand in self._busy.values():
                signal_group(hand.pid, signal.SIGINT)
            broken_off = bool(self._busy)
            for hand in self._idle:
                with suppress(OSError):
                    hand.channel.send(None)
            self._until_gone(_SECONDS_TO_BREAK_OFF if broken_off else _SECONDS_TO_END)
        finally:
            for hand in [*self._busy.values(), *self._idle]:
                signal_group(hand.pid, signal.SIGKILL)
                hand.channel.close()
            self._nursery.close()
            self._hearing.settle()
        if broken_off:
            # The tables that were being written.
            sweep(self._recorder.catalogue.project.storage)

    def _has_idle(self) -> bool:
        """Whether a process has nothing to do, one that is started now among them.

        Raises BuildError when not even one can be started.
        """
        if not all(hand.is_leaving for hand in self._idle):
            return True
        if self._most is not None and len(self._busy) >= self._most:
            return False
        try:
            pid, channel = self._nursery.fork()
        except NoOtherError as error:
            if not self._busy:
                raise BuildError(str(error)) from None
            # The system allows no more: those that there are carry out the others.
            self._most = len(self._busy)
            return False
        with suppress(OSError):
            channel.send(self._begin)
        self._idle.append(_Hand(pid, channel))
        return True

    def _patience(self) -> float | None:
        limited = any(hand.task and hand.task.needs.is_limited for hand in self._all)
        return _SECONDS_BETWEEN if limited else None

    @property
    def _all(self) -> list[_Hand]:
        return [*self._busy.values(), *self._idle]

    def _look(self, seconds: float | None) -> None:
        """Take in what has happened within these seconds."""
        by_channel = {hand.channel: hand for hand in self._all}
        ready = self._ready([*by_channel, self._nursery.news], seconds)
        with self._hearing.together(_SECONDS_OF_A_COMMIT):
            for one in ready:
                if isinstance(one, Connection) and one in by_channel:
                    self._listen(by_channel[one])
            for ended in self._nursery.ended():
                self._take_leave(ended)
        if any(isinstance(what, Over) for _, what in self._reports):
            # A kill may lose what a running table has reported, and nothing of one that is over.
            self._hearing.settle()
        for hand in list(self._busy.values()):
            self._keep_to_limits(hand)

    def _ready(self, channels: list[Connection], seconds: float | None) -> list[object]:
        """The channels that have something; what was heard before is stored before a long wait."""
        with dg.raise_execution_interrupts():
            if not (ready := wait(channels, _SECONDS_OF_A_PAUSE)):
                self._hearing.settle()
                ready = wait(channels, seconds)
        return list(ready)

    def _listen(self, hand: _Hand) -> None:
        try:
            words: Words = hand.channel.recv()
        except (EOFError, OSError):
            # It is about to end, whatever it is doing.
            signal_group(hand.pid, signal.SIGKILL)
            return
        self._hear_all(hand, words)

    def _hear_all(self, hand: _Hand, words: Words) -> None:
        for what, facts in words:
            self._hear(hand, what, facts)

    def _hear(self, hand: _Hand, what: str, facts: tuple[object, ...]) -> None:
        match self._hearing.hear(what, facts):
            case Answer(found):
                with suppress(BrokenPipeError):
                    hand.channel.send(found)
            case End(problem, goes_on) if hand.task is not None:
                hand.is_leaving = not goes_on
                del self._busy[hand.task.key]
                self._idle.append(hand)
                self._reports.append((hand.task.key, Over(problem)))
                hand.task = None
            case dg.DagsterEvent() as event if hand.task and event.step_key == hand.task.key:
                hand.has_reported = hand.has_reported or has_ended(event)
                self._reports.append((hand.task.key, event))
            case _:
                pass

    def _take_leave(self, ended: ProcessGone) -> None:
        """A process has ended: what it had sent counts, and what it had started ends too."""
        hand = next((one for one in self._all if one.pid == ended.pid), None)
        if hand is None:
            return
        with suppress(EOFError, OSError):
            while hand.channel.poll():
                self._hear_all(hand, hand.channel.recv())
        hand.channel.close()
        signal_group(hand.pid, signal.SIGKILL)
        if hand in self._idle:
            self._idle.remove(hand)
        if hand.task is not None:
            del self._busy[hand.task.key]
            problem = "" if hand.has_reported else self._why(hand, ended)
            self._reports.append((hand.task.key, Over(problem)))
            # Its half-written files are named after a process that has ended.
            sweep(self._recorder.catalogue.project.storage)

    def _why(self, hand: _Hand, ended: ProcessGone) -> str:
        before, self._ran_out = self._ran_out, times_memory_ran_out()
        return hand.broken_off or why_ended(
            ended.status, ended.peak_bytes, ran_out=self._ran_out > before
        )

    def _keep_to_limits(self, hand: _Hand) -> None:
        if hand.task is None or hand.broken_off or not hand.task.needs.is_limited:
            return
        hand.peak_bytes = max(hand.peak_bytes, used_by(hand.pid))
        took = time.monotonic() - hand.began
        hand.broken_off = over_limit(hand.task.needs, hand.peak_bytes, took)
        if hand.broken_off:
            signal_group(hand.pid, signal.SIGKILL)

    def _until_gone(self, seconds: float) -> None:
        """Wait for all processes to end by themselves, and go on answering them."""
        until = time.monotonic() + seconds
        while self._all and (left := until - time.monotonic()) > 0:
            with suppress(dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
                self._look(min(left, _SECONDS_BETWEEN))
