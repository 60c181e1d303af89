"""DuckDB: one file for analysis, with keys, checks and comments declared (https://duckdb.org).

DuckDB reads the Parquet files itself, so types are those of the files. Durations, for which Parquet
has no type, become intervals, and 128-bit integers, which DuckDB does not recognise there, huge
integers. No extension is installed or loaded from the network.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl

from data_package.engine.errors import BuildError
from data_package.engine.export.content import ExportedPackage, ExportedTable, values
from data_package.engine.export.sql import WORDS, create_table, quoted, text, words
from data_package.engine.schema.columns import column
from data_package.engine.schema.contract import ForeignKey
from data_package.engine.storage import PRIVATE_FILE, make_private_folder, remove
from data_package.engine.unusable import why_failed

_HUGE: dict[type[pl.DataType], str] = {pl.Int128: "HUGEINT", pl.UInt128: "UHUGEINT"}
_SETTINGS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def write(content: ExportedPackage, path: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new database. Raises BuildError when a table breaks what its contract declares."""
    content.refuse_names("DuckDB")
    aside = make_private_folder(path.with_name("aside"))
    try:
        with duckdb.connect(str(path), config={**_SETTINGS, "temp_directory": str(aside)}) as base:
            path.chmod(PRIVATE_FILE)
            for table in content.tables:
                report(f"writing {table.name}")
                _write_table(base, content, table, aside)
            taken = {table.name.lower() for table in content.tables}
            for name, rows in words(content.document, content.tables).items():
                if name not in taken:
                    _write_words(base, name, rows)
    finally:
        remove(aside)
        remove(path.with_name(f"{path.name}.wal"))
    return {table.name: table.rows for table in content.tables}


def _write_table(
    base: duckdb.DuckDBPyConnection, content: ExportedPackage, table: ExportedTable, aside: Path
) -> None:
    columns = ", ".join(_value(name, dtype) for name, dtype in table.columns.items())
    origin = _readable(table, aside)
    rows = f"SELECT {columns} FROM read_parquet(?, hive_partitioning = false)"  # noqa: S608
    try:
        described = base.execute(f"DESCRIBE {rows}", [_literal_path(origin)]).fetchall()
        types = {name: str(row[1]) for name, row in zip(table.columns, described, strict=True)}
        _note_durations(content, table)
        keys = _keys(content, table)
        base.execute(create_table(table, types, keys, has_nan=True))
        base.execute(f"INSERT INTO {quoted(table.name)} {rows}", [_literal_path(origin)])
    except duckdb.ConstraintException as error:
        raise BuildError(
            f"{table.name} breaks its contract: {_rule(error)}.\n"
            "See which rows: data-package check --rows"
        ) from None
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException | duckdb.TransactionException) or why_failed(
            error, aside
        ):
            # An error of the disk, which `export` reports.
            raise
        raise BuildError(f"{table.name} cannot be written: {type(error).__name__}.") from None
    _comment(base, "TABLE", quoted(table.name), table.contract.title, table.contract.description)
    for field in table.contract.fields:
        if field.name in types:
            place = f"{quoted(table.name)}.{quoted(field.name)}"
            _comment(base, "COLUMN", place, field.title, field.description)


def _readable(table: ExportedTable, aside: Path) -> Path:
    """The table's file, or one with text in columns whose types DuckDB does not recognise.

    Parquet has no integers of more than 64 bits; Polars writes them as 16 bytes.
    """
    if not any(dtype in _HUGE for dtype in table.columns.values()):
        return table.path
    path = aside / "readable.parquet"
    remove(path)
    wide = [column(n).cast(pl.String) for n, dtype in table.columns.items() if dtype in _HUGE]
    table.scan().with_columns(wide).sink_parquet(path)
    return path


def _value(name: str, dtype: pl.DataType) -> str:
    """The SQL expression for a column of the file."""
    if isinstance(dtype, pl.Duration):
        # An interval counts microseconds.
        whole = {"ns": f"{quoted(name)} // 1000", "ms": f"{quoted(name)} * 1000"}
        return f"to_microseconds({whole.get(dtype.time_unit, quoted(name))}) AS {quoted(name)}"
    if dtype in _HUGE:
        return f"CAST({quoted(name)} AS {_HUGE[type(dtype)]}) AS {quoted(name)}"
    if dtype == pl.Null:
        return f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}"
    return quoted(name)


def _note_durations(content: ExportedPackage, table: ExportedTable) -> None:
    fine = [
        name
        for name, dtype in table.columns.items()
        if isinstance(dtype, pl.Duration) and dtype.time_unit == "ns"
    ]
    found = table.count({name: column(name).dt.total_nanoseconds() % 1000 != 0 for name in fine})
    content.notes.extend(
        f"{table.name}: {values(count)} of {name}, finer than a microsecond, which intervals "
        "cannot hold: truncated."
        for name, count in found.items()
    )
    content.notes.extend(
        f"{table.name}: the durations within {name} become integers, since DuckDB does not "
        "recognise their type in the file."
        for name, dtype in table.columns.items()
        if dtype.is_nested() and "Duration" in str(dtype)
    )


def _keys(content: ExportedPackage, table: ExportedTable) -> list[ForeignKey]:
    """The foreign keys to tables that exist already: DuckDB can declare no others."""
    before = {one.name for one in content.tables[: content.tables.index(table)]}
    kept = []
    for key in content.keys_to(table):
        if key.resource in before:
            kept.append(key)
        else:
            why = "to its own rows" if key.resource in (None, table.name) else "in a cycle"
            content.notes.append(
                f"{table.name}: the foreign key {', '.join(key.fields)} is not declared: DuckDB "
                f"cannot fill a table with keys {why}."
            )
    return kept


def _comment(
    base: duckdb.DuckDBPyConnection, kind: str, place: str, title: str, description: str
) -> None:
    comment = ". ".join(part.strip().rstrip(".") for part in (title, description) if part.strip())
    if comment:
        base.execute(f"COMMENT ON {kind} {place} IS {text(comment)}")


def _write_words(base: duckdb.DuckDBPyConnection, name: str, rows: list[list[object]]) -> None:
    columns = ", ".join(
        f"{quoted(one)} {'INTEGER' if one == 'position' else 'VARCHAR'}" for one in WORDS[name]
    )
    base.execute(f"CREATE TABLE {quoted(name)} ({columns})")
    marks = ", ".join("?" * len(WORDS[name]))
    if rows:
        base.executemany(f"INSERT INTO {quoted(name)} VALUES ({marks})", rows)  # noqa: S608


def _rule(error: duckdb.Error) -> str:
    """The kind of constraint in DuckDB's message, without the value that it quotes."""
    comment = str(error).lower()
    known = ("not null", "check", "primary key", "foreign key", "unique")
    return next((f"a {one} constraint" for one in known if one in comment), "a constraint")


def _literal_path(path: Path) -> str:
    """A path escaped so that DuckDB does not take it for a pattern."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(path.absolute()))
