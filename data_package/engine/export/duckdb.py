"""DuckDB: one file for analysis, with keys, checks and comments declared (https://duckdb.org).

DuckDB reads the Parquet files itself, so types are those of the files. It installs and loads no
extension from the network.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb

from data_package.engine.errors import BuildError
from data_package.engine.export.content import Content, Table
from data_package.engine.export.sql import WORDS, create_table, quoted, text, words
from data_package.engine.schema.contract import ForeignKey
from data_package.engine.storage import PRIVATE_FILE, make_private_folder, remove

_SETTINGS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def write(content: Content, path: Path, tell: Callable[[str], None]) -> dict[str, int]:
    """Write a new database. Raises BuildError when a table does not keep what is declared."""
    aside = make_private_folder(path.with_name(f".aside{path.name}"))
    try:
        with duckdb.connect(str(path), config={**_SETTINGS, "temp_directory": str(aside)}) as base:
            path.chmod(PRIVATE_FILE)
            for table in content.tables:
                tell(f"writing {table.name}")
                _write_table(base, content, table)
            taken = {table.name.lower() for table in content.tables}
            for name, rows in words(content.document, content.tables).items():
                if name not in taken:
                    _write_words(base, name, rows)
    finally:
        remove(aside)
        remove(path.with_name(f"{path.name}.wal"))
    return {table.name: table.rows for table in content.tables}


def _write_table(base: duckdb.DuckDBPyConnection, content: Content, table: Table) -> None:
    origin = [_literal_path(table.path)]
    read = "read_parquet(?, hive_partitioning = false)"
    described = base.execute(f"DESCRIBE SELECT * FROM {read}", origin).fetchall()  # noqa: S608
    types = {str(row[0]): str(row[1]) for row in described}
    try:
        base.execute(create_table(table, types, _keys(content, table)))
        base.execute(f"INSERT INTO {quoted(table.name)} SELECT * FROM {read}", origin)  # noqa: S608
    except duckdb.ConstraintException as error:
        raise BuildError(
            f"{table.name} does not keep what its contract says: {_rule(error)}.\n"
            "See which rows: data-package check --rows"
        ) from None
    except (duckdb.IOException, duckdb.TransactionException):
        # The disk, of which `export` tells.
        raise
    except duckdb.Error as error:
        raise BuildError(f"{table.name} cannot be written: {type(error).__name__}.") from None
    _comment(base, "TABLE", quoted(table.name), table.contract.title, table.contract.description)
    for field in table.contract.fields:
        if field.name in types:
            place = f"{quoted(table.name)}.{quoted(field.name)}"
            _comment(base, "COLUMN", place, field.title, field.description)


def _keys(content: Content, table: Table) -> list[ForeignKey]:
    """The foreign keys to tables that are there: DuckDB declares none later, nor to itself."""
    before = {one.name for one in content.tables[: content.tables.index(table)]}
    kept = []
    for key in content.keys_to(table):
        if key.resource in before:
            kept.append(key)
        else:
            why = "to its own rows" if key.resource in (None, table.name) else "in a circle"
            content.notes.append(
                f"{table.name}: the foreign key {', '.join(key.fields)} is not declared: DuckDB "
                f"fills no table with keys {why}."
            )
    return kept


def _comment(
    base: duckdb.DuckDBPyConnection, kind: str, place: str, title: str, description: str
) -> None:
    said = ". ".join(part.strip().rstrip(".") for part in (title, description) if part.strip())
    if said:
        base.execute(f"COMMENT ON {kind} {place} IS {text(said)}")


def _write_words(base: duckdb.DuckDBPyConnection, name: str, rows: list[list[object]]) -> None:
    columns = ", ".join(
        f"{quoted(one)} {'INTEGER' if one == 'position' else 'VARCHAR'}" for one in WORDS[name]
    )
    base.execute(f"CREATE TABLE {quoted(name)} ({columns})")
    marks = ", ".join("?" * len(WORDS[name]))
    if rows:
        base.executemany(f"INSERT INTO {quoted(name)} VALUES ({marks})", rows)  # noqa: S608


def _rule(error: duckdb.Error) -> str:
    """The kind of constraint that DuckDB names, without the value that it quotes."""
    said = str(error).lower()
    known = ("not null", "check", "primary key", "foreign key", "unique")
    return next((f"a {one} constraint" for one in known if one in said), "a constraint")


def _literal_path(path: Path) -> str:
    """A path that DuckDB takes for no pattern."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(path.absolute()))
