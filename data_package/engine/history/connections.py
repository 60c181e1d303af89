"""Connections to SQLite databases that are opened once in a process."""

import os
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

# The index, the run that is written, and some that a page of the web server looks at.
_KEPT_OPEN = 8
# As in Dagster's own storage.
_SECONDS_FOR_OTHERS = 30


class KeptConnections:
    """Connections by the path of their database; the most recently used stay open."""

    def __init__(self) -> None:
        """Begin with no open connection."""
        self._open: OrderedDict[tuple[int, str], Connection] = OrderedDict()
        self._lock = threading.RLock()
        # Those of which the transaction goes on, while several are made together; since when; and
        # how many blocks of such are open.
        self._unsettled: dict[int, sqlite3.Connection] = {}
        self._since = 0.0
        self._blocks = 0

    @contextmanager
    def transaction(
        self, path: str, address: str, prepare: Callable[[], None] | None = None
    ) -> Iterator[Connection]:
        """A connection in a transaction, which is committed at the end.

        One connection serves all threads, one at a time. `address` is the database's URL;
        `prepare` is called before it is opened.
        """
        with self._lock:
            connection = self._connection(path, address, prepare)
            if connection.in_transaction():
                yield connection
                return
            with connection.begin():
                yield connection

    @contextmanager
    def plain(
        self, path: str, address: str, prepare: Callable[[], None] | None = None
    ) -> Iterator[sqlite3.Connection]:
        """The driver's own connection, in its own transaction."""
        with self._lock:
            connection = self._connection(path, address, prepare)
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            if self._blocks or self._unsettled:
                self._since = self._since if self._unsettled else time.monotonic()
                self._unsettled[id(driver)] = driver
                yield driver
                return
            with driver:
                yield driver

    @contextmanager
    def together(self, within_seconds: float = 0.0) -> Iterator[None]:
        """Commit all that is done in the block, when it ends, however it ends.

        Or up to so many seconds later, at the end of another block; `settle` does not wait.
        """
        with self._lock:
            self._blocks += 1
            try:
                yield
            finally:
                self._blocks -= 1
                if not self._blocks and time.monotonic() - self._since >= within_seconds:
                    self.settle()

    def settle(self) -> None:
        """Commit what is not committed yet."""
        with self._lock:
            drivers, self._unsettled = self._unsettled, {}
            for driver in drivers.values():
                driver.commit()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self.settle()
            for connection in self._open.values():
                _close(connection)
            self._open.clear()

    def _connection(
        self, path: str, address: str, prepare: Callable[[], None] | None
    ) -> Connection:
        # A forked process must not use the connections of its parent.
        key = os.getpid(), path
        if key in self._open and os.path.exists(path):  # noqa: PTH110 (asked for every event)
            self._open.move_to_end(key)
            return self._open[key]
        if prepare is not None:
            prepare()
        if stale := self._open.pop(key, None):
            _close(stale)
        self._open[key] = _connect(address)
        while len(self._open) > _KEPT_OPEN:
            self.settle()
            _close(self._open.popitem(last=False)[1])
        return self._open[key]


def _connect(address: str) -> Connection:
    """Open a database so that a commit goes to the write-ahead log.

    Only a power cut can lose what is in it, never the end of a process.
    """
    engine = create_engine(
        address,
        poolclass=StaticPool,
        connect_args={"timeout": _SECONDS_FOR_OTHERS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _relax)
    return engine.connect()


def _close(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()


def _relax(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
