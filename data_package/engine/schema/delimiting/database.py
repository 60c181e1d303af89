"""Tables and queries of SQLite and DuckDB files as delimited text; the files are only read."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from data_package.engine.schema.delimiting.grid import in_cells, written, written_row
from data_package.engine.schema.delimiting.source import Delimited, Pieces
from data_package.engine.schema.delimiting.values import as_text
from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.unreadable import CheckError, one_of

_ROWS = 10_000
_NAMED = 20
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
# Virtual tables run code of their own, and keep their rows in tables that are named after them.
_SQLITE_TABLES = """
with virtual as (select name from sqlite_schema where sql like 'create virtual table%')
select name from sqlite_schema where type in ('table', 'view')
and name not like 'sqlite!_%' escape '!' and name not in (select name from virtual)
and name not in (select virtual.name || '_' || parts.value from virtual, (
    select 'data' as value union select 'idx' union select 'content' union select 'docsize'
    union select 'config' union select 'segments' union select 'segdir' union select 'stat'
    union select 'node' union select 'parent' union select 'rowid') as parts)
order by rowid
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of database: how a file begins, is opened, lists its tables and gives rows."""

    magic: bytes
    magic_at: int
    listing: str
    open: Callable[[Path], Any]
    pieces: Callable[[Path, Any, str], Iterator[bytes]]

    def rows(self, path: Path, dialect: Dialect) -> Delimited:
        """Return a table, or a query's result, as delimited text.

        Raises CheckError for a file that is not such a database, and for a table that is not in it.
        """
        self._refuse_other(path)
        part = "its query" if dialect.query is not None else ""
        if dialect.table is not None:
            part = f"table {dialect.table!r}"
        return Delimited(Pieces(self._pieces(path, dialect)), in_cells(dialect), part, is_grid=True)

    def tables(self, path: Path) -> list[str]:
        """Return the names of a database's tables and views."""
        self._refuse_other(path)
        with _judged(path, of_query=False), closing(self.open(path)) as connection:
            return self._names(connection)
        raise AssertionError

    def _pieces(self, path: Path, dialect: Dialect) -> Iterator[bytes]:
        of_query = dialect.query is not None
        with _judged(path, of_query=of_query), closing(self.open(path)) as connection:
            statement = _statement(path, dialect, self._names(connection))
            yield from self.pieces(path, connection, statement)

    def _names(self, connection: Any) -> list[str]:
        return [str(name) for (name,) in connection.execute(self.listing).fetchall()]

    def _refuse_other(self, path: Path) -> None:
        with path.open("rb") as file:
            beginning = file.read(self.magic_at + len(self.magic))
        if not beginning:
            raise CheckError(f"{path}: the file is empty")
        if beginning[self.magic_at :] != self.magic:
            raise CheckError(
                f"{path}: it is not a database, as its name says; give it the ending that it "
                "should have"
            )


@contextmanager
def _judged(path: Path, *, of_query: bool) -> Iterator[None]:
    """Report what a database raises without its words, which may quote values."""
    try:
        yield
    except (CheckError, OSError):
        raise
    except Exception:  # noqa: BLE001  each library has errors of its own
        raise _damaged(path, query=of_query) from None


def _statement(path: Path, dialect: Dialect, names: list[str]) -> str:
    """Return the query that gives the rows."""
    if dialect.query is not None:
        return dialect.query.strip().removesuffix(";")
    listed = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    table = dialect.table
    if table is None:
        if not names:
            raise CheckError(f"{path}: it has no table")
        if len(names) > 1:
            raise one_of(path, "tables", "table", names)
        table = names[0]
    if table not in names:
        raise CheckError(
            f"{path}: it has no table {table!r} that can be read; its tables are {listed or 'none'}"
        )
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


def _sqlite_pieces(path: Path, connection: Any, statement: str) -> Iterator[bytes]:
    cursor = connection.execute(statement)
    if cursor.description is None:
        raise _damaged(path, query=True)
    names = [str(column[0]) for column in cursor.description]
    yield written_row(names)
    schema = {str(i): pl.String for i in range(len(names))}
    while found := cursor.fetchmany(_ROWS):
        cells = [list(map(_cell, row)) for row in found]
        yield written(pl.DataFrame(cells, schema=schema, orient="row"), blank_rows=False)


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
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "allow_unsigned_extensions": "false",
        "lock_configuration": "true",
    }
    return duckdb.connect(str(path), read_only=True, config=settings)


def _duckdb_pieces(path: Path, connection: Any, statement: str) -> Iterator[bytes]:
    if [one.type.name for one in connection.extract_statements(statement)] != ["SELECT"]:
        raise _damaged(path, query=True)
    # A comment may end the query.
    found = connection.sql(f"from ({statement}\n)")
    yield written_row(list(found.columns))
    cells = ", ".join(
        _as_shared(str(dtype), f"#{i}") for i, dtype in enumerate(found.types, start=1)
    )
    result = connection.sql(f"select {cells} from ({statement}\n)")  # noqa: S608
    for batch in _batches(result):
        names = [str(i) for i in range(batch.num_columns)]
        frame = pl.DataFrame(batch.rename_columns(names))
        texts = pl.DataFrame([as_text(column) for column in frame])
        yield written(texts, blank_rows=False)


def _as_shared(dtype: str, column: str) -> str:
    """Return an expression for a column, of a type that Polars has."""
    if dtype.endswith("]") or dtype.startswith(("STRUCT", "MAP", "UNION")):
        return f"cast(to_json({column}) as varchar)"
    return column if dtype.partition("(")[0] in _SHARED else f"cast({column} as varchar)"


def _batches(result: Any) -> Iterator[Any]:
    # Version 2 has the first name, version 1 the second.
    read = getattr(result, "to_arrow_reader", None) or result.fetch_arrow_reader
    yield from read(_ROWS)


ENGINES = {
    "sqlite": Engine(
        b"SQLite format 3\0",
        0,
        _SQLITE_TABLES,
        _open_sqlite,
        _sqlite_pieces,
    ),
    "duckdb": Engine(
        b"DUCK",
        8,
        "select table_name from information_schema.tables "
        "where table_schema = 'main' order by table_name",
        _open_duckdb,
        _duckdb_pieces,
    ),
}
