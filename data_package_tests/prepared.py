"""The command in forks of a process that has imported Dagster and the engine: most of its time.

For tests of what verbs print and make. How a process begins and what it imports is not tested so.
"""

import atexit
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

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
from data_package.engine.cli import spare

spare.prepare()

while line := sys.stdin.readline():
    words, folder, environment, outputs, before = json.loads(line)
    child = os.fork()
    if not child:
        become(folder, environment, outputs)
        sys.argv = ["data-package", *words]
        exec(before)
        runpy.run_module("data_package.engine.cli", run_name="__main__")
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
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

    `together` puts what it writes to its error output among the output, as a terminal does.
    """
    parent = _parent()
    assert parent.stdin is not None
    assert parent.stdout is not None
    with TemporaryDirectory() as place:
        outputs = [Path(place, name) for name in ("out", "out" if together else "err")]
        request = [words, str(folder), dict(environment), list(map(str, outputs)), before]
        parent.stdin.write(json.dumps(request) + "\n")
        parent.stdin.flush()
        code = int(parent.stdout.readline())
        out, err = (path.read_text(errors="replace") for path in outputs)
        err = "" if together else err
    return subprocess.CompletedProcess(words, code, out, err)


@cache
def _parent() -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(process.communicate)
    return process
