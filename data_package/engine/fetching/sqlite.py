"""SQLite: its own library, since its columns have no type, and each cell has one.

ADBC's driver takes the type of a column from its first rows, and fails on a later cell of another.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from data_package.engine.errors import BuildError
from data_package.engine.fetching.answers import CellKind, SourceAnswer, check_names
from data_package.engine.fetching.refusals import not_answered

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 10_000
_SECONDS_OF_LOCK = 30
# Every integer up to this one is a float, too.
_EXACT = 1 << 53
_ALLOWED = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
# What SQLite says of a query, and the SQLSTATE that means it.
_STATES = {
    "no such table": "42P01",
    "no such column": "42703",
    "no such function": "42883",
    "syntax error": "42601",
    "incomplete input": "42601",
    "ambiguous column": "42702",
    "one statement at a time": "42601",
    "not authorized": "25006",
    "prohibited": "25006",
    "integer overflow": "22003",
}


@contextmanager
def answered(address: str, sql: str, root: Path) -> Iterator[SourceAnswer]:
    """Ask an SQLite file, which is only read, and give its answer while the block runs.

    `root` is where a relative path in the address starts. Raises BuildError without an answer.
    """
    path = root / unquote(address.partition("://")[2].removeprefix("/"))
    if not path.is_file():
        raise BuildError(f"There is no database {path}.")
    refused = BuildError("")
    try:
        with closing(_opened(path)) as connection:
            cursor = connection.execute(sql.strip())
            if cursor.description is None:
                raise not_answered("", "42601", sql)
            yield _answer(cursor)
            return
    except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as error:
        refused = _refused(error, sql)
    raise refused


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_SECONDS_OF_LOCK
    )
    connection.execute("pragma trusted_schema = off")
    connection.execute("pragma query_only = on")
    connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
    )
    return connection


def _refused(error: Exception, sql: str) -> BuildError:
    words = str(error)
    if "UTF-8" in words or isinstance(error, UnicodeDecodeError):
        return BuildError(
            "The query failed: a text in the database is not UTF-8.\n"
            "Ask for its bytes, cast(name as blob), or have the database corrected."
        )
    if "locked" in words:
        return BuildError("The query failed: another program has locked the database. Fetch again.")
    if "disk image is malformed" in words or "not a database" in words:
        return BuildError("The database is damaged, or is not an SQLite file.")
    state = next((code for theirs, code in _STATES.items() if theirs in words), "")
    return not_answered(words, state, sql)


def _answer(cursor: sqlite3.Cursor) -> SourceAnswer:
    names = [str(column[0]) for column in cursor.description]
    check_names(names)
    seen: list[set[type]] = [set() for _ in names]
    # InstrumentColumns with an integer that is not exactly a float.
    beyond: set[int] = set()

    def kinds() -> dict[str, CellKind]:
        found = {
            name: _kind(types, is_beyond=i in beyond)
            for i, (name, types) in enumerate(zip(names, seen, strict=True))
        }
        return {name: kind for name, kind in found.items() if kind is not None}

    return SourceAnswer(_batches(cursor, names, seen, beyond), kinds)


def _batches(
    cursor: sqlite3.Cursor, names: list[str], seen: list[set[type]], beyond: set[int]
) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    schema = pa.schema([(name, pa.large_string()) for name in names])
    empty = pa.array([], pa.large_string())
    yield pa.RecordBatch.from_arrays([empty for _ in names], schema=schema)
    while rows := cursor.fetchmany(_ROWS):
        columns = []
        for i, cells in enumerate(zip(*rows, strict=True)):
            seen[i] |= {type(cell) for cell in cells if cell is not None}
            if any(isinstance(cell, int) and abs(cell) > _EXACT for cell in cells):
                beyond.add(i)
            columns.append(pa.array(map(_text, cells), pa.large_string(), size=len(cells)))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _text(cell: object) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return cell.hex() if isinstance(cell, bytes) else repr(cell)


def _kind(types: set[type], *, is_beyond: bool) -> CellKind | None:
    """What all cells of a column are; None for text, and for those of several kinds."""
    if types == {int}:
        return CellKind.WHOLE
    if types == {bytes}:
        return CellKind.BYTES
    if types == {float} or (types == {int, float} and not is_beyond):
        return CellKind.FLOAT
    return None
