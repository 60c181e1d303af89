"""A process of its own for a library that is not hardened: it gets requests and sends messages.

It is a fork of this process where that is sound, and then ready at once; else a new one. It ends
with this process at the latest.
"""

import faulthandler
import gc
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO, NoReturn, TypeAlias, cast

from data_package.engine.forks import die_with, may_fork

_LONGEST_WAIT_MS = 10_000

Work: TypeAlias = Callable[[IO[bytes], IO[bytes]], object]


class SeparateProcess:
    """A process that works for this one.

    Attributes:
        pid: its number.
        requests: what it reads.
        answers: what it writes.
    """

    def __init__(self, work: Work, script: str) -> None:
        """Start it: `work` with its ends of both, or the script that does the same.

        The script has both as its standard input and output.
        """
        self._is_over = False
        self._process: subprocess.Popen[bytes] | None = None
        if may_fork():
            self.pid, self.requests, self.answers = _forked(work)
            return
        self._process = subprocess.Popen(  # noqa: S603  our own script
            # Without the start of an environment, which takes a third of the time to begin.
            [sys.executable, "-I", "-S", script, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.pid = self._process.pid
        self.requests = cast("IO[bytes]", self._process.stdin)
        self.answers = cast("IO[bytes]", self._process.stdout)

    def end(self) -> None:
        """End it, if it has not been ended."""
        if self._is_over:
            return
        self._is_over = True
        is_gone = True
        with suppress(ProcessLookupError):
            ended = os.pidfd_open(self.pid)
            try:
                os.kill(self.pid, signal.SIGKILL)
                waiting = select.poll()
                waiting.register(ended, select.POLLIN)
                is_gone = bool(waiting.poll(_LONGEST_WAIT_MS))
            finally:
                os.close(ended)
        for stream in (self.requests, self.answers):
            with suppress(BrokenPipeError):
                stream.close()
        if is_gone and self._process is not None:
            self._process.wait()
        elif is_gone:
            # Unless this process does not care for those that it has started.
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)


def _forked(work: Work) -> tuple[int, IO[bytes], IO[bytes]]:
    asked, asks = os.pipe()
    answered, answers = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _become(work, parent, asked, answers)
    os.close(asked)
    os.close(answers)
    return pid, os.fdopen(asks, "wb"), os.fdopen(answered, "rb")


def _become(work: Work, parent: int, asked: int, answers: int) -> NoReturn:
    """Work, in a fork; never returns into the code of the process that it came from."""
    try:
        die_with(parent)
        # Ctrl-C is the matter of that process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        faulthandler.disable()
        gc.disable()
        work(os.fdopen(asked, "rb"), os.fdopen(answers, "wb"))
    finally:
        os._exit(0)
