"""Seconds and peak memory of a table, from the call of its function to its file in place.

Linux keeps the highest resident size of a process and lets the process itself reset it, so a
peak costs two small reads and no sampling. Tables that run at once in threads share one memory:
each then reports the peak of the whole process while it ran.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


@dataclass(frozen=True)
class Usage:
    """What making a table took."""

    seconds: float
    peak_memory_bytes: int


_started = threading.local()
_running = 0
_guard = threading.Lock()


def start() -> None:
    """Begin to measure in this thread."""
    global _running
    with _guard:
        _running += 1
        if _running == 1:
            _reset_peak()
    _started.at = time.perf_counter()


def stop() -> Usage:
    """End the measurement that `start` began in this thread."""
    global _running
    with _guard:
        _running = max(0, _running - 1)
    began = getattr(_started, "at", None)
    _started.at = None
    seconds = time.perf_counter() - began if began is not None else 0.0
    return Usage(seconds=seconds, peak_memory_bytes=_peak_memory())


def _reset_peak() -> None:
    try:
        _RESET.write_text(_RESET_PEAK)
    except OSError:
        # Some containers forbid the reset; the peak is then that of the process so far.
        return


def _peak_memory() -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
