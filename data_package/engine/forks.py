"""Forks of this process: whether one would be sound, and that it does not outlive this one."""

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

# Threads of libraries that may be forked: they do housekeeping, and see to it themselves.
_HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}
_DIE_WITH_PARENT = 1
_FAILED = 70


def may_fork() -> bool:
    """Whether a fork of this process would be sound: no thread may hold a lock, or be missed.

    The pool in which Polars runs queries starts with the first one.
    """
    if threading.active_count() > 1 or threading.current_thread() is not threading.main_thread():
        return False
    own, others = Path("/proc/self/comm").read_text(), 0
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            name = (task / "comm").read_text()
            if name == own:
                others += 1
            elif name.strip() not in _HARMLESS:
                return False
    # numpy's library of linear algebra starts nameless threads, and renews them in a fork.
    return others <= (os.cpu_count() or 1 if "numpy" in sys.modules else 1)


def die_with(parent: int) -> None:
    """Have the kernel end this process with its parent."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_FAILED)
