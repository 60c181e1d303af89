"""What a job of a cluster does: it carries out one step after another, and watches itself.

A small process keeps the job: it has forked the one that loads the project and carries out the
steps, ends it at its limits and when the deciding process is gone, and writes how it ended. All
that is passed on goes through files in a folder of the job, on the file system that both share.
"""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from data_package.engine.errors import BuildError, DataPackageError
from data_package.engine.forks import die_with
from data_package.engine.needs import Needs
from data_package.engine.runs.ending import FAILED, over_limit, signal_group
from data_package.engine.runs.mailbox import Inbox, Outbox, new_mailbox
from data_package.engine.runs.memory import times_memory_ran_out, used_by
from data_package.engine.storage import PRIVATE_FOLDER, sweep

if TYPE_CHECKING:
    from data_package.engine.runs.selection import Selection
    from data_package.engine.runs.worker import Begin, StepRequest
    from data_package.engine.tables.catalogue import Catalogue

# How long a node may show an older version of the shared file system.
_SECONDS_OF_CACHES = 90.0
# Without a sign of life of the deciding process for so long, it is gone.
SECONDS_WITHOUT_SIGN = 300.0
SECONDS_BETWEEN_SIGNS = 10.0
_SECONDS_BETWEEN = 0.1
# What a job gets beside the time that its tables ask for. It begins another table only within it,
# so that each has all of its time.
SECONDS_TO_BEGIN = 120.0
# Nor does it where it has kept so much memory of the tables before.
_MOST_KEPT_BYTES = 200 * 10**6
# The first word of a job that waits for a step.
READY = "ready"


@dataclass(frozen=True)
class JobFiles:
    """The files of one job, in a folder of its own."""

    folder: Path

    def make(self) -> None:
        """Make them all, empty; a job finds them there."""
        self.folder.mkdir(mode=PRIVATE_FOLDER)
        for path in (self.orders, self.sent, self.answers, self.end):
            new_mailbox(path)

    @property
    def orders(self) -> Path:
        """What the job is to do: an `Order`, then an `Assignment` or None when it is ready."""
        return self.folder / "orders"

    @property
    def sent(self) -> Path:
        """What the process that carries out the steps passes on."""
        return self.folder / "sent"

    @property
    def answers(self) -> Path:
        """The answers to what it asked."""
        return self.folder / "answers"

    @property
    def end(self) -> Path:
        """How it ended."""
        return self.folder / "end"

    @property
    def sign(self) -> Path:
        """The sign of life of the deciding process, of all jobs of a run."""
        return self.folder.parent / "sign"


@dataclass(frozen=True)
class Order:
    """What a job is there for.

    Attributes:
        storage: the folder in which it may leave half-written files.
        needs: the limits that its step has set for itself; it then carries out this one alone.
        selection: what it loads.
        begin: the run.
    """

    storage: Path
    needs: Needs
    selection: "Selection"
    begin: "Begin"


@dataclass(frozen=True)
class Assignment:
    """A step for a job that is ready.

    Attributes:
        made_by: the fingerprints of the step's tables, by their names.
    """

    request: "StepRequest"
    made_by: dict[str, str]


@dataclass(frozen=True)
class Ended:
    """How the process that carried out the steps ended.

    Attributes:
        sent_bytes: how much it had passed on.
        broken_off: which limit it was over, in words.
        ended_from_outside: whether the job itself was ended.
    """

    status: int
    peak_bytes: int
    ran_out: bool
    sent_bytes: int
    broken_off: str = ""
    ended_from_outside: bool = False


def carry_out(folder: str) -> None:
    """Carry out the steps that come into a folder; what a job of a cluster calls."""
    began = time.monotonic()
    places = JobFiles(Path(folder))
    asked_to_end: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked_to_end.append(number)

    signal.signal(signal.SIGTERM, note)
    # By which submitit would hand a job in again.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.umask(0o077)
    order: Order = Inbox(places.orders).wait(_SECONDS_OF_CACHES)
    sys.stdout.flush()
    ran_out = times_memory_ran_out()
    keeper = os.getpid()
    child = os.fork()
    if not child:
        _become_worker(keeper, places, began)
    with suppress(OSError):
        os.setpgid(child, child)
    status, peak_bytes, broken_off = _keep(child, places, order.needs, asked_to_end)
    signal_group(child, signal.SIGKILL)
    sweep(order.storage)
    ended = Ended(
        status,
        peak_bytes,
        times_memory_ran_out() > ran_out,
        places.sent.stat().st_size,
        broken_off,
        bool(asked_to_end),
    )
    Outbox(places.end).send(ended)


