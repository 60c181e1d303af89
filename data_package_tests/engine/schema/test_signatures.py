"""Files of other formats are named instead of being read as text."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from data_package.engine.schema import CheckError, check_file, format_of, infer_file
from data_package.engine.schema.formats.other_than_text import OTHER_THAN_TEXT, format_like
from data_package.engine.schema.formats.signatures import SIGNATURES, signature_of

SCHEMA = {"fields": [{"name": "id", "type": "integer"}]}


def made(write: object) -> bytes:
    buffer = io.BytesIO()
    write(buffer)  # type: ignore[operator]
    return buffer.getvalue()


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def workbook() -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    book.add_worksheet().write(0, 0, "id")
    book.close()
    return buffer.getvalue()


def archived() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("t.csv"))
    return buffer.getvalue()


FRAME = pl.DataFrame({"id": [1]})
SAS = bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")
DBASE = bytes([3, 124, 5, 6, 9, 0, 0, 0, 65, 0, 11, 0]) + bytes(60)
FORMATS = {
    "zip archive": zipped(a="id\n1\n", b="id\n2\n"),
    "zstd": bytes.fromhex("28b52ffd") + b"\x04\x00abc",
    "bzip2": bz2.compress(b"id\n1\n"),
    "with xz": lzma.compress(b"id\n1\n"),
    "lz4": bytes.fromhex("04224d18") + b"abc",
    "tar": archived(),
    "Arrow": made(FRAME.write_ipc),
    "dBase": DBASE,
    "web page": b"<html><body><table>",
    "XML": b'<?xml version="1.0"?><rows/>',
    "PDF": b"%PDF-1.7\n",
    "JSON": b'[\n  {"id": 1}]',
    "ndjson where": b'{"id": 1}\n{"id": 2}\n',
}


READ = {
    "Parquet": made(FRAME.write_parquet),
    "SPSS file": b"$FL2@(#) SPSS DATA FILE",
    "zsav": b"$FL3@(#) SPSS DATA FILE",
    "SPSS portable": b" " * 456 + b"SPSSPORT",
    "sas7bdat": SAS + bytes(200),
    "xpt": b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!000000000000",
    "Stata": b"<stata_dta><header><release>118</release>",
    "dta": b"\x72\x02\x01\x00\x03\x00",
    "workbook": workbook(),
    "a workbook": zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"),
    "workbo": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504),
    "SQLite": b"SQLite format 3\0" + bytes(84),
    "DuckDB": bytes(8) + b"DUCK" + b"\x40" + bytes(7),
}


@pytest.mark.parametrize("words", READ)
def test_a_format_that_is_read_is_known_by_its_content_whatever_its_name(
    tmp_path: Path, words: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(READ[words])
    assert words in str(format_of(path))
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(READ[words]))
    with pytest.raises(CheckError, match=words):
        check_file(packed, SCHEMA)


def test_each_format_that_is_read_is_here_and_none_of_them_is_refused() -> None:
    read = {format_like(beginning) for beginning in READ.values()}
    assert read == {each for each in OTHER_THAN_TEXT if each.is_like is not None}
    # A workbook is a zip archive, and others than workbooks are refused.
    others = {words: content for words, content in READ.items() if content[:2] != b"PK"}
    refused = [(words, one.name) for words in others for one in SIGNATURES if one.test(READ[words])]
    assert refused == []


@pytest.mark.parametrize("words", FORMATS)
@pytest.mark.parametrize("encoding", [None, "cp1252"])
def test_a_file_of_another_format_is_named_whatever_encoding_is_given(
    tmp_path: Path, words: str, encoding: str | None
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(FORMATS[words])
    for look in (
        lambda: check_file(path, SCHEMA, encoding=encoding),
        lambda: infer_file(path, encoding=encoding),
    ):
        with pytest.raises(CheckError, match=words):
            look()


@pytest.mark.parametrize(
    "text",
    [
        "PARENT,id\n",
        "PAR1,PAR2\n",
        "FEA1,FEA2\n",
        "[id],[name]\n",
        "Obj,id\n",
        "ORC;id\n",
        "id,abcd,DUCK\n",
        "RDX2\n1\n",
        "BZh9,id\n",
        "0\n\t1\n",
        "C,\t1\n",
        "",
    ],
)
def test_text_that_begins_like_a_signature_is_text(text: str) -> None:
    assert signature_of(text.encode()) is None


def test_json_in_a_cell_of_a_file_without_a_header_is_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('{"a": 1};2\n')
    contract = {
        "dialect": {"header": False, "delimiter": ";", "quoteChar": None},
        "schema": {"fields": [{"name": "what", "type": "object"}, {"name": "n"}]},
    }
    assert check_file(path, contract).ok
