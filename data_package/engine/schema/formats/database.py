"""Databases in one file: https://www.sqlite.org/fileformat.html and DuckDB's."""

from collections.abc import Callable
from pathlib import Path

from data_package.engine.schema.dialect import Dialect, Form
from data_package.engine.schema.formats.bytes_like import matches, starts
from data_package.engine.schema.formats.file_format import FileFormat, Tables, TextRecords


def _records_of(engine: str) -> Callable[[Path, Dialect, int], TextRecords]:
    def records(path: Path, dialect: Dialect, block_bytes: int) -> TextRecords:
        from data_package.engine.schema.delimiting import database
        from data_package.engine.schema.records import Records

        return Records(path, dialect, database.ENGINES[engine].rows, block_bytes=block_bytes)

    return records


def _parts_of(engine: str) -> Callable[[Path], Tables]:
    def parts(path: Path) -> Tables:
        from data_package.engine.schema.delimiting import database

        names = database.ENGINES[engine].tables(path)
        return Tables(names, are_named=len(names) > 1)

    return parts


SQLITE = FileFormat(
    "an SQLite database",
    (".sqlite", ".sqlite3", ".db", ".db3"),
    starts(b"SQLite format 3\x00"),
    form=Form.DATABASE,
    records=_records_of("sqlite"),
    parts=("table", _parts_of("sqlite")),
)
DUCKDB = FileFormat(
    "a DuckDB database",
    (".duckdb", ".ddb"),
    matches(rb".{8}DUCK.{1,3}\x00{3}"),
    form=Form.DATABASE,
    library="duckdb",
    extra="duckdb",
    records=_records_of("duckdb"),
    parts=("table", _parts_of("duckdb")),
)
