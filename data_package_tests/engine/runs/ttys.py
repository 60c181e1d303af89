"""A command on a terminal of its own, as a user has it."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_package_tests.conftest import Study

_PATIENCE_S = 60.0
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """What a command shows, and what is typed to it."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self._process = process
        self._handle = handle
        self._raw = b""
        self._read_to = 0

    @property
    def text(self) -> str:
        """All that has been shown, without colours."""
        return _COLOURS.sub("", self._raw.decode(errors="replace")).replace("\r\n", "\n")

    def wait_for(self, words: str) -> str:
        """Wait until something new is shown that holds these words; returns what is new."""
        until = time.monotonic() + _PATIENCE_S
        while words not in self.text[self._read_to :]:
            assert time.monotonic() < until, self.text
            assert self._read(), f"{words!r} never came:\n{self.text}"
        new = self.text[self._read_to :]
        self._read_to = len(self.text)
        return new

    def type(self, words: str) -> None:
        """Type."""
        os.write(self._handle, words.encode())

    def end(self) -> int:
        """Wait for the end of the command; returns its exit code."""
        while self._read():
            pass
        return self._process.wait(_PATIENCE_S)

    def _read(self) -> bool:
        if not select.select([self._handle], [], [], _PATIENCE_S)[0]:
            return False
        try:
            new = os.read(self._handle, 65536)
        except OSError:
            return False
        self._raw += new
        return bool(new)


@contextmanager
def on_terminal(study: Study, *words: str, script: Path | None = None) -> Iterator[Terminal]:
    """Run a verb of `data-package`, or a script, on a terminal."""
    verb = (
        "import sys, importlib; v = sys.argv.pop(1); "
        "importlib.import_module(f'data_package.engine.cli.{v}').command()"
    )
    what = ["-c", verb] if script is None else [str(script)]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *what, *words],
        cwd=study.root,
        env=study.environment() | {"TERM": "xterm", "PYTHON_COLORS": "0"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
