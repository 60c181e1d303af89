"""What a table's function uses besides its inputs: observed while it runs, and reported.

Python reports each file, folder, database, host and program that is used (audit events). It does
not report what Rust and C open themselves; for a lazy frame, the query plan does. Only what the
user's own code asks for counts, and only its place in the code is kept: no path and no value. A
name is shown only if it is literal in the code.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import cache, cached_property
from pathlib import Path
from types import FrameType
from typing import Any, Final

import polars as pl

from data_package.engine.own_code import is_library
from data_package.engine.storage import recalled, remember
from data_package.engine.tables.passing import passed_on
from data_package.engine.tables.table import Table

_ENGINE: Final = f"{Path(__file__).resolve().parents[1]}{os.sep}"
_CODE: Final = (".py", ".pyc", ".so")
# The machine itself; results that depend on it are not considered here.
_SYSTEM: Final = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib", "/opt/conda/")
_SCAN: Final = re.compile(r"^\s*\w+ SCAN \[([^\]\n]*)\]", re.MULTILINE)
_CURE: Final = "make it a raw file with source_file"
_WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
# The folder of the sockets through which Python's processes get their tasks.
_POOL: Final = "pymp-"
_IN_PROCESS: Final = "take every file that it reads as an input"
_ANSWER: Final = "write the answer to a file, and make that a raw file with source_file"


class Watch:
    """What one run of a function uses."""

    def __init__(self, tables: Sequence[Table]) -> None:
        """`tables`: that the function makes."""
        self.tables = tables
        self.found: set[str] = set()
        self._written: set[str] = set()

    def opens(self, frame: FrameType, path: object, mode: object, flags: object) -> None:
        """A file is opened: one that is written to is not an input, also when it is read again."""
        if not isinstance(path, str | bytes | os.PathLike):
            return
        place = os.path.abspath(os.fsdecode(path))
        writes = any(sign in mode for sign in "wax") if isinstance(mode, str) else False
        if writes or (mode is None and isinstance(flags, int) and flags & _WRITING):
            self._written.add(place)
        elif self._is_foreign(place):
            self.record(frame, "opens a file that is not an input", place, _CURE)

    def makes(self, _frame: FrameType, path: object, *_: object) -> None:
        """A folder is made: what is in it was made by the function."""
        if isinstance(path, str | bytes | os.PathLike):
            self._written.add(os.path.abspath(os.fsdecode(path)))

    def lists(self, frame: FrameType, path: object = ".", *_: object) -> None:
        """A folder is listed."""
        path = "." if path is None else path
        if isinstance(path, str | bytes | os.PathLike):
            place = os.path.abspath(os.fsdecode(path))
            if self._is_foreign(place):
                self.record(frame, "lists a folder that is not an input", place, _CURE)

    def queries(self, frame: FrameType, database: object) -> None:
        """An SQLite database is opened."""
        if not isinstance(database, str | bytes | os.PathLike):
            return
        place = os.fsdecode(database)
        if place not in ("", ":memory:") and self._is_foreign(os.path.abspath(place)):
            self.record(frame, "queries a database that is not an input", place, _CURE)

    def connects(self, frame: FrameType, _socket: object, address: object) -> None:
        """A host, or a server on this machine, is connected to."""
        if isinstance(address, str) and os.path.basename(os.path.dirname(address)).startswith(
            _POOL
        ):
            self.forks(frame)
            return
        host = address[0] if isinstance(address, tuple) and address else address
        self.record(frame, "connects to a host or a database server", str(host), _ANSWER)

    def forks(self, frame: FrameType, *_: object) -> None:
        """A process is started, and what it reads is not seen."""
        self.record(frame, "starts a process, and what it reads is not seen", "", _IN_PROCESS)

    def runs(self, frame: FrameType, program: object, *_: object) -> None:
        """Another program is started."""
        name = os.fsdecode(program) if isinstance(program, str | bytes | os.PathLike) else ""
        self.record(frame, "runs another program", name, "make its result a raw file")

    def scans(self, frame: pl.LazyFrame) -> None:
        """A query is run: its plan names the files that it reads."""
        with suppress(pl.exceptions.PolarsError):
            for listed in _SCAN.findall(frame.explain(optimized=False)):
                for path in listed.split(", "):
                    place = os.path.abspath(path)
                    if os.path.isfile(place) and self._is_foreign(place):
                        where = self.tables[0].place
                        self.found.add(f"{where} scans a file that is not an input: {_CURE}")

    def record(self, frame: FrameType, what: str, name: str, cure: str) -> None:
        """Keep the place in the user's code, and the name if it is literal there."""
        project = self.tables[0].project
        file = frame.f_code.co_filename
        path = Path(file)
        shown = project.relative(path) if path.is_relative_to(project.root) else path.name
        base = os.path.basename(name.rstrip("/"))
        named = f" ({base})" if base and base in _source(file) else ""
        self.found.add(f"{shown}:{frame.f_lineno} {what}{named}: {cure}")

    def _is_foreign(self, place: str) -> bool:
        """Whether a file is neither an input, nor code, nor made here, nor a library's."""
        project = self.tables[0].project
        own = (f"{project.places.history}{os.sep}", f"{project.places.state}{os.sep}")
        return os.path.exists(place) and not (
            place in self._written
            or any(place.startswith(f"{made}{os.sep}") for made in self._written)
            or place.endswith(_CODE)
            or place.startswith((*_SYSTEM, *own, _ENGINE))
            or is_library(place)
            or place in self._inputs
        )

    @cached_property
    def _inputs(self) -> set[str]:
        from data_package.engine.tables.catalogue import catalogue_of

        found: set[str] = set()
        for table in self.tables:
            catalogue = catalogue_of(table.project)
            for key in table.inputs.values():
                if (other := catalogue.tables.get(key)) is not None:
                    found.update(str(file) for file in other.files())
                elif (file := catalogue.deliveries.files.get(key.to_user_string())) is not None:
                    found.update(os.path.abspath(p) for p in file.resolve(table.project.root))
        return found


