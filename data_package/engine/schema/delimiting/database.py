"""Tables and queries of SQLite and DuckDB files as delimited text; the files are only read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from data_package.engine.schema.delimiting.grid import written, written_row
from data_package.engine.schema.delimiting.source import Pieces, Source
from data_package.engine.schema.delimiting.values import as_text
from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.unreadable import CheckError

_ROWS = 10_000
_NAMED = 20
_SQLITE = b"SQLite format 3\0"
_DUCK = b"DUCK"
_LONGEST = 1 << 28
_ALLOWED = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
# Types of DuckDB that Polars has, too; others are made text by DuckDB.
_SHARED = (
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "FLOAT", "DOUBLE", "VARCHAR", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S",
    "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "BLOB", "DECIMAL",
)  # fmt: skip


def rows(path: Path, dialect: Dialect) -> tuple[Source, str]:
    """Return a table, or a query's result, as delimited text, and what it is called in messages.

    Raises CheckError for a file that is not a database, and for a table that is not in it.
    """
    with path.open("rb") as file:
        beginning = file.read(16)
    if beginning == _SQLITE:
        made = _sqlite(path, dialect)
    elif beginning[8:12] == _DUCK:
        made = _duckdb(path, dialect)
    else:
        raise CheckError(
            f"{path}: it is not a database of SQLite or DuckDB, as its name says; give it the "
            "ending that it should have"
        )
    part = f"table {dialect.table!r}" if dialect.table is not None else ""
    return Pieces(made), part or ("its query" if dialect.query is not None else "")


def tables(path: Path) -> list[str]:
    """Return the names of a database's tables and views."""
    with path.open("rb") as file:
        is_sqlite = file.read(16) == _SQLITE
    try:
        with closing(_open_sqlite(path) if is_sqlite else _open_duckdb(path)) as connection:
            return _names(connection, is_sqlite=is_sqlite)
    except CheckError:
        raise
    except Exception:  # noqa: BLE001  whatever it is, its words may quote values
        raise _damaged(path, query=False) from None


def _names(connection: Any, *, is_sqlite: bool) -> list[str]:
    listed = (
        "select name from sqlite_schema where type in ('table', 'view') "
        "and name not like 'sqlite!_%' escape '!' order by rowid"
        if is_sqlite
        else "select table_name from information_schema.tables "
        "where table_schema = 'main' order by table_name"
    )
    return [str(name) for (name,) in connection.execute(listed).fetchall()]


def _statement(path: Path, dialect: Dialect, names: list[str]) -> str:
    """Return the query that gives the rows."""
    if dialect.query is not None:
        return dialect.query.strip().removesuffix(";")
    listed = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    table = dialect.table
    if table is None:
        if len(names) != 1:
            held = f"it has {len(names)} tables; name one of them in the dialect, table: {names[0]}"
            what = f"{held}. They are {listed}" if names else "it has no table"
            raise CheckError(f"{path}: {what}")
        table = names[0]
    if table not in names:
        raise CheckError(f"{path}: it has no table {table!r}; its tables are {listed or 'none'}")
    quoted = table.replace('"', '""')
    return f'select * from "{quoted}"'  # noqa: S608  a name of the file's own, quoted


def _damaged(path: Path, *, query: bool) -> CheckError:
    why = (
        "its query cannot be run; try it in the database's own program"
        if query
        else ("the database is damaged, or of a version that is not known; fetch it again")
    )
    return CheckError(f"{path}: {why}")


def _open_sqlite(path: Path) -> sqlite3.Connection:
    for ending in ("-wal", "-journal"):
        beside = path.with_name(path.name + ending)
        if beside.exists() and beside.stat().st_size:
            raise CheckError(
                f"{path}: {beside.name} beside it has changes that are not in the file yet; open "
                "and close it in SQLite, or ask for a whole copy"
            )
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.text_factory = lambda text: text.decode("utf-8", "mark-undecodable")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    connection.execute("pragma trusted_schema = off")
    connection.execute("pragma cell_size_check = on")
    connection.execute("pragma query_only = on")
    connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
    )
    return connection


def _sqlite(path: Path, dialect: Dialect) -> Iterator[bytes]:
    try:
        with closing(_open_sqlite(path)) as connection:
            statement = _statement(path, dialect, _names(connection, is_sqlite=True))
            cursor = connection.execute(statement)
            if cursor.description is None:
                raise _damaged(path, query=True)
            names = [str(column[0]) for column in cursor.description]
            yield written_row(names)
            schema = {str(i): pl.String for i in range(len(names))}
            while found := cursor.fetchmany(_ROWS):
                cells = [list(map(_cell, row)) for row in found]
                yield written(pl.DataFrame(cells, schema=schema, orient="row"))
    except (sqlite3.Error, sqlite3.Warning, MemoryError, OverflowError):
        raise _damaged(path, query=dialect.query is not None) from None


def _cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        text = as_text(pl.Series([value])).item()
        return str(text)
    return str(value)


def _open_duckdb(path: Path) -> Any:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise CheckError(
            f"{path}: it is read with duckdb, which is not installed: "
            "pip install 'data-package[duckdb]'"
        ) from None
    settings: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "allow_unsigned_extensions": "false",
        "lock_configuration": "true",
    }
    return duckdb.connect(str(path), read_only=True, config=settings)


def _duckdb(path: Path, dialect: Dialect) -> Iterator[bytes]:
    try:
        with closing(_open_duckdb(path)) as connection:
            statement = _statement(path, dialect, _names(connection, is_sqlite=False))
            if [one.type.name for one in connection.extract_statements(statement)] != ["SELECT"]:
                raise _damaged(path, query=True)
            # A comment may end the query.
            found = connection.sql(f"from ({statement}\n)")
            yield written_row(list(found.columns))
            cells = ", ".join(
                _as_shared(str(dtype), f"#{i}") for i, dtype in enumerate(found.types, start=1)
            )
            result = connection.execute(f"select {cells} from ({statement}\n)")  # noqa: S608
            for batch in _batches(result):
                names = [str(i) for i in range(batch.num_columns)]
                frame = pl.DataFrame(batch.rename_columns(names))
                yield written(pl.DataFrame([as_text(column) for column in frame]))
    except CheckError:
        raise
    except Exception:  # noqa: BLE001  whatever it is, its words may quote values
        raise _damaged(path, query=dialect.query is not None) from None


def _as_shared(dtype: str, column: str) -> str:
    """Return an expression for a column, of a type that Polars has."""
    if dtype.endswith("]") or dtype.startswith(("STRUCT", "MAP", "UNION")):
        return f"cast(to_json({column}) as varchar)"
    return column if dtype.partition("(")[0] in _SHARED else f"cast({column} as varchar)"


def _batches(result: Any) -> Iterator[Any]:
    # Version 2 has the first name, version 1 the second.
    read = getattr(result, "to_arrow_reader", None) or result.fetch_record_batch
    yield from read(_ROWS)
