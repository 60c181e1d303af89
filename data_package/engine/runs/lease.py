"""A project's lock among machines: a file that says who has it, and a sign of life.

The kernel's locks of files may hold on one machine only, or not be there, where several machines
share a file system. So a build there also has a lease: a file that one process alone can make. It
changes the file's time again and again. One that has not changed for minutes, by the clock of the
one that waits, belongs to a machine that is gone.
"""

import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from data_package.engine.storage import PRIVATE_FILE, is_running, temporary_beside, this_machine


@dataclass(frozen=True)
class Pace:
    """In seconds: between signs of life, without one until a lease is over, between looks."""

    sign: float = 10.0
    over: float = 300.0
    look: float = 1.0


@dataclass(frozen=True)
class Holder:
    """Who has a lease."""

    token: str
    machine: str
    host: str
    process: int

    @property
    def is_gone(self) -> bool:
        """Whether it is a process of this machine that has ended."""
        return self.machine == this_machine() and not is_running(self.process)

    @property
    def shown(self) -> str:
        """For messages: `process 12 on node7`."""
        return f"process {self.process} on {self.host}"


# A lease as it was seen: what is in it, and when it was last changed.
_Seen = tuple[bytes, int, int]


@contextmanager
def leased(path: Path, report: Callable[[str], object], pace: Pace = Pace()) -> Iterator[None]:
    """Have the lease while the block runs; `report` is called before waiting for it."""
    own = Holder(secrets.token_hex(8), this_machine(), os.uname().nodename, os.getpid())
    _take(path, own, report, pace)
    over = threading.Event()

    def show_life() -> None:
        while not over.wait(pace.sign):
            if _holder(_look(path)) != own:
                report("Another machine builds this project: this one gave no sign for minutes.")
                os.kill(own.process, signal.SIGTERM)
                return
            with suppress(OSError):
                os.utime(path)

    threading.Thread(target=show_life, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        # Not that of another, which has taken it over.
        if os.getpid() == own.process and _holder(_look(path)) == own:
            path.unlink(missing_ok=True)


def _take(path: Path, own: Holder, report: Callable[[str], object], pace: Pace) -> None:
    seen: _Seen | None = None
    since, reported = 0.0, False
    while not _make(path, own):
        found, now = _look(path), time.monotonic()
        if found is None:
            continue
        if found != seen:
            seen, since = found, now
        holder = _holder(found)
        if (holder is not None and holder.is_gone) or now - since > pace.over:
            _break(path, found)
            continue
        if not reported:
            reported = True
            who = holder.shown if holder is not None else "another machine"
            report(
                f"Another build of this project is running ({who}); waiting for it to end. If that "
                f"machine is gone, this goes on {pace.over / 60:.0f} minutes after its last sign."
            )
        time.sleep(pace.look)


def _make(path: Path, own: Holder) -> bool:
    """Make the file, if there is none: servers let one client alone do so."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps(asdict(own)))
        file.flush()
        os.fsync(handle)
    return True


def _look(path: Path) -> _Seen | None:
    # A client of a network file system asks the server when it opens a file.
    with suppress(OSError), path.open("rb") as file:
        found = os.fstat(file.fileno())
        return file.read(), found.st_mtime_ns, found.st_ino
    return None


def _holder(seen: _Seen | None) -> Holder | None:
    with suppress(ValueError, TypeError):
        found = Holder(**json.loads(seen[0])) if seen is not None else None
        return found if found is not None and isinstance(found.process, int) else None
    return None


def _break(path: Path, judged: _Seen) -> None:
    """Remove a lease that is over, and no other that has come in its place."""
    aside = temporary_beside(path)
    with suppress(OSError):
        path.rename(aside)
        if _look(aside) != judged:
            os.link(aside, path)
    aside.unlink(missing_ok=True)
