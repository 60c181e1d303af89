"""Each task in a job of Slurm: submitit hands jobs in, files bring what they do.

The steps that are begun together and need the same are one array of jobs. Slurm does not run a job
again by itself: whether a step is tried again is decided here, as anywhere.
"""

import io
import itertools
import math
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from data_package.engine.errors import BuildError
from data_package.engine.needs import Needs
from data_package.engine.project import Project
from data_package.engine.runs import queueing
from data_package.engine.runs.ending import why_ended
from data_package.engine.runs.hearing import Answer, End, Hearing, has_ended
from data_package.engine.runs.job import (
    SECONDS_BETWEEN_SIGNS,
    Ended,
    Order,
    StepFiles,
    carry_out,
)
from data_package.engine.runs.launching import Over, Task
from data_package.engine.runs.mailbox import Inbox, Outbox
from data_package.engine.runs.queueing import JobState
from data_package.engine.runs.selection import Selection
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
# Between a limit of ours, of which we can say more, and the one of Slurm.
_SECONDS_TO_BEGIN = 120
_OPEN = "open"

OnStates = Callable[[Mapping[str, str]], None]


@dataclass
class _Job:
    """A task that was handed out.

    Attributes:
        number: of its job in Slurm.
        ended: how its process ended; `missed_since`: when Slurm first reported that it is over.
    """

    task: Task
    places: StepFiles
    number: str = ""
    log: Path = Path()
    sent: Inbox = field(init=False)
    state: JobState | None = None
    ended: Ended | None = None
    missed_since: float | None = None
    has_said: bool = False

    def __post_init__(self) -> None:
        self.sent = Inbox(self.places.sent)


