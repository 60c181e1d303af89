"""Files that are not what they seem: archives, other encodings, other line ends, no header."""

import gzip
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from data_package.engine.schema import (
    CheckError,
    check_file,
    infer_file,
    offending_rows,
    read,
    scan_delivered,
)

SCHEMA: dict[str, Any] = {
    "fields": [{"name": "id", "type": "integer"}, {"name": "name", "type": "string"}]
}
TEXT = b"id,name\n1,a\n2,b\n"


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_lone_carriage_returns_end_rows_from_the_header_on(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", TEXT.replace(b"\n", b"\r"))
    reading = read(path, SCHEMA)
    assert reading.report.ok
    assert reading.frame.collect().rows() == [(1, "a"), (2, "b")]


def test_bytes_outside_the_encoding_in_such_a_header_lose_no_row(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"id,n\xe9\r1,a\r2,\xe9\xe9")
    assert check_file(path, SCHEMA).rows_checked == 2


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("t.csv.gz", gzip.compress(TEXT, mtime=0)[:-9], "break off"),
        ("t.csv.gz", TEXT, "not compressed"),
        ("t.zip", TEXT, "zip archive"),
        ("t.csv", b"PK\x03\x04" + bytes(90), "zip archive or a workbook"),
        ("t.csv", gzip.compress(TEXT, mtime=0), "ending .gz"),
        ("t.csv", TEXT.decode().encode("utf-16"), "--encoding utf-16"),
        ("t.csv", TEXT.decode().encode("utf-16-le"), "--encoding utf-16-le"),
        ("t.csv", b"PAR1" + bytes(9), "Parquet"),
    ],
)
def test_what_is_not_text_is_reported_in_a_sentence(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    path = write(tmp_path / name, data)
    for look in (lambda: check_file(path, SCHEMA), lambda: infer_file(path)):
        with pytest.raises(CheckError, match=words):
            look()


@pytest.mark.parametrize("method", ["ZIP_STORED", "ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"])
def test_a_zip_archive_with_any_byte_damaged_is_read_or_reported(
    tmp_path: Path, method: str
) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", getattr(zipfile, method)) as archive:
        archive.writestr("t.csv", TEXT)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        with suppress(CheckError):
            assert check_file(path, SCHEMA).rows_checked == 2


def test_text_of_another_encoding_is_reported_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"\x8a" * 4097)
    with pytest.raises(CheckError, match="not utf-16"):
        check_file(path, SCHEMA, encoding="utf-16")


def test_an_archive_of_one_file_is_read_and_of_two_is_not(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/t.csv", TEXT)
    report = check_file(path, SCHEMA)
    assert (report.ok, report.rows_checked) == (True, 2)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("u.csv", TEXT)
    with pytest.raises(CheckError, match="holds 2 files"):
        check_file(path, SCHEMA)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT.replace(b",", b";"), "separated by ';'"),
        (b"1,a\n2,b\n", "none of its labels is a field"),
        (TEXT + "3,\xe9\n".encode("latin-1"), "--encoding cp1252"),
    ],
)
def test_what_makes_many_errors_at_once_is_hinted_at(
    tmp_path: Path, data: bytes, words: str
) -> None:
    report = check_file(write(tmp_path / "t.csv", data), SCHEMA)
    assert words in report.render()
    assert words in str(report.to_dict()["hint"])


def test_a_parquet_file_is_whole_or_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"id": [1, 2]}).write_parquet(path)
    assert scan_delivered(path).collect()["id"].to_list() == [1, 2]
    whole = path.read_bytes()
    broken = [b"id,w\n1,2\n", b"", b"PAR1", whole[:-4], whole[8:], b"PAR1" + bytes(20) + b"PAR1"]
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(CheckError, match=r"t\.parquet: it is not a whole Parquet file"):
            scan_delivered(path)
    with pytest.raises(CheckError, match="No such file"):
        scan_delivered(tmp_path / "none.parquet")


def test_an_encoding_that_was_wrong_is_not_advised_again(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,w\n1,\x81\n")
    fields = {"fields": [{"name": "id"}, {"name": "w"}]}
    report = check_file(path, fields, encoding="cp1252")
    assert not report.ok
    assert report.hint is None


def test_damage_in_a_column_that_only_showing_rows_reads_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"id": [1, 2], "word": ["a", "b"]}).write_parquet(path, compression="uncompressed")
    page = pq.ParquetFile(path).metadata.row_group(0).column(1).data_page_offset
    content = bytearray(path.read_bytes())
    content[page : page + 8] = b"\xff" * 8
    path.write_bytes(content)
    number = {"name": "id", "type": "integer", "constraints": {"maximum": 1}}
    report = check_file(path, {"fields": [number], "fieldsMatch": "subset"})
    assert not report.ok
    with pytest.raises(CheckError, match="cannot be read to its end"):
        offending_rows(path, report)
