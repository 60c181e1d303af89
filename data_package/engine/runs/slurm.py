"""Tasks in jobs of Slurm: files bring each job what it does, one task after another.

A job is handed in for each task that waits; those that are begun together and need the same are
one array. A job that is done with its task takes another that needs the same, also one whose own
job still waits in the queue. Slurm does not run a job again by itself: whether a step is tried
again is decided here, as anywhere.
"""

import itertools
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from data_package.engine.errors import BuildError
from data_package.engine.needs import Needs
from data_package.engine.project import Project
from data_package.engine.runs import queueing
from data_package.engine.runs.ending import why_ended
from data_package.engine.runs.hearing import Answer, End, Hearing, has_ended, takes_text
from data_package.engine.runs.job import (
    READY,
    SECONDS_BETWEEN_SIGNS,
    Assignment,
    Ended,
    JobFiles,
    Order,
)
from data_package.engine.runs.launching import Over, Task
from data_package.engine.runs.mailbox import Inbox, Outbox
from data_package.engine.runs.queueing import JobState
from data_package.engine.runs.selection import Selection
from data_package.engine.runs.submitting import ControllerSilent, hand_in
from data_package.engine.runs.worker import Begin, StepRequest
from data_package.engine.staleness.recorder import Recorder
from data_package.engine.storage import Hashes, make_private_folder, remove, write_private
from data_package.engine.tables import internals

# How often files are looked at, and Slurm is asked: its controller serves many.
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_BETWEEN_QUESTIONS = 2.0
_MOST_SECONDS_BETWEEN_QUESTIONS = 30.0
# A job that is over may have written what another machine does not see yet.
_SECONDS_OF_CACHES = 10.0
# How long to wait for a controller that does not answer, and for cancelled jobs to end.
_SECONDS_OF_SILENCE = 300.0
_SECONDS_TO_CANCEL = 60.0
# How long a job without a task is kept for the next one, and what it gets to end by itself.
_SECONDS_WITHOUT_TASK = 5.0
_SECONDS_TO_END = 30.0
_OPEN = "open"

OnStates = Callable[[Mapping[str, str]], None]


@dataclass
class _Job:
    """A job, and what it is doing.

    Attributes:
        wants: what it was asked for with; `alone`: whether it was asked for one task only.
        task: what it carries out, or will when it is ready.
        number: of the job in Slurm.
        is_ready: whether it waits for a task; `has_begun`: whether it has done so before.
        is_leaving: whether it was asked to end.
        ended: how its process ended; `missed_since`: when Slurm first reported that it is over.
        has_reported: whether the events of its task have reported how it ended.
    """

    wants: Needs
    alone: bool
    places: JobFiles
    number: str
    log: Path
    task: Task | None
    sent: Inbox = field(init=False)
    is_ready: bool = False
    has_begun: bool = False
    is_leaving: bool = False
    free_since: float | None = None
    state: JobState | None = None
    ended: Ended | None = None
    missed_since: float | None = None
    has_reported: bool = False

    def __post_init__(self) -> None:
        self.sent = Inbox(self.places.sent)

    @property
    def may_take(self) -> bool:
        """Whether it can be given a task."""
        lives = not self.is_leaving and self.ended is None and self.missed_since is None
        return lives and self.task is None and not self.alone and self._can_begin

    @property
    def _can_begin(self) -> bool:
        return self.is_ready or not self.has_begun


