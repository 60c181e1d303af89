"""The process from which the processes that carry out steps are forked.

It has everything imported and the project loaded, and runs nothing itself, so that a fork of it is
ready at once and sound: a library that has started threads cannot be forked. It is a fork of the
deciding process where that one has no such threads, else a new process. None outlives another: the
kernel ends them with the process that they came from.
"""

import gc
import os
import select
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

import dagster as dg

from data_package.engine.errors import BuildError, DataPackageError
from data_package.engine.forks import die_with, may_fork
from data_package.engine.runs import build_lock, worker
from data_package.engine.runs.dagster_parts import create_execution_plan
from data_package.engine.runs.ending import FAILED
from data_package.engine.runs.selection import Selection
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.loading import dagster_quiet
from data_package.engine.unusable import OF_PROCESSES, OF_THE_PLACE, why

# As a module of its own name, so that what it sends is what is expected here.
_BE_ONE = f"import sys; from {__name__} import main; main(*sys.argv[1:])"
# Added to the part of the memory that a process has, in thousandths.
_FIRST_TO_END = "500"
_GONE = "The process that starts others for this build has ended.\nBuild again."


@dataclass(frozen=True)
class Started:
    """A process is there."""

    pid: int


@dataclass(frozen=True)
class ProcessGone:
    """A process is gone.

    Attributes:
        status: as `os.waitpid` gives it.
        peak_bytes: the most memory that it had taken.
    """

    pid: int
    status: int
    peak_bytes: int


class NoOtherError(BuildError):
    """The system allows no other process."""


class Nursery:
    """The deciding process' view of it."""

    def __init__(
        self,
        job: dg.JobDefinition,
        catalogue: Catalogue,
        run_config: Mapping[str, object],
        soon: int = 1,
    ) -> None:
        """Start it: `job` is what is to be run, of the project of the `catalogue`.

        `soon`: how many processes are made already, while the deciding process goes on.
        """
        self._gone: list[ProcessGone] = []
        # Those that were asked for, and what has become of the first of them.
        self._asked: deque[Connection] = deque()
        self._made: deque[Started | str] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._control, control = socket.socketpair()
            self.news, news = _pipe()
            _flush()
            if may_fork():
                self._pid = os.fork()
                if not self._pid:
                    self._control.close()
                    self.news.close()
                    _become(control, news, job, catalogue, run_config)
            else:
                handles = control.fileno(), news.fileno()
                words = [sys.executable, "-c", _BE_ONE, str(os.getpid()), *map(str, handles)]
                self._process = subprocess.Popen(  # noqa: S603
                    words, pass_fds=handles, stdin=subprocess.DEVNULL, process_group=0
                )
                self._pid = self._process.pid
                self.news.send((Selection.of(job, catalogue.project), run_config))
        except OSError as error:
            raise BuildError(_no_other(error)) from None
        control.close()
        news.close()
        for _ in range(soon):
            with suppress(BuildError):
                # It is reported when one is needed.
                self._ask()

    def fork(self) -> tuple[int, Connection]:
        """A process that waits for steps, and the channel to it.

        Raises NoOtherError when the system allows no other, and BuildError when the deciding
        process cannot have the channel.
        """
        if not self._asked:
            self._ask()
        with dg.raise_execution_interrupts():
            while not self._made:
                self._take_in()
        made, ours = self._made.popleft(), self._asked.popleft()
        if isinstance(made, str):
            ours.close()
            raise NoOtherError(made)
        return made.pid, ours

    def ended(self) -> list[ProcessGone]:
        """The processes that have ended since this was asked last.

        Raises BuildError when the process that starts them has.
        """
        while self.news.poll():
            self._take_in()
        # One that nobody has used yet is missed by whoever uses it.
        unused = {made.pid for made in self._made if isinstance(made, Started)}
        found = [one for one in self._gone if one.pid not in unused]
        self._gone = [one for one in self._gone if one.pid in unused]
        return found

    def _ask(self) -> None:
        try:
            ours, theirs = _pipe()
            socket.send_fds(self._control, [b"."], [theirs.fileno()])
        except OSError as error:
            raise BuildError(_no_other(error)) from None
        theirs.close()
        self._asked.append(ours)

    def _take_in(self) -> None:
        try:
            found = self.news.recv()
        except (EOFError, OSError):
            raise BuildError(_GONE) from None
        if isinstance(found, ProcessGone):
            self._gone.append(found)
        else:
            self._made.append(found)

    def close(self) -> None:
        """End it, and everything that still runs in it."""
        self._control.close()
        while self._asked:
            self._asked.pop().close()
        if self._process is not None:
            self._process.wait()
        else:
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
        self.news.close()


