"""The header of a delivered file is found, whatever comes before it, or the file is refused."""

from pathlib import Path
from typing import Any

import pytest

from data_package.engine.schema import BadDataError, CheckError, check_file, read

TEXTS: dict[str, Any] = {
    "fields": [{"name": "id", "type": "string"}, {"name": "w", "type": "string"}]
}


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("# export\nid,w\na,1\n", {"commentChar": "#"}),
        ('# one\n# two, "three\n\nid,w\na,1\n', {"commentChar": "#"}),
        ("made by\nid,w\na,1\n", {"commentRows": [1]}),
        ("Export 2024\n\n,,\nid,w\na,1\n", {"headerRows": [4]}),
        ("Export\n# x\nid,w\na,1\n", {"headerRows": [2], "commentChar": "#"}),
        ("\nid,w\na,1\n", {}),
        ("\r\n\r\nid,w\r\na,1\r\n", {}),
        ("\ufeffid,w\na,1\n", {}),
        ("\ufeff# x\nid,w\na,1\n", {"commentChar": "#"}),
        ('"id","w"\na,1\n', {}),
        ("id,w\nid,w\na,1\n", {"commentRows": [2]}),
    ],
)
def test_a_header_is_found_below_rows_that_are_not_one(
    tmp_path: Path, text: str, dialect: dict[str, Any], block_bytes: int
) -> None:
    path = write(tmp_path / "t.csv", text)
    reading = read(path, TEXTS, dialect=dialect, block_bytes=block_bytes)
    assert reading.frame.collect().rows() == [("a", "1")]
    assert {total.code for total in reading.report.totals} <= {"blank-row"}


def test_an_empty_line_above_a_header_is_reported_with_its_row(tmp_path: Path) -> None:
    report = check_file(write(tmp_path / "t.csv", "\nid,w\na,1\n\nb,2\n"), TEXTS)
    assert report.errors.select("code", "row").rows() == [("blank-row", 1), ("blank-row", 4)]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("fruit\nid,name\n1,apple\n", ["fruit id", "fruit name"]),
        ("fruit,,site\nid,name,\n1,apple,x\n", ["fruit id", "fruit name", "site"]),
        ("id,weight\n,kg\n1,2\n", ["id", "weight kg"]),
        ("id,id\nid,name\n1,2\n", ["id", "id name"]),
    ],
)
def test_the_rows_of_a_header_are_joined_as_the_standard_has_it(
    tmp_path: Path, text: str, fields: list[str]
) -> None:
    schema = {"fields": [{"name": name, "type": "string"} for name in fields]}
    report = check_file(write(tmp_path / "t.csv", text), schema, dialect={"headerRows": [1, 2]})
    assert report.ok


def test_a_row_between_the_rows_of_a_header_is_not_lost(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,w\nx,y\n,kg\na,1\n")
    with pytest.raises(CheckError, match="row 2 lies between"):
        check_file(path, TEXTS, dialect={"headerRows": [1, 3]})


@pytest.mark.parametrize("bad", ["null", "reject", "stop"])
@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("id,v,w\n1,2,3\n", {}),
        ("w,id\n1,2\n", {}),
        ("id;w\n1;2\n", {}),
        ("1,2\n3,4\n", {}),
        ("id,weight\n1,2\n", {}),
        ("id\n1\n", {}),
        ("id,\n1,2\n", {}),
        (",,\nid,w\na,1\n", {}),
        ("sep=,\nid,w\na,1\n", {}),
        (b"id,w\n1,\xe9\n", {}),
        (b"id,w\xe9\n1,2\n", {}),
        ("# x\n", {"commentChar": "#"}),
        ("id,w\n1,2\n", {"headerRows": [3]}),
    ],
)
def test_an_error_of_the_whole_file_is_never_tolerated(
    tmp_path: Path, text: str | bytes, dialect: dict[str, Any], bad: Any
) -> None:
    path = write(tmp_path / "t.csv", text)
    assert check_file(path, TEXTS, dialect=dialect).of_whole
    with pytest.raises(BadDataError):
        read(path, TEXTS, dialect=dialect, bad=bad)


def test_columns_in_another_order_are_read_by_name_where_the_contract_says_so(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "t.csv", "w,id\n1,a\n")
    assert "write `fieldsMatch: equal`" in check_file(path, TEXTS).render()
    reading = read(path, {**TEXTS, "fieldsMatch": "equal"}, bad="stop")
    assert reading.frame.collect().rows() == [("a", "1")]


@pytest.mark.parametrize("text", ["id,\na,1\n", "id,id\na,1\n", ",\na,1\n"])
def test_columns_without_good_labels_are_read_by_their_places(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "t.csv", text)
    assert not check_file(path, TEXTS).ok
    dialect = {"header": False, "commentRows": [1]}
    assert read(path, TEXTS, dialect=dialect, bad="stop").frame.collect().rows() == [("a", "1")]


def test_bytes_outside_the_encoding_in_a_header_are_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"id,w\xf8\n1,2\n")
    for mode in ("exact", "subset", "partial"):
        schema = {"fields": [{"name": "id"}, {"name": "wø"}], "fieldsMatch": mode}
        report = check_file(path, schema)
        assert [total.code for total in report.totals] == ["encoding-error"]
        assert "--encoding cp1252" in report.render()


def test_a_wrong_label_is_named_where_the_others_show_that_there_is_a_header(
    tmp_path: Path,
) -> None:
    fields = [{"name": name, "type": "string"} for name in ("id", "w", "d23")]
    path = write(tmp_path / "t.csv", "id,w,d24\na,1,2\n")
    assert "d23: a column with the label 'd24'" in check_file(path, {"fields": fields}).render()
    path = write(tmp_path / "u.csv", "P01,Ann,2024\na,1,2\n")
    output = check_file(path, {"fields": fields}).render()
    assert "Ann" not in output
    assert "dialect: {header: false}" in output


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-8", "utf-16"])
def test_a_mark_of_the_encoding_is_not_part_of_a_label(tmp_path: Path, encoding: str) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    path = write(tmp_path / "t.csv", (mark + "id,w\na,1\n").encode(encoding))
    assert check_file(path, TEXTS, encoding=encoding).ok


def test_a_mark_of_utf_8_in_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "\ufeffid,w\na,1\n")
    with pytest.raises(CheckError, match="mark of UTF-8"):
        check_file(path, TEXTS, encoding="cp1252")
