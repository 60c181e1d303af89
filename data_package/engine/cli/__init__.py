"""The command `data-package`: one thin module per verb.

What is imported here is imported by every command, so it is next to nothing: a build that has
nothing to do is answered before click, Dagster or Polars are looked for.
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
_STDERR = 2
_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM
# Importing makes many thousand objects, and none of them is ever garbage.
_RARELY = 50_000, 20, 100
# For what is still open when the user has asked for the end; Linux ends the process after it.
_PATIENCE_SECONDS = 10
_asked_to_end = False


def main() -> None:
    """Run the command; a failure the user can do something about ends without a traceback."""
    ending = _Ending()
    # Registered first, so called last: after the threads and all else that has to end in order.
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
            # It may be the output: which place it was, nobody knows.
            _say(f"There is no room left: {error.strerror}. What was finished is kept.")
        elif error.errno in unusable.OF_THE_PLACE:
            _say(shown(unusable.why(error)))
        elif error.errno != errno.EPIPE:
            _say(_of_a_fault(error))
    except Exception as error:  # noqa: BLE001 (what it says may hold a value, and is not shown)
        ending.code = 1
        _say(_of_a_fault(error))


def _of_a_fault(error: BaseException) -> str:
    """Where the engine failed, without the words of the exception: they may quote a row."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join(
        [
            f"data-package itself failed, with {type(error).__name__}. Where:",
            *lines[-_FRAMES_SHOWN:],
            "Nothing half-written is in place. Please report these lines.",
        ]
    )


class _CutOff(io.FileIO):
    """An output whose reader may leave, as `head` does: the rest is not written, and no failure."""

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


def _is_pipe(stream: io.TextIOWrapper) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


class _Ending:
    """The end of the process without taking apart what was imported, object by object.

    That takes a quarter as long as importing it took. An end that was not foreseen, `code` None,
    is left to Python.
    """

    code: int | None = None

    def at_once(self) -> None:
        if self.code is None:
            return
        try:
            for stream in (sys.stdout, sys.stderr):
                # There is none where the shell closed it.
                if stream is not None:
                    stream.flush()
        except OSError as error:
            self.code = self.code or 1
            if error.errno != errno.EPIPE:
                _say(f"The output cannot be written: {error.strerror}.")
        os._exit(self.code)


def _say(text: str) -> None:
    """Say it past the streams, which may be what failed."""
    with suppress(OSError):
        os.write(_STDERR, f"{text}\n".encode())


def _take_closed_descriptors() -> None:
    """No file may become what libraries take for the standard output or the standard error."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)


def _run() -> None:
    os.umask(_PRIVATE)
    # What is left of a process that crashed would hold rows.
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

    signal.signal(signal.SIGTERM, _end)
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
        if not (_asked_to_end or isinstance(error, click.Abort) or _is_interruption(error)):
            raise
        # Who asks again while the process ends does not want to wait.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(_PATIENCE_SECONDS)
        click.echo("Interrupted. What was finished is kept.", err=True)
        sys.exit(_TERMINATED if _asked_to_end else _INTERRUPTED)


def _is_interruption(error: BaseException | None) -> bool:
    """Whether Ctrl-C is what it comes from: a class that is being imported makes another error."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _end(_signal: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C, so that what is open is let go of."""
    global _asked_to_end
    _asked_to_end = True
    raise KeyboardInterrupt
