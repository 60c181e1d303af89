"""Seconds and peak memory of whole processes."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_package_tests.bench import Unavailable

_QUIET = {"HAMILTON_TELEMETRY_ENABLED": "false", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}


@dataclass(frozen=True)
class Measured:
    """What a process took: of the wall clock, of the processors, and of memory at its peak."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(
    command: Sequence[str], folder: Path, before: Callable[[], object] | None = None
) -> Measured:
    """Run a command to its end; `before` is called in its process before it starts.

    Raises Unavailable, with the end of what it said, when it fails.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DAGSTER")} | _QUIET
    log = folder / "said.log"
    began = time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=file,
            preexec_fn=before,  # noqa: PLW1509 (this process has no other threads)
        )
        _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = " ".join(log.read_text(errors="replace").split())[-300:]
        raise Unavailable(f"{' '.join(command)} ended with {process.returncode}: … {said}")
    return Measured(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
