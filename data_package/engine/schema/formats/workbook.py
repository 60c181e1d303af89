"""Workbooks, read by fastexcel: .xlsx, .xlsm, .xlsb, .xls and .ods.

https://learn.microsoft.com/openspecs/office_standards/ms-xlsx, ms-xlsb and ms-xls, and
https://docs.oasis-open.org/office/OpenDocument/ describe them.
"""

from pathlib import Path

from data_package.engine.schema.dialect import Dialect, Form
from data_package.engine.schema.formats.bytes_like import first_member, starts
from data_package.engine.schema.formats.file_format import FileFormat, Tables, TextRecords

_OLD = starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x09\x08\x10\x00\x00\x06\x05\x00")
_FOLDERS = (b"xl/", b"_rels/", b"docProps/", b"customXml/", b"[Content_Types].xml")


def _is_like(beginning: bytes) -> bool:
    name = first_member(beginning)
    is_sheet = name == b"mimetype" and b"opendocument.spreadsheet" in beginning[:128]
    return is_sheet or name.startswith(_FOLDERS) or _OLD(beginning)


def _records(path: Path, dialect: Dialect, block_bytes: int) -> TextRecords:
    from data_package.engine.schema.delimiting.workbook import sheet
    from data_package.engine.schema.records import Records

    return Records(path, dialect, sheet, block_bytes=block_bytes)


def _parts(path: Path) -> Tables:
    from data_package.engine.schema.delimiting.workbook import sheets

    found = sheets(path)
    shown = [name for name, state in found.items() if state == "shown"]
    hidden = [name for name, state in found.items() if state == "hidden"]
    return Tables(shown, hidden, are_named=len(found) > 1)


WORKBOOK = FileFormat(
    "a workbook",
    (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    _is_like,
    form=Form.WORKBOOK,
    library="fastexcel",
    extra="excel",
    records=_records,
    parts=("sheetName", _parts),
)