def _no_other(error: OSError) -> str:
    known = error.errno in OF_THE_PLACE or error.errno in OF_PROCESSES
    reason = why(error) if known else f"{os.strerror(error.errno or 0)} (see ulimit -a)."
    return f"Another process cannot be started. {reason}\nOr build fewer tables at once: -j 2"


def _pipe() -> tuple[Connection, Connection]:
    one, other = socket.socketpair()
    return Connection(one.detach()), Connection(other.detach())


def _flush() -> None:
    """What is not written yet would be written by every fork."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _become(
    control: socket.socket,
    news: Connection,
    job: dg.JobDefinition,
    catalogue: Catalogue,
    run_config: Mapping[str, object],
) -> NoReturn:
    """Be the nursery, in a fork of the deciding process; never returns into its code."""
    code = FAILED
    try:
        die_with(os.getppid())
        os.setpgid(0, 0)
        build_lock.let_go()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _nurse(control, news, _ready(job, catalogue, run_config))
        code = 0
    except BaseException:  # noqa: BLE001 (there is nobody to raise it to)
        code = FAILED
    finally:
        os._exit(code)


def _ready(
    job: dg.JobDefinition, catalogue: Catalogue, run_config: Mapping[str, object]
) -> Callable[[Connection], None]:
    """What each process does; what all of them need for it is made here, once."""
    plan = create_execution_plan(job, run_config=run_config)
    return lambda channel: worker.serve(channel, job, catalogue, plan)


def _nurse(control: socket.socket, news: Connection, work: Callable[[Connection], None]) -> None:
    """Fork on request, report what ended, until the deciding process closes its end."""
    # Ctrl-C is the matter of the deciding process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    woken, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    # What is garbage by now is kept, which costs nothing: looking for it takes a tenth of a second.
    gc.freeze()
    children: set[int] = set()
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if control.fileno() in ready:
            message, handles, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                break
            try:
                pid = os.fork()
            except OSError as error:
                os.close(handles[0])
                news.send(_no_other(error))
                continue
            if not pid:
                for handle in (control.detach(), woken, wakes):
                    os.close(handle)
                news.close()
                _work(Connection(handles[0]), work)
            os.close(handles[0])
            children.add(pid)
            news.send(Started(pid))
        if woken in ready:
            os.read(woken, 512)
        _reap(children, news)
    for pid in children:
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _reap(children: set[int], news: Connection) -> None:
    for pid in list(children):
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            children.discard(pid)
            with suppress(OSError):
                news.send(ProcessGone(pid, status, usage.ru_maxrss * 1024))


def _work(channel: Connection, work: Callable[[Connection], None]) -> NoReturn:
    """Be a process that carries out steps."""
    code = FAILED
    try:
        die_with(os.getppid())
        with suppress(OSError):
            # Where the memory runs out, the system ends this one rather than the deciding process.
            Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_END)
        # A group of its own: what a function starts is ended with it.
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        work(channel)
        code = 0
    except (EOFError, OSError, KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        # The deciding process is gone, or ends the run.
        code = FAILED
    except BaseException as error:  # noqa: BLE001 (there is nobody to raise it to)
        os.write(2, f"A process of the build ended with {type(error).__name__}.\n".encode())
    finally:
        _flush()
        os._exit(code)


def main(parent: str, control: str, news: str) -> None:
    """Be the nursery as a new process: load the project, then wait."""
    die_with(int(parent))
    outside = Connection(int(news))
    wanted: Selection
    wanted, run_config = outside.recv()
    with dagster_quiet(verbose=wanted.verbose):
        try:
            chosen, catalogue = wanted.load()
        except DataPackageError as error:
            outside.send(str(error))
            return
        work = _ready(chosen, catalogue, run_config)
        _nurse(socket.socket(fileno=int(control)), outside, work)
