"""SQLite: one file that most programs can read, with keys and checks (https://sqlite.org).

Numbers and texts are unchanged; dates and times are ISO 8601, booleans 0 and 1, lists and structs
JSON. Titles, descriptions and labels, for which SQLite has no place, are in separate tables.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from data_package.engine.errors import BuildError
from data_package.engine.export.content import ExportedPackage, ExportedTable, values
from data_package.engine.export.sql import (
    WORDS,
    create_table,
    declared_required,
    quoted,
    words,
)
from data_package.engine.package.csvtwin import cell
from data_package.engine.schema.columns import column
from data_package.engine.storage import PRIVATE_FILE
from data_package.engine.unusable import why_failed

_BATCH_ROWS = 50_000
# https://sqlite.org/limits.html
_MOST_COLUMNS = 2_000


def write(content: ExportedPackage, path: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new database. Raises BuildError when a table breaks what its contract declares."""
    content.refuse_names("SQLite", reserved="sqlite_", most_columns=_MOST_COLUMNS)
    path.touch(PRIVATE_FILE, exist_ok=False)
    base = sqlite3.connect(path, isolation_level=None)
    try:
        # The file is not visible before it is complete, so it needs no journal.
        base.execute("PRAGMA journal_mode = OFF")
        base.execute("PRAGMA synchronous = OFF")
        base.execute("PRAGMA foreign_keys = OFF")
        base.execute("BEGIN")
        for table in content.tables:
            report(f"writing {table.name}")
            _fill(base, table, f"{_declaration(content, table)} STRICT", path)
        _write_words(base, content)
        base.execute("COMMIT")
        if broken := base.execute("PRAGMA foreign_key_check").fetchone():
            raise BuildError(f"A foreign key of {broken[0]} points to a missing row.")
    finally:
        base.close()
    return {table.name: table.rows for table in content.tables}


def _declaration(content: ExportedPackage, table: ExportedTable) -> str:
    types = {name: _type(dtype) for name, dtype in table.columns.items()}
    floats = [name for name, dtype in table.columns.items() if dtype.is_float()]
    nan = table.count({name: column(name).is_nan() for name in floats})
    required = declared_required(table)
    for name, count in nan.items():
        less = ", and the field is not declared NOT NULL" if name in required else ""
        content.notes.append(
            f"{table.name}: {values(count)} of {name}, NaN, which SQLite does not have: NULL "
            f"there{less}."
        )
    keys = content.keys_to(table)
    return create_table(table, types, keys, deferred=True, nullable=frozenset(nan))


def _fill(base: sqlite3.Connection, table: ExportedTable, declaration: str, path: Path) -> None:
    marks = ", ".join("?" * len(table.columns))
    statement = f"INSERT INTO {quoted(table.name)} VALUES ({marks})"  # noqa: S608
    try:
        base.execute(declaration)
        for batch in _batches(table):
            base.executemany(statement, batch.iter_rows())
    except sqlite3.IntegrityError as error:
        # SQLite names the constraint, never the value.
        raise BuildError(
            f"{table.name} breaks its contract: {error}.\nSee which rows: data-package check --rows"
        ) from None
    except (sqlite3.Error, OverflowError) as error:
        if why_failed(error, path):
            # An error of the disk, which `export` reports.
            raise
        raise BuildError(f"{table.name} cannot be written: {type(error).__name__}.") from None


def _batches(table: ExportedTable) -> Iterator[pl.DataFrame]:
    rows = table.scan().select(_value(name, dtype) for name, dtype in table.columns.items())
    for start in range(0, table.rows, _BATCH_ROWS):
        yield rows.slice(start, _BATCH_ROWS).collect(engine="streaming")


def _write_words(base: sqlite3.Connection, content: ExportedPackage) -> None:
    taken = {table.name.lower() for table in content.tables}
    for name, rows in words(content.document, content.tables).items():
        if name in taken:
            continue
        columns = ", ".join(map(quoted, WORDS[name]))
        base.execute(f"CREATE TABLE {quoted(name)} ({columns})")
        marks = ", ".join("?" * len(WORDS[name]))
        base.executemany(f"INSERT INTO {quoted(name)} VALUES ({marks})", rows)  # noqa: S608


def _type(dtype: pl.DataType) -> str:
    if dtype == pl.Boolean or (dtype.is_integer() and not _is_wide(dtype)):
        return "INTEGER"
    if dtype.is_float():
        return "REAL"
    return "BLOB" if dtype == pl.Binary else "TEXT"


def _is_wide(dtype: pl.DataType) -> bool:
    """Whether a type holds integers that do not fit into SQLite's 64 bits."""
    return dtype in (pl.UInt64, pl.Int128, pl.UInt128)


def _value(name: str, dtype: pl.DataType) -> pl.Expr:
    value = column(name)
    if dtype == pl.Boolean:
        return value.cast(pl.Int8)
    if dtype == pl.Binary:
        return value
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
        return value.dt.to_string("%Y-%m-%dT%H:%M:%S%.f")
    if dtype == pl.Time:
        return value.dt.to_string("%H:%M:%S%.f")
    if _type(dtype) == "TEXT" and not (dtype.is_nested() or dtype.is_temporal()):
        return value.cast(pl.String)
    return value.cast(pl.String) if dtype == pl.Date else cell(name, dtype)