# Of a thread, and of a task: that of an asynchronous function has a context of its own, which its
# threads take over, and is gone when the function's table is written.
_thread = threading.local()
_here: ContextVar[Watch | None] = ContextVar("watch", default=None)
_running: list[Watch] = []
_busy = threading.local()
_EVENTS: Final[dict[str, Callable[..., None]]] = {
    "open": Watch.opens,
    "os.mkdir": Watch.makes,
    "os.listdir": Watch.lists,
    "os.scandir": Watch.lists,
    "sqlite3.connect": Watch.queries,
    "socket.connect": Watch.connects,
    "socket.sendto": Watch.connects,
    "subprocess.Popen": Watch.runs,
    "os.fork": Watch.forks,
    "os.forkpty": Watch.forks,
    "os.system": Watch.runs,
    "os.exec": Watch.runs,
    "os.posix_spawn": Watch.runs,
    "pty.spawn": Watch.runs,
}


def begin(tables: Sequence[Table]) -> Watch:
    """Start recording what a function of this thread uses."""
    _install()
    watch = Watch(tables)
    go_on(watch)
    return watch


def go_on(watch: Watch) -> None:
    """Resume recording for a function that yields its results."""
    end()
    _here.set(watch)
    _thread.watch = watch
    _running.append(watch)


def current() -> Watch | None:
    """What is being recorded in this thread."""
    watch: Watch | None = _here.get() or getattr(_thread, "watch", None)
    return watch if watch in _running else None


def end() -> None:
    """Stop recording, and keep what was seen, for `seen`."""
    watch = current()
    _here.set(None)
    _thread.watch = None
    if watch is None:
        return
    _running.remove(watch)
    for table in watch.tables:
        if not passed_on("used", table.name, sorted(watch.found)):
            keep(table, watch.found)


def keep(table: Table, found: Collection[str]) -> None:
    """Keep what a function was seen to use, for `seen`."""
    path = _path(table)
    # What one partition uses, another need not.
    uses = {*found, *(seen(table) if table.partitioned else ())}
    if uses or path.is_file():
        note = {"fingerprint": table.fingerprint.digest, "uses": sorted(uses)}
        remember(path, json.dumps(note, indent=1))


def seen(table: Table) -> list[str]:
    """What the table's present function was last seen to use besides its inputs."""

    def uses(note: Mapping[str, Any]) -> list[str]:
        if note["fingerprint"] != table.fingerprint.digest:
            return []
        return [str(use) for use in note["uses"]]

    return recalled(_path(table), uses, [])


def _path(table: Table) -> Path:
    return table.project.places.outside / f"{table.resource}.json"


@cache
def _install() -> None:
    """Install the audit hook once, when it is needed: it cannot be removed again."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    note = _EVENTS.get(event)
    if note is None or not _running or getattr(_busy, "here", False):
        return
    watch = current()
    if watch is None and len(_running) == 1 and _is_side_thread():
        # A thread that the function has started, as far as its stack shows.
        watch = _running[0]
    if watch is None:
        return
    _busy.here = True
    try:
        frame = _asking(sys._getframe(1))
        if frame is not None:
            note(watch, frame, *arguments)
    except Exception:  # noqa: BLE001
        # Recording must never disturb what is recorded.
        return
    finally:
        _busy.here = False


def _asking(innermost: FrameType) -> FrameType | None:
    """The innermost frame of the user's code that a table's function runs in; None elsewhere."""
    if innermost.f_code.co_filename.startswith("<frozen importlib"):
        return None
    asking: FrameType | None = None
    for frame in _outwards(innermost):
        file = frame.f_code.co_filename
        if file.startswith(_ENGINE):
            if asking is not None:
                return asking
        elif asking is None and _is_own(file):
            asking = frame
    return asking if _is_side_thread() else None


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


@cache
def _is_own(file: str) -> bool:
    return file.endswith(".py") and not is_library(file)


def _is_side_thread() -> bool:
    return threading.current_thread() is not threading.main_thread()


@cache
def _source(file: str) -> str:
    with suppress(OSError):
        return Path(file).read_text(encoding="utf-8", errors="replace")
    return ""
