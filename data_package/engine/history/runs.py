"""Dagster's storages of runs and of schedules, made in one step."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from dagster._core.storage.runs import migration as run_migration
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules import migration as schedule_migration
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection

from data_package.engine.history.connections import KeptConnections
from data_package.engine.history.fresh import is_ready, make_database
from data_package.engine.storage import make_private_folder


class Runs(SqliteRunStorage):
    """The runs, in `runs.db`."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        """`conn_string`: the database's URL."""
        self._kept = KeptConnections()
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """Open it, or make it."""
        path = make_private_folder(Path(base_dir)) / "runs.db"
        if not path.exists():
            done = {
                **run_migration.REQUIRED_DATA_MIGRATIONS,
                **run_migration.OPTIONAL_DATA_MIGRATIONS,
            }
            make_database(path, RunStorageSqlMetadata, done)
        if not is_ready(path):
            return super().from_local(base_dir, inst_data)
        return cls(f"sqlite:///{path.absolute()}", inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection in a transaction."""
        path = self._conn_string.removeprefix("sqlite:///")
        with self._kept.transaction(path, self._conn_string) as connection:
            yield connection

    def dispose(self) -> None:
        """Close all connections."""
        self._kept.close()


class Schedules(SqliteScheduleStorage):
    """The schedules, in `schedules.db`; a build does not use them."""

    @classmethod
    def from_local(
        cls, base_dir: str, inst_data: ConfigurableClassData | None = None
    ) -> SqliteScheduleStorage:
        """Open it, or make it."""
        path = make_private_folder(Path(base_dir)) / "schedules.db"
        if not path.exists():
            done = {
                **schedule_migration.REQUIRED_SCHEDULE_DATA_MIGRATIONS,
                **schedule_migration.OPTIONAL_SCHEDULE_DATA_MIGRATIONS,
            }
            make_database(path, ScheduleStorageSqlMetadata, done)
        if not is_ready(path):
            return super().from_local(base_dir, inst_data)
        return cls(f"sqlite:///{path.absolute()}", inst_data)
