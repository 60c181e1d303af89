"""Slurm's own commands: what is in its queue, in which state, and how to take it out."""

import getpass
import hashlib
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project

# They wait for the controller, and give up by themselves before.
_SECONDS = 60.0
_FORMAT = "%i|%T|%r|%N|%j"
_WAITING = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED", "RESIZING")
_AT_WORK = ("RUNNING", "SIGNALING", "STAGE_OUT", "STOPPED")
_ENDING = "COMPLETING"
_UNSUITABLE = re.compile(r"[^A-Za-z0-9_.\[\]-]")


@dataclass(frozen=True)
class JobState:
    """A job as Slurm reports it.

    Attributes:
        name: of the state, as Slurm has it: `PENDING`.
        reason: why it waits, or why it ended.
        nodes: where it runs or ran.
    """

    name: str
    reason: str = ""
    nodes: str = ""

    @property
    def waits(self) -> bool:
        """Whether it has not begun."""
        return self.name in _WAITING

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return not self.waits and self.name not in (*_AT_WORK, _ENDING)

    @property
    def shown(self) -> str:
        """A few words for the line that follows a build."""
        if self.waits:
            return f"waits ({self.reason})" if self.reason not in ("", "None") else "waits"
        return f"on {self.nodes}" if self.nodes else self.name.lower()


def require_slurm() -> None:
    """Raise ProjectError where jobs cannot be given to Slurm from here."""
    if find_spec("submitit") is None:
        raise ProjectError(
            "--slurm needs the library submitit, which is not installed.\n"
            "Install it: pip install 'data-package[slurm]'"
        )
    needed = ("sbatch", "srun", "squeue", "scancel")
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        raise ProjectError(
            f"--slurm needs Slurm's command {missing[0]}, which is not on this machine.\n"
            "Build on a machine from which you submit jobs (a login node), or without --slurm."
        )


def has_slurm() -> bool:
    """Whether Slurm can be asked here."""
    return shutil.which("squeue") is not None and shutil.which("scancel") is not None


def prefix_of(project: Project) -> str:
    """How the names of all jobs begin that build a project."""
    place = hashlib.sha256(str(project.storage).encode()).hexdigest()[:8]
    return f"data-package.{place}."


def name_of(project: Project, steps: Iterable[str]) -> str:
    """The name of a job, or of an array of them: `data-package.1f2e3d4c.visits`."""
    of = {step.partition("[")[0] for step in steps}
    what = of.pop() if len(of) == 1 else f"{len(of)}_tables"
    return prefix_of(project) + _UNSUITABLE.sub("_", what)


def queue(prefix: str) -> dict[str, JobState] | None:
    """The user's jobs whose names begin so, with those that are over and not yet forgotten.

    None where Slurm does not answer: its controller may be starting.
    """
    words = ["--states=all", "--array", "--noheader", f"--format={_FORMAT}"]
    output = _ask("squeue", f"--user={getpass.getuser()}", *words)
    return None if output is None else _parsed(output, prefix)


def _parsed(output: str, prefix: str) -> dict[str, JobState]:
    found = {}
    for line in output.splitlines():
        cells = line.split("|", 4)
        if len(cells) == 5 and cells[4].startswith(prefix):
            found[cells[0].strip()] = JobState(*(cell.strip() for cell in cells[1:4]))
    return found


def in_queue(prefix: str) -> list[str] | None:
    """The numbers of those of them that wait or run; None where Slurm does not answer."""
    found = queue(prefix)
    return None if found is None else [job for job, state in found.items() if not state.is_over]


def cancel_all(
    prefix: str, seconds: float, settled: float = 0.0, ending: Iterable[str] = ()
) -> list[str]:
    """Take these jobs out of the queue, and wait for their ends; returns those that are left.

    It waits for `seconds` at most, and for `settled` at least: where one may have been handed in
    without an answer, it may appear later. Those that are `ending` by themselves are let be.
    """
    began = time.monotonic()
    left: list[str] | None = None
    asked = set(ending)
    while True:
        found = in_queue(prefix)
        left = found if found is not None else left
        took = time.monotonic() - began
        if (found == [] and took >= settled) or took > seconds:
            return left if left is not None else ["?"]
        new = set(found or ()) - asked
        cancel(new)
        asked |= new
        time.sleep(0.3)


def cancel(jobs: Iterable[str]) -> None:
    """Ask for jobs to be taken out of the queue."""
    if numbers := sorted(jobs):
        _ask("scancel", *numbers)


def in_words(state: JobState | None, job: str) -> str:
    """What happened to a job that has ended before its step was over; empty where it says not."""
    if state is None:
        return f"Slurm no longer knows its job {job}, and it has left no result."
    on = f" on {state.nodes}" if state.nodes else ""
    return _WORDS.get(state.name, "").format(job=job, on=on, reason=state.reason)


_WORDS: Mapping[str, str] = {
    "CANCELLED": "Its job {job} was cancelled{on}, by you or an administrator.",
    "PREEMPTED": "Its job {job} was preempted{on}: jobs of a higher priority took its place.",
    "TIMEOUT": "Its job {job} was ended{on} at its time limit.\nAllow more: "
    'tags={{"data_package/time": "4h"}}, or `time` in [tool.data-package.slurm].',
    "DEADLINE": "Its job {job} was ended{on} at its deadline.",
    "OUT_OF_MEMORY": "Its job {job} was ended{on} because it took more memory than it was given."
    '\nAllow more: tags={{"data_package/memory": "8GB"}}, or `memory` in '
    "[tool.data-package.slurm].",
    "NODE_FAIL": "The node of its job {job} was lost{on} ({reason}).",
    "BOOT_FAIL": "The node of its job {job} did not start{on} ({reason}).",
    "REVOKED": "Its job {job} was revoked by the cluster.",
}


def _ask(command: str, *words: str) -> str | None:
    try:
        # A session of its own: Ctrl-C in the terminal is not for it.
        done = subprocess.run(  # noqa: S603
            [command, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            start_new_session=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
