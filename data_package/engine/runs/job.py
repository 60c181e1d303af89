"""What a job of a cluster does: it carries out one step, and watches itself.

A small process keeps the job: it has forked the one that loads the project and carries out the
step, ends it at its limits and when the deciding process is gone, and writes how it ended. All that
is passed on goes through files in a folder of the step, on the file system that both share.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from data_package.engine.needs import Needs
from data_package.engine.runs.ending import FAILED, die_with, over_limit, signal_group
from data_package.engine.runs.mailbox import Inbox, Outbox, new_mailbox
from data_package.engine.runs.memory import times_memory_ran_out, used_by
from data_package.engine.storage import PRIVATE_FOLDER, sweep

if TYPE_CHECKING:
    from data_package.engine.runs.selection import Selection
    from data_package.engine.runs.worker import Begin, StepRequest

# How long a node may show an older version of the shared file system.
_SECONDS_OF_CACHES = 90.0
# Without a sign of life of the deciding process for so long, it is gone.
SECONDS_WITHOUT_SIGN = 300.0
SECONDS_BETWEEN_SIGNS = 10.0
_SECONDS_BETWEEN = 0.1


@dataclass(frozen=True)
class StepFiles:
    """The files of one step, in a folder of its own."""

    folder: Path

    def make(self) -> None:
        """Make them all, empty; a job finds them there."""
        self.folder.mkdir(mode=PRIVATE_FOLDER)
        for path in (self.order, self.sent, self.answers, self.end):
            new_mailbox(path)

    @property
    def order(self) -> Path:
        """What the job is to do."""
        return self.folder / "order"

    @property
    def sent(self) -> Path:
        """What the process that carries out the step passes on."""
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
        """The sign of life of the deciding process, of all steps of a run."""
        return self.folder.parent / "sign"


@dataclass(frozen=True)
class Order:
    """What a job is to do.

    Attributes:
        storage: the folder in which it may leave half-written files.
        needs: its limits.
        made_by: the fingerprints of the step's tables, by their names.
        begin: the run; `request`: the step of it.
    """

    storage: Path
    needs: Needs
    selection: "Selection"
    begin: "Begin"
    request: "StepRequest"
    made_by: dict[str, str]


@dataclass(frozen=True)
class Ended:
    """How the process that carried out a step ended.

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
    """Carry out the step of a folder; what a job of a cluster calls."""
    places = StepFiles(Path(folder))
    asked_to_end: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked_to_end.append(number)

    signal.signal(signal.SIGTERM, note)
    # By which submitit would hand a job in again.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.umask(0o077)
    order: Order = Inbox(places.order).wait(_SECONDS_OF_CACHES)
    sys.stdout.flush()
    ran_out = times_memory_ran_out()
    keeper = os.getpid()
    child = os.fork()
    if not child:
        _become_worker(keeper, places)
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
    child: int, places: StepFiles, needs: Needs, asked_to_end: list[int]
) -> tuple[int, int, str]:
    """Watch the process until it has ended: its status, the peak of its memory, and its limit."""
    peak_bytes, began, broken_off = 0, 0.0, ""
    sign, seen = _sign(places), time.monotonic()
    looked = seen
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            return status, max(peak_bytes, usage.ru_maxrss * 1024), broken_off
        now = time.monotonic()
        if not began and places.sent.stat().st_size:
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


def _sign(places: StepFiles) -> bytes:
    with suppress(OSError):
        return places.sign.read_bytes()
    return b""


def _become_worker(keeper: int, places: StepFiles) -> NoReturn:
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
        _work(places)
        code = 0
    except BaseException as error:  # noqa: BLE001 (there is nobody to raise it to)
        # Its message may quote a row.
        os.write(2, f"The step ended with {type(error).__name__}.\n".encode())
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _work(places: StepFiles) -> None:
    order: Order = Inbox(places.order).wait(0)
    channel = _Files(places, [order.begin, order.request])
    # What was loaded of it before is the code of now.
    from data_package.engine.errors import BuildError, DataPackageError
    from data_package.engine.runs import worker
    from data_package.engine.tables.loading import dagster_quiet

    with dagster_quiet(verbose=order.selection.verbose):
        try:
            job, catalogue = order.selection.load()
            for name, fingerprint in order.made_by.items():
                table = catalogue.named.get(name)
                if table is None or table.fingerprint.digest != fingerprint:
                    raise BuildError(
                        f"The code of {name} was changed after the build had begun.\nBuild again."
                    )
            catalogue.hashes.seconds_of_caches = _SECONDS_OF_CACHES
            catalogue.hashes.take_in(order.request.hashes)
            catalogue.hashes.wait_for(map(Path, order.request.hashes))
        except DataPackageError as error:
            channel.send(("end", (str(error),)))
            return
        worker.serve(channel, job, catalogue)


class _Files:
    """The channel of a process that carries out one step: first its request, then answers."""

    def __init__(self, places: StepFiles, first: list[object]) -> None:
        self._out = Outbox(places.sent)
        self._answers = Inbox(places.answers)
        self._first = first
        self._asked = False

    def send(self, message: Any) -> None:
        self._out.send(message)
        self._asked = message[0] == "ask"

    def recv(self) -> Any:
        if self._asked:
            self._asked = False
            return self._answers.wait(SECONDS_WITHOUT_SIGN)
        return self._first.pop(0) if self._first else None
