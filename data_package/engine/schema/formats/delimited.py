"""Delimited text: what every file is taken for that is not of another format."""

from pathlib import Path

from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.formats.file_format import FileFormat, TextRecords


def _records(path: Path, dialect: Dialect, block_bytes: int) -> TextRecords:
    from data_package.engine.schema.records import Records

    return Records(path, dialect, block_bytes=block_bytes)


DELIMITED = FileFormat("delimited text", (".csv", ".tsv", ".tab", ".txt"), records=_records)
