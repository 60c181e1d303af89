"""Connections to SQLite databases that are opened once in a process."""

import os
import sqlite3
import threading
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
        # Those of which the transaction goes on, while several are made together.
        self._together: list[sqlite3.Connection] | None = None

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
            if self._together is not None:
                self._together.append(driver)
                yield driver
                return
            with driver:
                yield driver

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit all that is done in the block, when it ends, however it ends."""
        with self._lock:
            if self._together is not None:
                yield
                return
            self._together = []
            try:
                yield
            finally:
                drivers, self._together = self._together, None
                for driver in {id(one): one for one in drivers}.values():
                    driver.commit()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
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
