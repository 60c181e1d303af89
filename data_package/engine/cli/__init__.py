"""The command `data-package`: one thin module per verb.

What is imported here is imported by every command, so it is very little: a build that has nothing
to do is answered before click, Dagster or Polars are imported. What does not belong here: decisions
about tables; a verb parses its options, calls a room and prints the result.
"""

import atexit
import errno
import gc
import io
import os
import resource
import signal
import stat
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from data_package.engine import unusable
from data_package.engine.cli.shortcut import shortcut
from data_package.engine.errors import DataPackageError, shown

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_FRAMES_SHOWN = 6
_PRIVATE = 0o077
_STDOUT, _STDERR = 1, 2
# Added to the number of the signal that ended a command.
_BY_SIGNAL = 128
# Importing makes many thousand objects, and none of them is ever garbage.
_RARELY = 50_000, 20, 100
# How long an interrupted command may take to close what is open; then Linux ends the process.
_PATIENCE_SECONDS = 10
_asked_by: int | None = None


def main() -> None:
    """Run the command; a failure the user can do something about ends without a traceback."""
    ending = _Ending()
    # Registered first, so called last: after the threads and all other exit handlers.
    atexit.register(ending.at_once)
    try:
        _run()
        ending.code = 0
    except SystemExit as end:
        ending.code = end.code if isinstance(end.code, int) else None
        raise
    except OSError as error:
        ending.code = 1
        if error.errno in unusable.NO_ROOM and error.filename is None:
            # It may be the output: the error does not name the place.
            _print_error(f"There is no space left: {error.strerror}. What was finished is kept.")
        elif error.errno in unusable.OF_THE_PLACE:
            # A name that is too long is the project's.
            ending.code = 2 if error.errno == errno.ENAMETOOLONG else 1
            _print_error(shown(unusable.why(error)))
        elif error.errno != errno.EPIPE:
            _print_error(_of_a_fault(error))
    except Exception as error:  # noqa: BLE001 (its message may hold a value, and is not shown)
        ending.code = 1
        _print_error(_of_a_fault(error))


def _of_a_fault(error: BaseException) -> str:
    """Where the engine failed, without the exception's message, which may quote a row."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join(
        [
            f"data-package itself failed, with {type(error).__name__}. Where:",
            *lines[-_FRAMES_SHOWN:],
            "No file was left half-written. Please report these lines.",
        ]
    )


def _say_that_nobody_catches(args: "sys.UnraisableHookArgs | threading.ExceptHookArgs") -> None:
    """Say in a line of what kind an exception is that Python would print, message and all."""
    error = args.exc_value
    if error is None or isinstance(error, SystemExit):
        return
    known = type(error).__module__ == "builtins"
    kind = type(error).__name__ if known else "of a library"
    number = error.errno if isinstance(error, OSError) else None
    reason = f" ({os.strerror(number)})" if isinstance(number, int) else ""
    _print_error(f"An error that nothing can catch: {kind}{reason}.")


class _CutOff(io.FileIO):
    """An output whose reader may close it, as `head` does: then the rest is dropped silently."""

    def write(self, data: "Buffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            gone = os.open(os.devnull, os.O_WRONLY)
            os.dup2(gone, self.fileno())
            os.close(gone)
            return memoryview(data).nbytes


def _bear_cut_pipes() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not (type(stream) is io.TextIOWrapper and _is_pipe(stream)):
            continue
        stream.flush()
        raw = _CutOff(stream.fileno(), "wb", closefd=False)
        buffered = io.BufferedWriter(raw)
        setattr(
            sys,
            name,
            io.TextIOWrapper(
                buffered, stream.encoding, "replace", line_buffering=stream.line_buffering
            ),
        )


def _keep_results_apart() -> None:
    """Let the output be JSON alone: what functions print goes to the error output."""
    from data_package.engine.cli import say

    if sys.stdout is None:
        return
    sys.stdout.flush()
    raw = _CutOff(os.dup(_STDOUT), "wb")
    say.results = io.TextIOWrapper(io.BufferedWriter(raw), sys.stdout.encoding, "replace")
    os.dup2(_STDERR, _STDOUT)


def _is_pipe(stream: io.TextIOWrapper) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


class _Ending:
    """Ends the process without tearing down what was imported, object by object.

    The teardown takes a quarter of the time of the imports. An unexpected end, `code` None, is left
    to Python.
    """

    code: int | None = None

    def at_once(self) -> None:
        if self.code is None:
            return
        try:
            for stream in (sys.stdout, sys.stderr):
                # It is None where the shell closed it.
                if stream is not None:
                    stream.flush()
        except OSError as error:
            self.code = self.code or 1
            if error.errno != errno.EPIPE:
                _print_error(f"The output cannot be written: {error.strerror}.")
        os._exit(self.code)


def _print_error(text: str) -> None:
    """Write to standard error directly, since the streams may be what failed."""
    with suppress(OSError):
        os.write(_STDERR, f"{text}\n".encode())


def _take_closed_descriptors() -> None:
    """Open the standard descriptors if they are closed, so that no file gets their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)


def _run() -> None:
    sys.unraisablehook = threading.excepthook = _say_that_nobody_catches
    os.umask(_PRIVATE)
    # A core dump of a crashed process would hold rows.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _take_closed_descriptors()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows ASCII only shows `?` for a tick.
            stream.reconfigure(errors="replace")
    _bear_cut_pipes()
    if (answer := shortcut(sys.argv[1:])) is not None:
        print(answer)  # noqa: T201
        return
    gc.set_threshold(*_RARELY)
    import click

    from data_package.engine.cli.verbs import command

    if "--json" in sys.argv:
        _keep_results_apart()
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        # `nohup` has it ignored.
        signal.signal(signal.SIGHUP, _hang_up)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command.main(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        vars(error)["message"] = shown(error.message)
        error.show()
        sys.exit(2)
    except DataPackageError as error:
        click.echo(shown(str(error)), err=True)
        sys.exit(error.exit_code)
    except SystemExit:
        raise
    except BaseException as error:
        if not (_asked_by or isinstance(error, click.Abort) or _is_interruption(error)):
            raise
        # A second request while the process ends means at once.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(_PATIENCE_SECONDS)
        with suppress(OSError):
            # The terminal may be closed.
            click.echo("Interrupted. What was finished is kept.", err=True)
        sys.exit(_BY_SIGNAL + (_asked_by or signal.SIGINT))


def _is_interruption(error: BaseException | None) -> bool:
    """Whether it comes from Ctrl-C: during the creation of a class it becomes another error."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _end(number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C, so that everything open is closed."""
    global _asked_by
    _asked_by = number
    raise KeyboardInterrupt


def _hang_up(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl-C at this moment: Dagster has its own way to do so during a run."""
    global _asked_by
    _asked_by = number
    if callable(interrupt := signal.getsignal(signal.SIGINT)):
        interrupt(signal.SIGINT, frame)
    else:
        # A shell lets Ctrl-C be ignored by what it starts in the background.
        raise KeyboardInterrupt
