"""The command in forks of a process that has imported Dagster and the engine: most of its time.

For tests of what verbs print and make. How a process begins and what it imports is not tested so.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

# How a fork gets the folder, the environment and the output of a command.
BECOME = """
import json, os, runpy, sys

def become(folder, environment, outputs):
    for number, name in enumerate((os.devnull, *outputs)):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
"""

# The parent runs no query, so Polars' pool is started by the fork that needs it.
_PARENT = (
    BECOME
    + """
import importlib
from data_package.engine.cli import spare

spare.prepare()

def ended(child):
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

while line := sys.stdin.readline():
    asked = json.loads(line)
    if isinstance(asked, int):
        ended(asked)
        continue
    words, folder, environment, outputs, before, wanted, lasts = asked
    for name in wanted:
        importlib.import_module(name)
    child = os.fork()
    if not child:
        become(folder, environment, outputs)
        if lasts:
            # What it says goes into pipes, other than what its parent says.
            sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
        of_dagster = words[0] == "dagster"
        sys.argv = words if of_dagster else ["data-package", *words]
        exec(before)
        module = "dagster" if of_dagster else "data_package.engine.cli"
        runpy.run_module(module, run_name="__main__")
        sys.exit()
    if lasts:
        print(child, flush=True)
    else:
        ended(child)
"""
)


def run(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    before: str = "",
    *,
    together: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `data-package` with these words in a folder, in a new process; `before` is run first.

    With `dagster` as the first word, Dagster's own command is run.

    `together` puts what it writes to its error output among the output, as a terminal does.
    """
    with TemporaryDirectory() as place:
        outputs = [Path(place, name) for name in ("out", "out" if together else "err")]
        files = list(map(str, outputs))
        code = _asked([words, str(folder), dict(environment), files, before, [], 0])
        out, err = (path.read_text(errors="replace") for path in outputs)
        err = "" if together else err
    return subprocess.CompletedProcess(words, code, out, err)


@dataclass
class Lasting:
    """A process that goes on, with the methods of `subprocess.Popen`."""

    pid: int
    stdout: IO[str]
    stderr: IO[str]
    _code: int | None = None

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""
        if self._code is None:
            ending = os.pidfd_open(self.pid)
            try:
                if not select.select([ending], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            finally:
                os.close(ending)
            self._code = _asked(self.pid)
        return self._code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it has written when it ends: less than a pipe holds."""
        out, err = self.stdout.read(), self.stderr.read()
        self.wait(timeout)
        return out, err

    def send_signal(self, how: signal.Signals) -> None:
        os.kill(self.pid, how)

    def kill(self) -> None:
        if self.poll() is None:
            self.send_signal(signal.SIGKILL)


def start(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    before: str = "",
    wanted: Sequence[str] = (),
) -> Lasting:
    """Start `data-package` with these words in a folder; it begins with these modules imported."""
    with TemporaryDirectory() as place:
        outputs = [Path(place, name) for name in ("out", "err")]
        for path in outputs:
            os.mkfifo(path)
        files = list(map(str, outputs))
        lasting = [words, str(folder), dict(environment), files, before, list(wanted), 1]
        pid = _asked(lasting)
        # Opening waits for the process, which opens them too.
        out, err = (path.open(errors="replace") for path in outputs)
        return Lasting(pid, out, err)


def _asked(request: object) -> int:
    """What the parent answers."""
    parent = _parent()
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(json.dumps(request) + "\n")
    parent.stdin.flush()
    return int(parent.stdout.readline())


@cache
def _parent() -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(process.communicate)
    return process
