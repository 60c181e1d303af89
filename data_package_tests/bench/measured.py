"""Seconds and peak memory of whole processes."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_package_tests.bench import Unavailable

_QUIET = {"HAMILTON_TELEMETRY_ENABLED": "false", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}

# Linux counts the peak of the process that starts another into the other's: this one is small.
_LAUNCHER = """
import os, sys, time
began = time.perf_counter()
output = [(os.POSIX_SPAWN_DUP2, 2, 1)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=output)
_, status, usage = os.wait4(child, 0)
took = time.perf_counter() - began
print(os.waitstatus_to_exitcode(status), took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


@dataclass(frozen=True)
class Measured:
    """What a process took: of the wall clock, of the processors, and of memory at its peak."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(
    command: Sequence[str], folder: Path, before: Callable[[], object] | None = None
) -> Measured:
    """Run a command to its end; `before` is called in the process that starts it.

    Raises Unavailable, with the end of what it printed, when it fails.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DAGSTER")} | _QUIET
    log = folder / "output.log"
    with log.open("w") as file:
        launched = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            check=False,
            preexec_fn=before,
        )
    answer = launched.stdout.split()
    if code := launched.returncode or int(answer[0]):
        output = " ".join(log.read_text(errors="replace").split())[-300:]
        raise Unavailable(f"{' '.join(command)} ended with {code}: … {output}")
    seconds, cpu_seconds, peak_kilobytes = map(float, answer[1:])
    return Measured(seconds, cpu_seconds, int(peak_kilobytes) * 1024)
