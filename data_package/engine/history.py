"""The history of runs: Dagster's SQLite storage, with connections that are kept.

The stock storage opens a database anew for each of some twenty events a table, and waits for the
disk at each. Here a database stays open, and a commit goes to the write-ahead log, which survives
the end of the process however it comes. Same files, same tables: the stock web server reads them.
"""

import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from dagster import _check as check
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from data_package.engine.errors import ProjectError

# SQLite is addressed by a URL, which Dagster puts together without quoting.
_NOT_IN_ADDRESS = re.compile(r"\?|%[0-9A-Fa-f]{2}")

# The index, the run that is written, and some that a page of the web server looks at.
_KEPT_OPEN = 8


class HistoryStorage(DagsterSqliteStorage):
    """What `dagster.yaml` names as the project's storage."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """`base_dir`: the folder of the databases, laid out as Dagster's own."""
        if _NOT_IN_ADDRESS.search(base_dir):
            raise ProjectError(
                f"The history cannot be kept in {base_dir}: in the name of a folder, a question "
                "mark or a % before two digits means something else to its database.\n"
                "Rename the folder."
            )
        super().__init__(base_dir, inst_data)
        self._event_log_storage = _EventLog(str(Path(base_dir, "history", "runs")))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make it as Dagster does from the configuration."""
        return cls.from_local(inst_data=inst_data, **config_value)


class _EventLog(SqliteEventLogStorage):
    """Dagster's event log; each database is opened once in a process."""

    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[tuple[int, str], Engine] = OrderedDict()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        # One connection serves all threads, one at a time, as the lock of the stock class has it.
        with self._db_lock:
            engine = self._engine(check.str_param(shard, "shard"))
            with engine.connect() as connection, connection.begin():
                yield connection

    def dispose(self) -> None:
        """Close what is open."""
        with self._db_lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()
        super().dispose()

    def _engine(self, shard: str) -> Engine:
        # A forked process must not use the connections of its parent.
        key = os.getpid(), shard
        if key in self._engines and Path(self.path_for_shard(shard)).exists():
            self._engines.move_to_end(key)
            return self._engines[key]
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _relax)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._engines[key] = engine
        while len(self._engines) > _KEPT_OPEN:
            self._engines.popitem(last=False)[1].dispose()
        return engine


def _relax(connection: object, _record: object) -> None:
    """Let a commit end in the write-ahead log: only a power cut can lose it, never a kill."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