class Slurm:
    """As many jobs as tasks are handed out at once, at most."""

    def __init__(
        self,
        job: dg.JobDefinition,
        recorder: Recorder,
        instance: dg.DagsterInstance,
        run: dg.DagsterRun,
        on_states: OnStates = lambda _: None,
    ) -> None:
        """`on_states` gets the state of every task in the queue, when it changes."""
        self._recorder = recorder
        self._project = project = recorder.catalogue.project
        self._hearing = Hearing(recorder, instance)
        self._on_states = on_states
        self._begin = Begin(
            run, instance.get_ref(), Path(project.dagster_home), takes_text(instance)
        )
        self._selection = Selection.of(job, project)
        self._entities = internals.entities_of_steps(job)
        self._prefix = queueing.prefix_of(project)
        self._folder = _new_folder(project, run.run_id)
        self._sign = _Sign(self._folder / "sign")
        self._numbers = itertools.count()
        self._waiting: list[Task] = []
        self._jobs: list[_Job] = []
        # How many jobs of the same needs there were when Slurm did not take another.
        self._enough: dict[Needs, int] = {}
        # The numbers of jobs, and whether Slurm may have taken one that is not reported.
        self._known: set[str] = set()
        self._is_unsure = False
        # Those of jobs whose process has ended.
        self._gone: set[str] = set()
        self._made: dict[str, Hashes] = defaultdict(dict)
        self._reports: deque[tuple[str, dg.DagsterEvent | Over]] = deque()
        self._asked = time.monotonic()
        self._between = _SECONDS_BETWEEN_QUESTIONS
        self._shown: dict[str, str] = {}
        # Jobs read which files have which content.
        recorder.catalogue.hashes.save()

    def refusal(self, _task: Task) -> str:
        """Slurm says for itself what it does not take."""
        return ""

    def has_room(self, _task: Task) -> bool:
        """Jobs wait in the queue."""
        return True

    def start(self, task: Task) -> None:
        """Hand a task in with the others that are begun now."""
        self._waiting.append(task)

    def wait(self) -> tuple[str, dg.DagsterEvent | Over]:
        """The next thing that happens."""
        self._hand_out()
        while not self._reports:
            self._look()
            self._hand_out()
            if not self._reports:
                with dg.raise_execution_interrupts():
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
        return self._reports.popleft()

    def stop(self) -> None:
        """Have all jobs end; those that still carry out a task are cancelled."""
        try:
            if not self._waiting and all(job.task is None for job in self._jobs):
                self._dismiss(self._jobs)
                self._until_gone()
            left = self._cancel() if self._jobs or self._is_unsure else []
        finally:
            self._sign.end()
        if left:
            raise BuildError(
                f"These jobs may still be in Slurm's queue: {', '.join(left)}.\n"
                f"Take them out: scancel {' '.join(left)}"
            )
        (self._folder / _OPEN).unlink(missing_ok=True)

    def _cancel(self) -> list[str]:
        """Take all jobs out of the queue; returns those that are left."""
        queueing.cancel(job.number for job in self._jobs)
        settled = _SECONDS_OF_CACHES if self._is_unsure else 0.0
        return queueing.cancel_all(self._prefix, _SECONDS_TO_CANCEL, settled, self._gone)

    def _until_gone(self) -> None:
        until = time.monotonic() + _SECONDS_TO_END
        while any(job.has_begun for job in self._jobs) and time.monotonic() < until:
            self._look()
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _hand_out(self) -> None:
        """Give tasks to the jobs that there are, hand in others, and let go what is not needed."""
        for job in sorted(self._jobs, key=lambda one: not one.is_ready):
            if job.may_take:
                job.task = self._take_waiting(job)
        self._submit()
        for job in self._jobs:
            if job.is_ready and job.may_take:
                job.task = self._take_from_queue(job)
            if job.is_ready and job.task is not None:
                self._send(job, job.task)
        now, idle = time.monotonic(), []
        for job in self._jobs:
            job.free_since = (job.free_since or now) if job.may_take else None
            if job.free_since is not None and now - job.free_since > _SECONDS_WITHOUT_TASK:
                idle.append(job)
        self._dismiss(idle)

    def _take_waiting(self, job: _Job) -> Task | None:
        fits = (task for task in self._waiting if self._wanted(task) == (job.wants, job.alone))
        if (found := next(fits, None)) is not None:
            self._waiting = [task for task in self._waiting if task is not found]
        return found

    def _take_from_queue(self, job: _Job) -> Task | None:
        """The task of a job that has not begun and needs the same."""
        for other in self._jobs:
            alike = other.wants == job.wants and not other.alone
            if alike and other.task is not None and not other.has_begun:
                found, other.task = other.task, None
                return found
        return None

    def _wanted(self, task: Task) -> tuple[Needs, bool]:
        # What a table has asked for itself, it gets; and nothing of what others have left.
        return task.needs.or_else(self._project.slurm), task.needs.is_limited

    def _send(self, job: _Job, task: Task) -> None:
        before = task.step.get_execution_dependency_keys()
        hashes = {path: known for key in before for path, known in self._made[key].items()}
        named = self._recorder.catalogue.named
        made = [key.to_user_string() for key in self._makes(task)]
        made_by = {name: named[name].fingerprint.digest for name in made if name in named}
        job.is_ready, job.has_reported = False, False
        Outbox(job.places.orders).send(Assignment(StepRequest.of(task, hashes), made_by))

    def _makes(self, task: Task) -> list[dg.AssetKey]:
        entities = self._entities.get(task.step.node_handle.name, ())
        return [key for key in entities if isinstance(key, dg.AssetKey)]

    def _dismiss(self, jobs: Iterable[_Job]) -> None:
        """Have jobs end that have no task: those that have not begun are cancelled."""
        leaving = [job for job in jobs if not job.is_leaving]
        for job in leaving:
            job.is_leaving = True
            if job.has_begun:
                Outbox(job.places.orders).send(None)
        queueing.cancel(job.number for job in leaving if not job.has_begun)

    def _submit(self) -> None:
        """Hand in a job for each task that waits; those of the same needs as one array."""
        by_needs: dict[tuple[Needs, bool], list[Task]] = defaultdict(list)
        for task in self._waiting:
            by_needs[self._wanted(task)].append(task)
        for (wants, alone), tasks in by_needs.items():
            while tasks and len(self._like(wants)) < self._enough.get(wants, len(self._jobs) + 1):
                self._submit_array(wants, tasks, alone=alone)

    def _submit_array(self, wants: Needs, tasks: list[Task], *, alone: bool) -> None:
        """Hand in the first tasks, as many as Slurm takes at once, and remove them."""
        refused, count = "", len(tasks)
        while count:
            try:
                self._jobs += self._hand_in(tasks[:count], wants, alone=alone)
            except BuildError as error:
                # There may be a limit for arrays, or for the jobs of a user.
                refused, count = str(error), count // 2
            else:
                self._is_unsure = False
                numbers = sorted(job.number for job in self._jobs)
                write_private(self._folder / _OPEN, "\n".join(numbers))
                break
        if not count and (alike := self._like(wants)):
            # It waits for one of them.
            self._enough[wants] = len(alike)
            return
        if not count:
            self._reports.append((tasks[0].key, Over(refused)))
        gone = {task.key for task in tasks[: count or 1]}
        del tasks[: count or 1]
        self._waiting = [task for task in self._waiting if task.key not in gone]

    def _like(self, wants: Needs) -> list[_Job]:
        return [job for job in self._jobs if job.wants == wants]

    def _hand_in(self, tasks: list[Task], wants: Needs, *, alone: bool) -> list[_Job]:
        name = queueing.name_of(self._project, (task.key for task in tasks))
        until = time.monotonic() + _SECONDS_OF_SILENCE
        while True:
            # New ones each time: a job that was taken without an answer may have begun.
            places = [self._new_files(task) for task in tasks]
            folders = [one.folder for one in places]
            logs = self._folder / "jobs"
            # Until its number is kept here.
            self._is_unsure = True
            try:
                made = hand_in(folders, wants, name=name, root=self._project.root, logs=logs)
            except ControllerSilent as error:
                if time.monotonic() > until:
                    raise BuildError(f"Slurm does not take its job: {error}") from None
                with dg.raise_execution_interrupts():
                    time.sleep(_SECONDS_BETWEEN_QUESTIONS)
                self._cancel_unheard()
            except BuildError:
                self._is_unsure = False
                raise
            else:
                self._known |= {number for number, _ in made}
                return [
                    _Job(wants, alone, files, number, log, task)
                    for task, files, (number, log) in zip(tasks, places, made, strict=True)
                ]

    def _new_files(self, task: Task) -> JobFiles:
        files = JobFiles(self._folder / str(next(self._numbers)))
        files.make()
        order = Order(self._project.storage, task.needs, self._selection, self._begin)
        Outbox(files.orders).send(order)
        return files

    def _cancel_unheard(self) -> None:
        """Cancel what Slurm may have taken though it did not answer: it is handed in again."""
        if (found := queueing.in_queue(self._prefix)) is not None:
            queueing.cancel(set(found) - self._known)
            self._is_unsure = False

    def _look(self) -> None:
        """Take in what jobs have written, and what Slurm says of them."""
        for job in list(self._jobs):
            self._listen(job)
        now = time.monotonic()
        if now - self._asked > self._between:
            self._ask()
        for job in list(self._jobs):
            if job.ended is not None or job.missed_since is not None:
                self._give_up(job)
        self._show()

    def _listen(self, job: _Job) -> None:
        # Read before what it refers to.
        ended = job.ended or next(Inbox(job.places.end).take(), None)
        for words in job.sent.take():
            with self._hearing.together():
                for what, facts in words:
                    self._hear(job, what, facts)
        job.ended = ended

    def _hear(self, job: _Job, what: str, facts: tuple[object, ...]) -> None:
        if what == READY:
            job.is_ready = job.has_begun = True
            return
        key = job.task.key if job.task is not None else ""
        match self._hearing.hear(what, facts):
            case Answer(found):
                Outbox(job.places.answers).send(found)
            case End(problem):
                self._over(job, problem)
            case dg.DagsterEvent() as event if event.step_key == key:
                job.has_reported = job.has_reported or has_ended(event)
                self._reports.append((key, event))
            case dict() as hashes:
                self._made[key] = {**self._made[key], **hashes}
            case _:
                pass

    def _over(self, job: _Job, problem: str) -> None:
        if job.task is not None:
            self._reports.append((job.task.key, Over(problem)))
            job.task = None

    def _ask(self) -> None:
        began = time.monotonic()
        found = queueing.queue(self._prefix)
        self._asked = time.monotonic()
        took = self._asked - began
        # A controller that is slow is asked less often.
        self._between = min(
            max(_SECONDS_BETWEEN_QUESTIONS, 20 * took), _MOST_SECONDS_BETWEEN_QUESTIONS
        )
        if found is None:
            return
        for job in self._jobs:
            job.state = found.get(job.number)
            if job.state is not None and not job.state.is_over:
                job.missed_since = None
            elif job.missed_since is None:
                job.missed_since = self._asked

    def _give_up(self, job: _Job) -> None:
        """Report a job that has ended before its step was over, when it is known how."""
        ended, state = job.ended, job.state
        if ended is not None and job.sent.read_bytes < ended.sent_bytes:
            # Its last words are on their way.
            return
        from_outside = ended is not None and ended.ended_from_outside
        settled = job.missed_since is not None and (
            ended is not None
            or job.task is None
            or time.monotonic() - job.missed_since > _SECONDS_OF_CACHES
        )
        if ended is not None and not from_outside:
            problem = ended.broken_off or why_ended(
                ended.status, ended.peak_bytes, ran_out=ended.ran_out
            )
        elif settled:
            problem = queueing.in_words(state, job.number) or _lost(job)
        elif job.has_reported:
            problem = ""
        else:
            return
        self._over(job, "" if job.has_reported else self._with_log(job, problem))
        self._jobs.remove(job)
        if ended is not None:
            self._gone.add(job.number)

    def _with_log(self, job: _Job, problem: str) -> str:
        return f"{problem}\nThe log of its job {job.number}: {self._project.relative(job.log)}"

    def _show(self) -> None:
        shown = {
            job.task.key: job.state.shown if job.state is not None else "handed in"
            for job in self._jobs
            if job.task is not None
        }
        if shown != self._shown:
            self._shown = shown
            self._on_states(shown)


