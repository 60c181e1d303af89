"""How long the user has been waiting."""

import os
import time
from pathlib import Path

_began: float | None = None


def restart() -> None:
    """Count from now: the user began to wait only now."""
    global _began
    _began = time.clock_gettime(time.CLOCK_BOOTTIME)


def seconds_since_start() -> float:
    """Seconds since this process began, with all that was imported in them."""
    if _began is not None:
        return time.clock_gettime(time.CLOCK_BOOTTIME) - _began
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
