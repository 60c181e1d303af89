"""Making a database of the history in one step, as Dagster's migrations would leave it.

Dagster makes tables, then lets Alembic import its ninety migrations to note which was the last:
half a second for each of the four databases that a first run needs. What it notes is in the
migrations' files, and is read from there. `test_event_log.py` compares the result with Dagster's.
"""

import functools
import os
import re
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import dagster._core.storage as dagster_storage
from sqlalchemy import MetaData
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from data_package.engine.storage import temporary_beside

_REVISION = re.compile(r'^(down_)?revision = "(\w+)"', re.MULTILINE)


def make_database(path: Path, tables: MetaData, done: Iterable[str]) -> None:
    """Make a database where there is none, complete from the moment that others see it.

    `done` names the data migrations that an empty database does not need.
    """
    temporary = temporary_beside(path)
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        # No other process knows the file yet, and it is flushed to the disk when it is complete.
        for statement in (
            *("PRAGMA journal_mode=MEMORY", "PRAGMA synchronous=OFF", "BEGIN"),
            *_statements(tables),
        ):
            connection.execute(statement)
        connection.execute("INSERT INTO alembic_version VALUES (?)", [newest_revision()])
        connection.executemany(
            "INSERT INTO secondary_indexes (name, migration_completed) VALUES (?, datetime())",
            [(name,) for name in done],
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        # Another process may have made it meanwhile: then that one is used.
        with suppress(FileExistsError):
            _put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _put(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no hard links.
        temporary.rename(path)


@functools.cache
def newest_revision() -> str:
    """The last migration."""
    own: set[str] = set()
    earlier: set[str] = set()
    folder = Path(dagster_storage.__file__).parent / "alembic" / "versions"
    for file in folder.glob("*.py"):
        for down, name in _REVISION.findall(file.read_text(encoding="utf-8")):
            (earlier if down else own).add(name)
    (newest,) = own - earlier
    return newest


def is_ready(path: Path) -> bool:
    """Whether a database exists and is noted as migrated, by us or by Dagster."""
    if not path.is_file():
        return False
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT 1 FROM alembic_version").fetchone() is not None
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def _statements(tables: MetaData) -> list[str]:
    dialect = sqlite.dialect()
    version = (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    made = [version]
    for table in tables.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)))
        made += [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]
    return made
