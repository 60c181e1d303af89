"""What a function may have changed of its process, for the one that runs in it next.

The environment and what is imported stay as they are, as in a build in one process.
"""

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGCHLD,
    signal.SIGPIPE,
    signal.SIGALRM,
)
_OUTPUTS = (1, 2)


class Surroundings:
    """The working directory, umask, limits, handlers of signals and outputs, as they are now."""

    def __init__(self) -> None:
        """Of this process, whose main thread calls this."""
        self._folder = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._umask = _umask()
        self._limits = {one: resource.getrlimit(one) for one in _LIMITS}
        found = {one: signal.getsignal(one) for one in _SIGNALS}
        self._handlers = {one: how for one, how in found.items() if how is not None}
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._outputs = {one: os.dup(one) for one in _OUTPUTS}
        self._streams = sys.stdout, sys.stderr

    def restore(self) -> bool:
        """Put back what has changed. Returns whether everything is as it was."""
        try:
            os.fchdir(self._folder)
            os.umask(self._umask)
            for one, handler in self._handlers.items():
                signal.signal(one, handler)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            for limit, amounts in self._limits.items():
                if resource.getrlimit(limit) != amounts:
                    resource.setrlimit(limit, amounts)
            sys.stdout, sys.stderr = self._streams
            for output, kept in self._outputs.items():
                if _is_same(output, kept):
                    continue
                if _is_open(output):
                    # What was opened since has got its number, and still needs it: Polars' threads
                    # wait for ever where theirs is taken from them.
                    return False
                os.dup2(kept, output)
        except (OSError, ValueError):
            # What was lowered for good, or closed.
            return False
        return True


def _umask() -> int:
    """Read where nothing is changed by it: other threads make files."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    found = os.umask(0o077)
    os.umask(found)
    return found


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _is_same(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False
