"""Forks of this process: whether one would be sound, and that it does not outlive this one."""

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

# Threads of libraries that may be forked: they do housekeeping, and see to it themselves.
_HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}
_LOOKS = 10
_BETWEEN_LOOKS = 0.001
_DIE_WITH_PARENT = 1
_FAILED = 70


def may_fork() -> bool:
    """Whether a fork of this process would be sound: no thread may hold a lock, or be missed.

    The pool in which Polars runs queries starts with the first one.
    """
    if threading.active_count() > 1 or threading.current_thread() is not threading.main_thread():
        return False
    own, *_ = _names("self")
    # numpy's library of linear algebra starts nameless threads, and renews them in a fork.
    nameless = os.cpu_count() or 1 if "numpy" in sys.modules else 1
    for _ in range(_LOOKS):
        names = _names("self/task/*")
        if any(name not in (own, *_HARMLESS) for name in names):
            return False
        if names.count(own) <= nameless:
            return True
        # A thread has the name of its process until it runs for the first time.
        time.sleep(_BETWEEN_LOOKS)
    return False


def _names(processes: str) -> list[str]:
    """The names of processes or threads, by a pattern of their places below /proc."""
    found: list[str] = []
    for one in Path("/proc").glob(processes):
        with suppress(OSError):
            found.append((one / "comm").read_text().strip())
    return found


def die_with(parent: int) -> None:
    """Have the kernel end this process with its parent."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_FAILED)
