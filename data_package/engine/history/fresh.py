"""Making a database of the history in one step, as Dagster's migrations would leave it.

Dagster makes tables, then lets Alembic import its ninety migrations to note which was the last:
half a second for each of the four databases that a first run needs. What it notes stands in the
migrations' files, where it is read here. `test_event_log.py` holds the result against Dagster's.
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
    """Make a database where there is none, whole from the first moment that others see it.

    `done` names the migrations of data that an empty database has no need of.
    """
    temporary = temporary_beside(path)
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        # Nobody else knows the file yet, and it is forced to the disk when it is whole.
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
        # Another process may have made it meanwhile: then that one counts.
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
    """The migration that no other comes after."""
    own: set[str] = set()
    earlier: set[str] = set()
    folder = Path(dagster_storage.__file__).parent / "alembic" / "versions"
    for file in folder.glob("*.py"):
        for down, name in _REVISION.findall(file.read_text(encoding="utf-8")):
            (earlier if down else own).add(name)
    (newest,) = own - earlier
    return newest


def is_ready(path: Path) -> bool:
    """Whether a database is there and has been noted as migrated, by us or by Dagster."""
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
