"""JSON, https://www.rfc-editor.org/rfc/rfc8259, and JSON of a value a line: by their names only."""

from pathlib import Path

from data_package.engine.schema.dialect import Dialect, Form
from data_package.engine.schema.formats.file_format import FileFormat, TextRecords


def _records(path: Path, dialect: Dialect, block_bytes: int) -> TextRecords:
    from data_package.engine.schema.delimiting.json_items import items
    from data_package.engine.schema.records import Records

    return Records(path, dialect, items, block_bytes=block_bytes)


JSON = FileFormat("JSON", (".json", ".ndjson", ".jsonl"), form=Form.JSON, records=_records)
