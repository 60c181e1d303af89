"""Quotes as RFC 4180 has them: what breaks it is an error of its row, and of no other row."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_package.engine.schema import BadDataError, check_file, read

SCHEMA: dict[str, Any] = {
    "fields": [{"name": "id", "type": "integer"}, {"name": "note", "type": "string"}]
}


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "bad_rows", "rows"),
    [
        # Never closed.
        ('1,ok\n2,"5 mg\n3,no\n4,ok\n', [3], [(1, "ok"), (2, None), (3, "no"), (4, "ok")]),
        ('1,ok\n2,"', [3], [(1, "ok"), (2, None)]),
        ('1,"a\n2,"b\n3,"c\n', [2, 3, 4], [(1, None), (2, None), (3, None)]),
        # Text after a closing quote.
        ('1,"x"y\n2,b\n', [2], [(1, None), (2, "b")]),
        ('1,"x" \n2,b\n', [2], [(1, None), (2, "b")]),
        # A quote inside a cell without quotes.
        ('1,5" pipe\n2,b\n', [2], [(1, None), (2, "b")]),
        ('1, "x"\n2,b\n', [2], [(1, None), (2, "b")]),
        # One that is never closed meets the next quote of the file.
        (
            '1,ok\n2,"hm\n3,ok\n4,say "hi"\n5,ok\n',
            [3, 5],
            [(1, "ok"), (2, None), (3, "ok"), (4, None), (5, "ok")],
        ),
        # A record of two lines whose second line is wrong: the first is its row.
        ('1,"a\n2,b"c\n3,d\n', [2, 3], [(1, None), (2, None), (3, "d")]),
        # Rightly quoted: line ends, delimiters and quotes inside.
        ('1,"a\r\n""b"", c"\n2,""\n', [], [(1, 'a\r\n"b", c'), (2, None)]),
        ('1,"a\rb"\r2,c\r', [], [(1, "a\rb"), (2, "c")]),
    ],
)
def test_wrong_quotes_are_an_error_of_their_row_alone(
    tmp_path: Path, text: str, bad_rows: list[int], rows: list[Any], block_bytes: int
) -> None:
    path = write(tmp_path / "t.csv", "id,note\n" + text)
    reading = read(path, SCHEMA, block_bytes=block_bytes)
    errors = reading.report.errors
    assert errors["row"].to_list() == bad_rows
    assert set(errors["code"]) <= {"quote-error"}
    assert set(errors["field"]) <= {"note"}
    assert reading.frame.collect().rows() == rows


def test_a_row_with_wrong_quotes_is_set_aside_as_it_was_written(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'id,note\n1,"5 mg, twice\n2,b\n3,say "hi"\n')
    reading = read(path, SCHEMA, bad="reject")
    assert reading.frame.collect().rows() == [(2, "b")]
    assert reading.rejects is not None
    assert reading.rejects.rows() == [(2, "1", '"5 mg, twice'), (4, "3", 'say "hi"')]
    with pytest.raises(BadDataError):
        read(path, SCHEMA, bad="stop")


def test_of_a_row_with_wrong_quotes_nothing_else_is_reported(tmp_path: Path) -> None:
    fields = [
        {"name": "id", "type": "integer", "constraints": {"minimum": 5}},
        {"name": "note", "type": "string", "constraints": {"required": True}},
        {"name": "last", "type": "string", "constraints": {"required": True}},
    ]
    path = write(tmp_path / "t.csv", 'id,note,last\n1,"a,b\n7,x,y\n')
    report = check_file(path, {"fields": fields, "primaryKey": ["id", "note"]})
    assert report.errors.select("code", "field", "row").rows() == [("quote-error", "note", 2)]


def test_no_line_end_is_added_to_the_last_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'id,note\n1,"a\nb"')
    assert read(path, SCHEMA).frame.collect()["note"].to_list() == ["a\nb"]
    path = write(tmp_path / "t.csv", 'id,note\n1,"a')
    reading = read(path, SCHEMA, bad="reject")
    assert reading.rejects is not None
    assert reading.rejects["note"].to_list() == ['"a']


def test_where_nothing_is_quoted_quotes_are_signs_like_any_other(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'id,note\n1,5" pipe\n2,"b\n')
    assert "dialect: {quoteChar: null}" in check_file(path, SCHEMA).render()
    reading = read(path, SCHEMA, dialect={"quoteChar": None})
    assert reading.report.ok
    assert reading.frame.collect()["note"].to_list() == ['5" pipe', '"b']


@pytest.mark.parametrize("dialect", [{"delimiter": "§"}, {"quoteChar": "«"}, {"delimiter": "\x1f"}])
def test_any_single_character_can_be_a_delimiter_or_a_quote(
    tmp_path: Path, dialect: dict[str, str]
) -> None:
    delimiter, quote = dialect.get("delimiter", ","), dialect.get("quoteChar", '"')
    lines = ["id,note", f"1,{quote}a,b{quote}", "2,c"]
    text = "\n".join(line.replace(",", delimiter) for line in lines)
    reading = read(write(tmp_path / "t.csv", text), SCHEMA, dialect=dialect)
    assert reading.report.ok
    assert reading.frame.collect()["note"].to_list() == [f"a{delimiter}b", "c"]


def test_a_quote_in_the_header_that_is_not_closed_is_a_fault_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'id,"note\n1,a\n2,b\n')
    report = check_file(path, SCHEMA)
    assert report.of_whole
    assert report.rows_checked == 2


@pytest.mark.parametrize("tail", ["", "\n", "\n2,b\n"])
def test_a_record_longer_than_many_blocks_ends(tmp_path: Path, tail: str) -> None:
    note = "note:\n" + "x" * 300_000
    path = write(tmp_path / "t.csv", f'id,note\n1,"{note}"{tail}')
    frame = read(path, SCHEMA, block_bytes=1 << 12).frame.collect()
    assert frame["note"].to_list() == [note, *(["b"] if "2" in tail else [])]


def test_lone_carriage_returns_are_read_in_linear_time(tmp_path: Path) -> None:
    rows = [f"{i},n{i}" for i in range(60_000)]
    rows[5] = '5,"a\nb"'
    path = write(tmp_path / "t.csv", "\r".join(["id,note", *rows]))
    frame = read(path, SCHEMA, block_bytes=1 << 16).frame.collect()
    assert frame["id"].to_list() == list(range(60_000))
    assert frame.filter(pl.col("id") == 5)["note"].to_list() == ["a\nb"]