class Slurm:
    """As many jobs as tasks are handed out at once."""

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
        self._begin = Begin(run, instance.get_ref(), Path(project.dagster_home))
        self._selection = Selection.of(job, project)
        self._entities = internals.entities_of_steps(job)
        self._prefix = queueing.prefix_of(project)
        self._folder = _new_folder(project, run.run_id)
        self._sign = _Sign(self._folder / "sign")
        self._numbers = itertools.count()
        self._held: list[_Job] = []
        self._jobs: dict[str, _Job] = {}
        # The numbers of jobs, and whether Slurm may have taken one that has not been reported.
        self._known: set[str] = set()
        self._is_unsure = False
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
        places = StepFiles(self._folder / str(next(self._numbers)))
        places.make()
        Outbox(places.order).send(self._order(task))
        self._held.append(_Job(task, places))

    def wait(self) -> tuple[str, dg.DagsterEvent | Over]:
        """The next thing that happens."""
        self._submit()
        while not self._reports:
            self._look()
            if not self._reports:
                with dg.raise_execution_interrupts():
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
        return self._reports.popleft()

    def stop(self) -> None:
        """Take all jobs out of the queue and wait for their ends."""
        may_be_left = self._jobs or self._is_unsure
        try:
            left = queueing.cancel_all(self._prefix, _SECONDS_TO_CANCEL) if may_be_left else []
        finally:
            self._sign.end()
        if left:
            raise BuildError(
                f"These jobs may still be in Slurm's queue: {', '.join(left)}.\n"
                f"Take them out: scancel {' '.join(left)}"
            )
        (self._folder / _OPEN).unlink(missing_ok=True)

    def _order(self, task: Task) -> Order:
        before = task.step.get_execution_dependency_keys()
        hashes = {path: known for key in before for path, known in self._made[key].items()}
        named = self._recorder.catalogue.named
        made = [key.to_user_string() for key in self._makes(task)]
        return Order(
            storage=self._project.storage,
            needs=task.needs,
            selection=self._selection,
            begin=self._begin,
            request=StepRequest.of(task, hashes),
            made_by={name: named[name].fingerprint.digest for name in made if name in named},
        )

    def _makes(self, task: Task) -> list[dg.AssetKey]:
        entities = self._entities.get(task.step.node_handle.name, ())
        return [key for key in entities if isinstance(key, dg.AssetKey)]

    def _submit(self) -> None:
        """Hand in what was started; those of the same needs as one array."""
        held, self._held = self._held, []
        by_needs: dict[Needs, list[_Job]] = defaultdict(list)
        for job in held:
            by_needs[job.task.needs.or_else(self._project.slurm)].append(job)
        for needs, jobs in by_needs.items():
            name = queueing.name_of(self._project, (job.task.key for job in jobs))
            try:
                submitted = self._hand_in(jobs, needs, name)
            except BuildError as error:
                self._reports += [(job.task.key, Over(str(error))) for job in jobs]
                continue
            for job, (number, log) in zip(jobs, submitted, strict=True):
                job.number, job.log = number, log
                self._known.add(number)
                self._jobs[job.task.key] = job
            numbers = sorted({job.number for job in self._jobs.values()})
            write_private(self._folder / _OPEN, "\n".join(numbers))

    def _hand_in(self, jobs: list[_Job], needs: Needs, name: str) -> list[tuple[str, Path]]:
        import submitit

        executor = submitit.SlurmExecutor(folder=self._folder / "jobs", max_num_timeout=0)
        executor.update_parameters(**_parameters(needs, name, self._project.root, len(jobs)))
        until = time.monotonic() + _SECONDS_OF_SILENCE
        while True:
            sent = io.StringIO()
            try:
                with redirect_stderr(sent), executor.batch():
                    made = [executor.submit(carry_out, str(job.places.folder)) for job in jobs]
            except (submitit.core.utils.FailedJobError, OSError) as error:
                why = " ".join(str(error).replace("sbatch: error: ", "").split())
                if not _is_silence(why) or time.monotonic() > until:
                    raise BuildError(f"Slurm does not take its job: {why}") from None
                self._is_unsure = True
                with dg.raise_execution_interrupts():
                    time.sleep(_SECONDS_BETWEEN_QUESTIONS)
                self._cancel_unheard()
            else:
                return [(str(one.job_id), Path(one.paths.stdout)) for one in made]

    def _cancel_unheard(self) -> None:
        """Cancel what Slurm may have taken though it did not answer: it is handed in again."""
        if (found := queueing.in_queue(self._prefix)) is not None:
            queueing.cancel(set(found) - self._known)
            self._is_unsure = False

    def _look(self) -> None:
        """Take in what jobs have written, and what Slurm says of them."""
        for job in list(self._jobs.values()):
            self._listen(job)
        now = time.monotonic()
        if now - self._asked > self._between:
            self._ask()
        for job in list(self._jobs.values()):
            if job.ended is not None or job.missed_since is not None:
                self._give_up(job)
        self._show()

    def _listen(self, job: _Job) -> None:
        # Read before what it refers to.
        ended = job.ended or next(Inbox(job.places.end).take(), None)
        for what, facts in job.sent.take():
            self._hear(job, what, facts)
            if job.task.key not in self._jobs:
                return
        job.ended = ended

    def _hear(self, job: _Job, what: str, facts: tuple[object, ...]) -> None:
        key = job.task.key
        match self._hearing.hear(what, facts):
            case Answer(found):
                Outbox(job.places.answers).send(found)
            case End(problem):
                self._over(job, problem)
            case dg.DagsterEvent() as event if event.step_key == key:
                job.has_said = job.has_said or has_ended(event)
                self._reports.append((key, event))
            case dict() as hashes:
                self._made[key] = {**self._made[key], **hashes}
            case _:
                pass

    def _over(self, job: _Job, problem: str) -> None:
        del self._jobs[job.task.key]
        self._reports.append((job.task.key, Over(problem)))

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
        for job in self._jobs.values():
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
            ended is not None or time.monotonic() - job.missed_since > _SECONDS_OF_CACHES
        )
        if job.has_said:
            self._over(job, "")
        elif ended is not None and not from_outside:
            problem = ended.broken_off or why_ended(
                ended.status, ended.peak_bytes, ran_out=ended.ran_out
            )
            self._over(job, self._with_log(job, problem))
        elif settled:
            self._over(job, self._with_log(job, queueing.in_words(state, job.number) or _lost(job)))

    def _with_log(self, job: _Job, problem: str) -> str:
        return f"{problem}\nThe log of its job {job.number}: {self._project.relative(job.log)}"

    def _show(self) -> None:
        shown = {
            key: job.state.shown if job.state is not None else "handed in"
            for key, job in self._jobs.items()
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


def _parameters(needs: Needs, name: str, root: Path, count: int) -> dict[str, Any]:
    """What submitit calls what a job needs."""
    forced: dict[str, object] = {"no-requeue": True, "chdir": str(root)}
    if needs.memory_bytes is not None:
        forced["mem"] = f"{math.ceil(needs.memory_bytes / (1 << 20))}M"
    if needs.account is not None:
        forced["account"] = needs.account
    # In minutes, which is what Slurm counts in; else as the cluster sets it.
    seconds = needs.seconds
    return {
        "job_name": name,
        "time": None if seconds is None else math.ceil((seconds + _SECONDS_TO_BEGIN) / 60),
        "use_srun": False,
        "stderr_to_stdout": True,
        "array_parallelism": count,
        "partition": needs.partition,
        "qos": needs.qos,
        "cpus_per_task": needs.cores,
        "additional_parameters": forced,
    }


def _lost(job: _Job) -> str:
    state = job.state.name if job.state is not None else "unknown"
    on = f" on {job.state.nodes}" if job.state is not None and job.state.nodes else ""
    if job.ended is None and not job.sent.read_bytes:
        return (
            f"Its job {job.number} ended{on} before it could begin ({state}).\n"
            "Is the project's folder, with its environment, on a file system that the nodes share?"
        )
    return f"Its job {job.number} ended{on} before it was done ({state})."


def _is_silence(why: str) -> bool:
    return any(words in why for words in ("Unable to contact", "Socket timed out", "unavailable"))
