"""Small facts by name, kept in one file that grows by a line for each that changes.

A run of ten thousand tables notes ten thousand facts, and must not write all of them each time. A
line that cannot be read, of a power cut say, is left out: what it held is found out again.
"""

import functools
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from data_package.engine.staleness.journal import Stamp, stamp_of
from data_package.engine.storage import (
    PRIVATE_FILE,
    make_private_folder,
    read_file,
    write_private,
)

Fact = Mapping[str, str]
# How many outdated lines may be left before the file is written again.
_OLD_LINES = 1000


class Ledger:
    """The facts of one file; what other processes have added since is seen."""

    def __init__(self, path: Path) -> None:
        """`path`: of the file, which need not be there."""
        self._path = path
        self._guard = threading.Lock()
        self._stamp: Stamp | None = None
        self._facts: dict[str, Fact] = {}
        self._lines = 0

    def get(self, name: str) -> Fact | None:
        """What is known under a name."""
        with self._guard:
            self._look()
            return self._facts.get(name)

    def all(self) -> dict[str, Fact]:
        """Everything that is known now, by name."""
        with self._guard:
            self._look()
            return dict(self._facts)

    def put(self, name: str, fact: Fact | None) -> None:
        """Remember a fact instead of what was known under its name; None to forget that."""
        with self._guard:
            self._look()
            if self._facts.get(name) == fact:
                return
            if fact is None:
                del self._facts[name]
            else:
                self._facts[name] = fact
            if self._lines > 2 * len(self._facts) + _OLD_LINES:
                self._lines = len(self._facts)
                text = "".join(_line(key, one) for key, one in self._facts.items())
                write_private(self._path, text)
            else:
                self._lines += 1
                self._append(_line(name, fact))
            self._stamp = stamp_of(self._path)

    def _append(self, line: str) -> None:
        make_private_folder(self._path.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        handle = os.open(self._path, flags, PRIVATE_FILE)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def _look(self) -> None:
        stamp = stamp_of(self._path)
        if stamp == self._stamp:
            return
        self._stamp, self._facts, self._lines = stamp, {}, 0
        try:
            text = read_file(self._path).decode(errors="replace")
        except OSError:
            return
        for line in filter(None, text.split("\n")):
            self._lines += 1
            name, fact = _read(line)
            if fact is not None:
                self._facts[name] = fact
            else:
                self._facts.pop(name, None)


@functools.cache
def ledger(path: Path) -> Ledger:
    """The one of a file in this process."""
    return Ledger(path)


def _line(name: str, fact: Fact | None) -> str:
    # Behind a line break: the line before may have been torn.
    return "\n" + json.dumps([name, fact], sort_keys=True)


def _read(line: str) -> tuple[str, Fact | None]:
    try:
        name, fact = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return "", None
    texts = isinstance(fact, dict) and all(isinstance(one, str) for one in fact.values())
    return (name, fact) if isinstance(name, str) and texts else (str(name), None)
