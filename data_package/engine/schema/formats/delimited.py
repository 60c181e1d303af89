"""Text, packed or not: what every file is taken for that is not of another format."""

from functools import partial
from pathlib import Path

from data_package.engine.schema.dialect import Dialect, Form
from data_package.engine.schema.formats.file_format import FileFormat, TextRecords


def _records(path: Path, dialect: Dialect, block_bytes: int) -> TextRecords:
    from data_package.engine.schema.delimiting.text import delimited_text
    from data_package.engine.schema.formats.signatures import refuse_other_than_text
    from data_package.engine.schema.records import Records

    text = partial(delimited_text, refuse=refuse_other_than_text)
    return Records(path, dialect, text, block_bytes=block_bytes)


DELIMITED = FileFormat(
    "delimited text", (".csv", ".tsv", ".tab", ".txt"), form=Form.DELIMITED, records=_records
)
