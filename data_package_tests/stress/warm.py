"""The command in forks of a process that has imported all of it, with the shim before its calls.

A fork loses the threads that Polars has started (freeing of memory, and of files that it makes for
data larger than memory), which small tables can do without.
"""

import json
import os
import select
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from data_package_tests.prepared import BECOME

KINDS = (
    *("open", "write", "fsync", "rename", "unlink", "mkdir", "rmdir", "truncate", "chmod", "link"),
    *("flock", "read", "look"),
)
_SECONDS = 240

_PARENT = (
    BECOME
    + """
import contextlib, ctypes, gc, importlib, pkgutil
import dagster, dagster._cli, polars, sqlalchemy, pyarrow.parquet
import data_package.engine

for one in pkgutil.walk_packages(data_package.engine.__path__, "data_package.engine."):
    if "__main__" not in one.name:
        with contextlib.suppress(ImportError):
            importlib.import_module(one.name)
gc.freeze()
while line := sys.stdin.readline():
    words, folder, environment, places, armed = json.loads(line)
    children = []
    for outputs in places:
        children.append(os.fork())
        if children[-1]:
            continue
        become(folder, environment, outputs)
        sys.dont_write_bytecode = True
        if armed:
            root, kind, nth, what, number, once, counted, traced = armed
            ctypes.CDLL(None).shim_arm(
                os.fsencode(root), kind, ctypes.c_long(nth), ord(what), number, once,
                os.fsencode(counted), os.fsencode(traced),
            )
        if words[0] == "dagster":
            sys.argv = words
            dagster._cli.main()
        sys.argv = ["data-package", *words]
        runpy.run_module("data_package.engine.cli", run_name="__main__")
        sys.exit()
    print(json.dumps(children), flush=True)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print(json.dumps(ends), flush=True)
os._exit(0)
"""
)


@dataclass(frozen=True)
class Fault:
    """What happens at the Nth call of a kind.

    `what`: "k" to be killed before it, "a" after it, "s" a signal, "e" an error, "0" nothing.
    `number`: of the signal or the error.
    """

    kind: str = "open"
    nth: int = 0
    what: str = "0"
    number: int = 0
    once: bool = False

    def __str__(self) -> str:
        return f"{self.what}{self.number or ''}{' once' * self.once} at {self.kind} {self.nth}"


class Warm:
    """The process that forks; `folder` is for what it notes.

    `library` is loaded before the shim, with its settings in `environment`.
    """

    def __init__(
        self, folder: Path, library: str = "", environment: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._library, self._environment = library, dict(environment or {})
        self.shim = folder / "shim.so"
        source = Path(__file__).with_name("shim.c")
        compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O2", "-o", self.shim, source, "-ldl"], check=True
        )
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PARENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ
            | self._environment
            | {"LD_PRELOAD": f"{self._library} {self.shim}".strip()},
        )

    def close(self) -> None:
        self._process.communicate()

    def run(
        self,
        words: Sequence[str],
        root: Path,
        environment: Mapping[str, str],
        fault: Fault | None = None,
        *,
        trace: Path | None = None,
        meanwhile: Callable[[int], None] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command; `meanwhile` is called with its process's number. Raises TimeoutError."""
        counted = self._folder / "counts"
        counted.unlink(missing_ok=True)
        armed = None
        if fault is not None:
            kind = KINDS.index(fault.kind)
            armed = [str(root), kind, fault.nth, fault.what, fault.number, int(fault.once)]
            armed += [str(counted), str(trace or "")]
        return self._run(words, root, environment, armed, 1, meanwhile)[0]

    def together(
        self, words: Sequence[str], root: Path, environment: Mapping[str, str], many: int
    ) -> "list[subprocess.CompletedProcess[str]]":
        """Run so many of one command at once. Raises TimeoutError."""
        return self._run(words, root, environment, None, many, None)

    def _run(
        self,
        words: Sequence[str],
        root: Path,
        environment: Mapping[str, str],
        armed: Sequence[object] | None,
        many: int,
        meanwhile: Callable[[int], None] | None,
    ) -> "list[subprocess.CompletedProcess[str]]":
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with TemporaryDirectory(dir=self._folder) as place:
            outputs = [
                [str(Path(place, f"{name}{n}")) for name in ("out", "err")] for n in range(many)
            ]
            # A command can be killed before it opens them.
            for path in (path for one in outputs for path in one):
                Path(path).touch()
            # What the library is set by is not to be lost where the command gets its environment.
            whole = dict(environment) | self._environment
            request = [list(words), str(root), whole, outputs, armed]
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            children = json.loads(self._process.stdout.readline())
            if meanwhile is not None:
                meanwhile(children[0])
            hung = not select.select([self._process.stdout], [], [], _SECONDS * many)[0]
            if hung:
                for child in children:
                    os.kill(child, signal.SIGKILL)
            codes = json.loads(self._process.stdout.readline())
            texts = [[Path(path).read_text(errors="replace") for path in one] for one in outputs]
        if hung:
            raise TimeoutError(f"{words} hangs: {texts}")
        return [
            subprocess.CompletedProcess(list(words), code, out, err)
            for code, (out, err) in zip(codes, texts, strict=True)
        ]

    def counts(self) -> dict[str, int]:
        """How many calls of each kind the last command made."""
        numbers = memoryview((self._folder / "counts").read_bytes()).cast("l")
        return {kind: number for kind, number in zip(KINDS, numbers, strict=True) if number}
