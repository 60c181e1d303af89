"""Exceptions that nothing catches (in threads, forks, `__del__`, tasks, at exit), and warnings.

Python prints them itself with their messages, past everything that keeps values out of messages.
While tables are built, a line without values is printed instead.
"""

import _thread
import atexit
import logging
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

import dagster as dg

from data_package.engine.errors import shown
from data_package.engine.project import Project
from data_package.engine.tables import failures

# Their own messages quote the exception of another task.
_SPEAKING_OF_OTHERS = ("asyncio", "concurrent.futures")
_INTERRUPTS = (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)
# Until whatever cannot be interrupted is over: a destructor, say.
_SECONDS_TO_INTERRUPT_AGAIN = 0.05


@contextmanager
def unraised_in_few_words(project: Project) -> Iterator[None]:
    """Let Python report only the kind and the place of exceptions that nothing catches.

    While the block runs, and once more when the process ends.
    """
    hooks = _Hooks(project)
    before = threading.excepthook, sys.unraisablehook, sys.excepthook, warnings.showwarning
    hooks.set()
    if warnings.showwarning.__module__ == warnings.__name__:
        # Code that records warnings, as tests do, still records them.
        warnings.showwarning = hooks.warning
    others = _OthersLeftOut(project)
    for name in _SPEAKING_OF_OTHERS:
        logging.getLogger(name).addFilter(others)
    traces = _TracebackLeftOut(project)
    if logging.lastResort is not None:
        logging.lastResort.addFilter(traces)
    _in_forks.append(hooks)
    try:
        yield
    finally:
        _in_forks.remove(hooks)
        if logging.lastResort is not None:
            logging.lastResort.removeFilter(traces)
        threading.excepthook, sys.unraisablehook, sys.excepthook, warnings.showwarning = before
        for name in _SPEAKING_OF_OTHERS:
            logging.getLogger(name).removeFilter(others)
        # Registered last, so called before anything that the user's code has registered.
        atexit.register(hooks.set_at_exit)


class _Hooks:
    """What Python calls for an uncaught exception, instead of printing it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._exits = False

    def set_at_exit(self) -> None:
        self._exits = True
        self.set()

    def set(self) -> None:
        threading.excepthook, sys.unraisablehook = self._of_thread, self._unraisable
        sys.excepthook = self._uncaught

    def _report(self, what: str, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, SystemExit):
            _print(f"{what}: {failures.in_short(error, self._project)}")

    def _of_thread(self, args: threading.ExceptHookArgs) -> None:
        self._report("A thread ended with an error", args.exc_value)

    def _unraisable(self, args: "sys.UnraisableHookArgs") -> None:
        if not isinstance(args.exc_value, _INTERRUPTS):
            self._report("An error that nothing can catch", args.exc_value)
        elif not self._exits:
            # Ctrl-C is meant for what runs, which would go on.
            again = threading.Timer(_SECONDS_TO_INTERRUPT_AGAIN, _thread.interrupt_main)
            again.daemon = True
            again.start()

    def _uncaught(
        self, _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
    ) -> None:
        self._report("An error", error)

    def in_fork(self) -> None:
        """What a process of `multiprocessing` prints in the end, by the name that it looks up."""
        self._report("A process ended with an error", sys.exc_info()[1])

    def warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del file, line
        error = message if isinstance(message, Warning) else category(message)
        _print(failures.in_short(error, self._project, place=(filename, lineno)))


class _LessOfRecords(logging.Filter):
    """Reduces the exception of a log record to its kind and place."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project

    def short(self, record: logging.LogRecord) -> str | None:
        error = record.exc_info[1] if record.exc_info else None
        record.exc_info = record.exc_text = None
        return None if error is None else failures.in_short(error, self._project)


class _OthersLeftOut(_LessOfRecords):
    """For a library whose own message quotes the exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        short = self.short(record) or "see above"
        record.msg, record.args = f"A task ended with an error: {short}", ()
        return True


class _TracebackLeftOut(_LessOfRecords):
    """For records without a handler, which Python prints with their tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        if short := self.short(record):
            record.msg, record.args = f"{record.getMessage()}\n{short}", ()
        return True


_in_forks: list[_Hooks] = []


def _in_child() -> None:
    if _in_forks:
        traceback.print_exc = _in_forks[-1].in_fork  # type: ignore[assignment]


os.register_at_fork(after_in_child=_in_child)


def _print(text: str) -> None:
    if sys.stderr is not None:
        print(shown(text), file=sys.stderr)  # noqa: T201