class _Sign:
    """The sign of life of the deciding process, for its jobs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()

    def _go_on(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_SIGNS):
            with suppress(OSError):
                self._write()

    def _write(self) -> None:
        write_private(self._path, secrets.token_hex(8), synced=False)


def cancel_left(project: Project, report: Callable[[str], object]) -> None:
    """Take out of the queue what a build left there that was ended by force; its logs stay."""
    for mark in project.places.slurm.glob(f"*/{_OPEN}"):
        numbers = " ".join(mark.read_text().split())
        if not queueing.has_slurm():
            report(
                f"A build that was ended by force may have left jobs in Slurm's queue: {numbers}.\n"
                f"Take them out on the cluster: scancel {numbers}"
            )
            continue
        prefix = queueing.prefix_of(project)
        if left := queueing.in_queue(prefix):
            report(
                "A build that was ended by force left jobs in Slurm's queue; they are cancelled: "
                f"{', '.join(left)}."
            )
        if left is None or queueing.cancel_all(prefix, _SECONDS_TO_CANCEL):
            raise BuildError(
                f"Jobs of an earlier build may still be in Slurm's queue: {numbers}.\n"
                f"Take them out, then build again: scancel {numbers}"
            )
        mark.unlink()


def _new_folder(project: Project, run_id: str) -> Path:
    """The folder of a run; those of earlier ones are removed."""
    place = make_private_folder(project.places.slurm)
    for earlier in place.iterdir():
        if not (earlier / _OPEN).exists():
            remove(earlier)
    folder = make_private_folder(place / run_id)
    write_private(folder / _OPEN, "")
    make_private_folder(folder / "jobs")
    return folder


def _lost(job: _Job) -> str:
    state = job.state.name if job.state is not None else "unknown"
    on = f" on {job.state.nodes}" if job.state is not None and job.state.nodes else ""
    if job.ended is None and not job.sent.read_bytes:
        return (
            f"Its job {job.number} ended{on} before it could begin ({state}).\n"
            "Is the project's folder, with its environment, on a file system that the nodes share?"
        )
    return f"Its job {job.number} ended{on} before it was done ({state})."