def _keep(
    child: int, places: JobFiles, needs: Needs, asked_to_end: list[int]
) -> tuple[int, int, str]:
    """Watch the process until it has ended: its status, the peak of its memory, and its limit."""
    peak_bytes, began, broken_off = 0, 0.0, ""
    first_bytes = 0
    sign, seen = _sign(places), time.monotonic()
    looked = seen
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            return status, max(peak_bytes, usage.ru_maxrss * 1024), broken_off
        now = time.monotonic()
        sent_bytes = places.sent.stat().st_size
        # Its first word is that it is ready.
        first_bytes = first_bytes or sent_bytes
        if not began and sent_bytes > first_bytes:
            began = now
        if needs.is_limited and not broken_off:
            peak_bytes = max(peak_bytes, used_by(child))
            broken_off = over_limit(needs, peak_bytes, now - began if began else 0.0)
        if now - looked > SECONDS_BETWEEN_SIGNS:
            looked = now
            if (found := _sign(places)) != sign:
                sign, seen = found, now
        if broken_off or asked_to_end or now - seen > SECONDS_WITHOUT_SIGN:
            signal_group(child, signal.SIGKILL)
        time.sleep(_SECONDS_BETWEEN)


def _sign(places: JobFiles) -> bytes:
    with suppress(OSError):
        return places.sign.read_bytes()
    return b""


def _become_worker(keeper: int, places: JobFiles, began: float) -> NoReturn:
    code = FAILED
    try:
        die_with(keeper)
        os.setpgid(0, 0)
        # Slurm sends these to every process of a job: the keeper ends this one and says why, where
        # Dagster would report that the run was interrupted.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        # As many threads as the job has cores, also where the cluster does not enforce it.
        if cores := os.environ.get("SLURM_CPUS_ON_NODE"):
            os.environ.setdefault("POLARS_MAX_THREADS", cores)
        _work(places, began)
        code = 0
    except BaseException as error:  # noqa: BLE001 (there is nobody to raise it to)
        # Its message may quote a row.
        os.write(2, f"The job ended with {type(error).__name__}.\n".encode())
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _work(places: JobFiles, began: float) -> None:
    orders, sent = Inbox(places.orders), Outbox(places.sent)
    order: Order = orders.wait(0)
    # What was loaded of it before is the code of now.
    from data_package.engine.runs import worker
    from data_package.engine.tables.loading import dagster_quiet

    with dagster_quiet(verbose=order.selection.verbose):
        try:
            job, catalogue = order.selection.load()
        except DataPackageError as error:
            sent.send([("end", (str(error), False))])
            return
        catalogue.hashes.seconds_of_caches = _SECONDS_OF_CACHES
        until = None if order.needs.is_limited else began + SECONDS_TO_BEGIN
        worker.serve(_Desk(places, orders, sent, order.begin, catalogue, until), job, catalogue)


class _Desk:
    """The channel of a process that carries out steps: to the run, to each step, to answers."""

    def __init__(
        self,
        places: JobFiles,
        orders: Inbox,
        sent: Outbox,
        begin: "Begin",
        catalogue: "Catalogue",
        until: float | None,
    ) -> None:
        """`until`: when it takes no other step, `time.monotonic`; None where it takes but one."""
        self._orders, self._sent, self._answers = orders, sent, Inbox(places.answers)
        self._begin: Begin | None = begin
        self._catalogue = catalogue
        self._until = until
        self._steps = 0
        self._bytes = used_by(os.getpid())
        # A function may ask from a thread of its own, which goes on when its step is over.
        self._of_thread = threading.local()

    def send(self, words: Any) -> None:
        self._sent.send(words)
        self._of_thread.asks = words[-1][0] == "ask"

    def recv(self) -> Any:
        if getattr(self._of_thread, "asks", False):
            self._of_thread.asks = False
            return self._answers.wait(SECONDS_WITHOUT_SIGN)
        if self._begin is not None:
            begin, self._begin = self._begin, None
            return begin
        return self._next_step()

    def _next_step(self) -> "StepRequest | None":
        while self._takes_one():
            self.send([(READY, ())])
            assignment: Assignment | None = self._orders.wait(SECONDS_WITHOUT_SIGN)
            if assignment is None:
                break
            self._steps += 1
            try:
                self._prepare(assignment)
            except BuildError as error:
                self.send([("end", (str(error), True))])
            else:
                request = assignment.request
                part = "" if request.part is None else f"[{request.part}]"
                print(f"{request.step}{part}:", flush=True)  # noqa: T201 (in the log of the job)
                return request
        return None

    def _takes_one(self) -> bool:
        if not self._steps:
            return True
        in_time = self._until is not None and time.monotonic() < self._until
        return in_time and used_by(os.getpid()) < self._bytes + _MOST_KEPT_BYTES

    def _prepare(self, assignment: Assignment) -> None:
        for name, fingerprint in assignment.made_by.items():
            table = self._catalogue.named.get(name)
            if table is None or table.fingerprint.digest != fingerprint:
                raise BuildError(
                    f"The code of {name} was changed after the build had begun.\nBuild again."
                )
        hashes = assignment.request.hashes
        self._catalogue.hashes.take_in(hashes)
        self._catalogue.hashes.wait_for(map(Path, hashes))
