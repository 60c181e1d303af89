"""Entries of the lock file that a build has made and not yet folded into it.

Writing the whole lock after each table would cost a build of N tables N² lines. So a finished
table adds one line here, beside the project's other state, and the lock is written once, when the
build ends. Whoever reads the lock reads both; a line outlives the process that wrote it, however
it ends. The journal belongs to the very lock file that it was begun on: once that is another (git
checked one out, somebody deleted it) its lines no longer count, and those tables are built again.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from data_package.engine.storage import PRIVATE_FILE, remove

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Line:
    """One table, or partition, that was written, and the raw files it read, as plain values."""

    name: str
    table: Mapping[str, object]
    raw: Mapping[str, Mapping[str, object]]
    partition: str | None = None


class Journal:
    """The journal of one lock file; its caller keeps other processes away while it changes."""

    def __init__(self, path: Path) -> None:
        """`path`: of the journal, in a folder that exists once something is added."""
        self._path = path

    def stamp(self) -> Stamp | None:
        """What tells one state of it from another; None where there is nothing."""
        return stamp_of(self._path)

    def add(self, line: Line, lock: Stamp) -> None:
        """Put a line behind the others; the first one says which lock file it belongs to."""
        text = json.dumps(asdict(line)) + "\n"
        if self._lines(lock, most=0) is None:
            self.remove()
            text = json.dumps(lock) + "\n" + text
        with open(self._path, "a", encoding="utf-8", opener=_private) as file:
            file.write(text)

    def read(self, lock: Stamp | None) -> list[Line]:
        """The lines that belong to a lock file, the oldest first."""
        found = []
        for text in self._lines(lock) or ():
            try:
                found.append(Line(**json.loads(text)))
            except (ValueError, TypeError, RecursionError):
                # A power cut tore it: its table counts as never built.
                break
        return found

    def remove(self) -> None:
        """Forget all lines: they are in the lock now."""
        remove(self._path)

    def _lines(self, lock: Stamp | None, most: int | None = None) -> list[str] | None:
        """The lines behind the head; None when the journal is another lock file's, or none."""
        if not self._path.is_file():
            return None
        with (
            suppress(OSError, ValueError, RecursionError),
            self._path.open(encoding="utf-8") as file,
        ):
            if lock is not None and json.loads(file.readline()) == list(lock):
                return list(islice(file, most))
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)


def stamp_of(path: Path) -> Stamp | None:
    """Inode, change time and size of a file; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_ctime_ns, stat.st_size
