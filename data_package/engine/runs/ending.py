"""How a process that carries out a step ends: with its parent, at a limit, and in what words.

Imports little: what watches such a process on a node of a cluster is small.
"""

import os
import signal
from contextlib import suppress

from data_package.engine.needs import MEMORY, TIME, Needs
from data_package.engine.runs.memory import size

FAILED = 70


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process and to what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def over_limit(needs: Needs, peak_bytes: int, seconds: float) -> str:
    """Which limit a step is over, in words; empty while it keeps to them."""
    if needs.memory_bytes is not None and peak_bytes > needs.memory_bytes:
        return (
            f"It took {size(peak_bytes)} of memory and was ended: its tag {MEMORY} "
            f"allows {size(needs.memory_bytes)}.\nAllow more, or return a query "
            "(pl.LazyFrame), which is streamed."
        )
    if needs.seconds is not None and seconds > needs.seconds:
        return (
            f"It ran for {seconds:.0f} s and was ended: its tag {TIME} allows "
            f"{needs.seconds:g} s. Its memory had peaked at {size(peak_bytes)}.\n"
            "Allow more, or make it faster."
        )
    return ""


def why_ended(status: int, peak_bytes: int, *, ran_out: bool) -> str:
    """Why a process ended before its step was over, by its status as `os.waitpid` gives it.

    `ran_out` is whether the system has ended processes meanwhile because the memory ran out.
    """
    peak = f"its memory had peaked at {size(peak_bytes)}"
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"Its process ended with code {code} before it was done; {peak}."
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL and ran_out:
        return (
            f"The system ended its process ({name}) because the memory ran out; {peak}.\n"
            f"Build fewer tables at once (-j), or say what it needs: "
            f'tags={{"{MEMORY}": "4GB"}}'
        )
    return f"Its process was ended by {name}; {peak}."
