"""Jobs submitted to Slurm through submitit, so that every job in the queue is recorded.

A controller may take a job and its answer be lost. Whoever hands jobs in asks the queue afterwards
for what it does not know the number of.
"""

import io
import math
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from types import FrameType
from typing import Any

from data_package.engine.errors import BuildError
from data_package.engine.needs import Needs
from data_package.engine.runs.job import SECONDS_TO_BEGIN, carry_out

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SILENCE = ("Unable to contact", "Socket timed out", "unavailable")
# A shell ends with this and the number of the signal that ended its command.
_SIGNALLED = 128


class ControllerSilent(Exception):
    """Slurm has not answered; it may have taken the jobs."""


def hand_in(
    folders: Sequence[Path], needs: Needs, *, name: str, root: Path, logs: Path
) -> list[tuple[str, Path]]:
    """Hand in a job for each of these folders, as one array: their numbers and logs.

    Raises BuildError where Slurm refuses them, and ControllerSilent where it does not answer.
    """
    import submitit

    executor = submitit.SlurmExecutor(folder=logs, max_num_timeout=0)
    executor.update_parameters(**_parameters(needs, name, root, len(folders)))
    said = io.StringIO()
    try:
        with _uninterrupted(), redirect_stderr(said), executor.batch():
            made = [executor.submit(carry_out, str(folder)) for folder in folders]
    except (submitit.core.utils.FailedJobError, OSError) as error:
        why = " ".join(str(error).replace("sbatch: error: ", "").split())
        if not _is_answer(why, getattr(error.__cause__, "returncode", 1)):
            raise ControllerSilent(why or "sbatch was ended") from None
        raise BuildError(f"Slurm does not take its job: {why}") from None
    return [(str(one.job_id), Path(one.paths.stdout)) for one in made]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back, also from the commands that are started meanwhile, and let it in later."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    before = {number: signal.signal(number, hold) for number in _SIGNALS}
    # A terminal sends it to every process of the group; what is blocked is blocked in children.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in before.items():
            signal.signal(number, handler)
        for noted in held:
            os.kill(os.getpid(), noted)


def _parameters(needs: Needs, name: str, root: Path, count: int) -> dict[str, Any]:
    """What submitit calls what a job needs."""
    forced: dict[str, object] = {"no-requeue": True, "chdir": str(root)}
    if needs.memory_bytes is not None:
        forced["mem"] = f"{math.ceil(needs.memory_bytes / (1 << 20))}M"
    if needs.account is not None:
        forced["account"] = needs.account
    # In minutes, which is what Slurm counts in; else as the cluster sets it.
    seconds = needs.seconds
    return {
        "job_name": name,
        "time": None if seconds is None else math.ceil((seconds + SECONDS_TO_BEGIN) / 60),
        "use_srun": False,
        "stderr_to_stdout": True,
        "array_parallelism": count,
        "partition": needs.partition,
        "qos": needs.qos,
        "cpus_per_task": needs.cores,
        "additional_parameters": forced,
    }


def _is_answer(why: str, code: int) -> bool:
    """Whether `sbatch`, which ended with this code, failed because Slurm has refused the jobs."""
    by_signal = code < 0 or code > _SIGNALLED
    return not by_signal and not any(words in why for words in _SILENCE)
