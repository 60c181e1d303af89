"""A Slurm of Debian's packages on this machine, for tests: a controller and two nodes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[3] / ".ci" / "slurm"
_NOT_HERE = 3


@dataclass(frozen=True)
class Cluster:
    """The folder that its daemons write to."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use it."""
        words = f". {self.folder}/environment && echo $SLURM_CONF && echo $PATH"
        conf, path = subprocess.check_output(["bash", "-c", words], text=True).split("\n")[:2]
        return {"SLURM_CONF": conf, "PATH": path}

    def run(self, *words: str) -> str:
        """What a command of Slurm prints."""
        env = os.environ | self.environment
        return subprocess.check_output(words, env=env, text=True, timeout=60)

    def jobs(self, *states: str) -> dict[str, tuple[str, str]]:
        """The table that each job makes, with its node, of the jobs in these states."""
        wanted = f"--states={','.join(states or ('PENDING', 'RUNNING', 'COMPLETING'))}"
        lines = self.run("squeue", "--noheader", "--array", wanted, "--format=%i|%j|%N")
        cells = [line.split("|") for line in lines.splitlines()]
        return {number: (name.rpartition(".")[2], node) for number, name, node in cells}

    def restart(self) -> None:
        """Stop the controller and start it again."""
        subprocess.run([_SCRIPT, "restart", self.folder], check=True, timeout=120)


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    """A cluster of its own; the test is left out where none can be, but for in CI."""
    words = [str(_SCRIPT), "install"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == _NOT_HERE and not os.environ.get("CI"):
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        subprocess.run([_SCRIPT, "start", folder], check=True, timeout=120)
        yield Cluster(folder)
    finally:
        subprocess.run([_SCRIPT, "stop", folder], check=False, timeout=120)
