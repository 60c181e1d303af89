"""Delivered text: dialects, encodings, ragged rows, and what becomes of bad cells."""

import datetime as dt
import gzip
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_package.engine.schema import (
    BadDataError,
    CheckError,
    Contract,
    ContractError,
    DialectError,
    check,
    check_file,
    offending_rows,
    read,
)

SCHEMA: dict[str, Any] = {
    "fields": [
        {"name": "id", "type": "integer"},
        {"name": "name", "type": "string"},
        {"name": "born", "type": "date"},
    ]
}


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_a_file_becomes_a_typed_table(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'id,name,born\n1,"a,b",2020-01-02\n2,,\n')
    reading = read(path, SCHEMA)
    assert reading.report.ok
    frame = reading.frame.collect()
    assert frame.schema == {"id": pl.Int64, "name": pl.String, "born": pl.Date}
    assert frame.rows() == [(1, "a,b", dt.date(2020, 1, 2)), (2, None, None)]


def test_bad_cells_become_null_and_are_itemised(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,name,born\nx,a,2020-01-02\n2,b,02/01/2020\n")
    reading = read(path, SCHEMA)
    assert reading.frame.collect().rows() == [(None, "a", dt.date(2020, 1, 2)), (2, "b", None)]
    errors = reading.report.errors
    assert errors.select("field", "row").rows() == [("id", 2), ("born", 3)]


def test_bad_rows_can_be_set_aside_privately(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,name,born\nx,a,\n2,b,\n3,c\n4,d,,e\n")
    rejects = tmp_path / "rejects" / "t.parquet"
    reading = read(path, SCHEMA, bad="reject", rejects=rejects)
    assert reading.frame.collect()["id"].to_list() == [2]
    assert reading.rejected == 3
    kept = pl.read_parquet(rejects)
    assert kept["row number"].to_list() == [2, 4, 5]
    assert kept["id"].to_list() == ["x", "3", "4"]
    assert rejects.stat().st_mode & 0o777 == 0o600


def test_bad_data_can_stop_the_work_without_a_value_in_the_message(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,name,born\n010190-1234,a,\n")
    with pytest.raises(BadDataError) as caught:
        read(path, SCHEMA, bad="stop")
    assert "010190" not in str(caught.value)
    assert "id: not a value of type integer" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16", "cp1252"])
def test_an_encoding_is_read_as_it_is_named(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,name,born\n1,Sø,2020-01-01\n", encoding)
    reading = read(path, SCHEMA, encoding=encoding)
    assert reading.report.ok
    assert reading.frame.collect()["name"].to_list() == ["Sø"]


def test_bytes_outside_the_encoding_are_reported_with_their_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,name,born\n1,a,\n2,S\xf8ren,\n3,c,\n")
    report = check_file(path, SCHEMA)
    assert [(t.code, t.rows) for t in report.totals] == [("encoding-error", (3,))]


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"id,name,born\n1,a,\n"))
    assert read(path, SCHEMA).frame.collect().height == 1


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ({"delimiter": ";"}, "id;name;born\n1;a,b;2020-01-02\n"),
        ({"delimiter": "\t"}, 'id\tname\tborn\n1\t"a,b"\t2020-01-02\n'),
        ({"quoteChar": "'"}, "id,name,born\n1,'a,b',2020-01-02\n"),
        ({"lineTerminator": "|"}, 'id,name,born|1,"a,b",2020-01-02|'),
        ({"skipInitialSpace": True}, 'id, name, born\n1, "a,b", 2020-01-02\n'),
        ({"escapeChar": "\\"}, "id,name,born\n1,a\\,b,2020-01-02\n"),
        ({"commentChar": "#"}, '#x\nid,name,born\n#c,"\n1,"a,b",2020-01-02\n'),
        ({"commentRows": [2, 4]}, 'id,name,born\nx\n1,"a,b",2020-01-02\ny\n'),
        ({"headerRows": [1, 2], "headerJoin": ""}, 'i,name,bo\nd,,rn\n1,"a,b",2020-01-02\n'),
        ({"header": False}, '1,"a,b",2020-01-02\n'),
        ({"nullSequence": "\\N"}, 'id,name,born\n1,"a,b",2020-01-02\n'),
    ],
)
def test_a_dialect_is_followed(dialect: dict[str, Any], text: str, tmp_path: Path) -> None:
    if "commentChar" in dialect:
        dialect = {**dialect, "headerRows": [2]}
    reading = read(write(tmp_path / "t.csv", text), SCHEMA, dialect=dialect)
    assert reading.frame.collect().rows() == [(1, "a,b", dt.date(2020, 1, 2))]
    assert reading.report.ok


def test_a_misspelt_dialect_is_refused_with_a_hint() -> None:
    with pytest.raises(DialectError, match="Did you mean 'delimiter'"):
        read("none.csv", SCHEMA, dialect={"delimeter": ";"})


@pytest.mark.parametrize("encoding", ["hex", "zip", "undefined", "a\0b", "none"])
def test_an_encoding_that_is_not_of_text_is_refused(encoding: str) -> None:
    with pytest.raises(DialectError, match="unknown encoding"):
        read("none.csv", SCHEMA, encoding=encoding)


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="No such file"):
        check_file(tmp_path / "none.csv", SCHEMA)


@pytest.mark.parametrize("text", ["", "\n", "\r\n\r\n", "\ufeff"])
@pytest.mark.parametrize("bad", ["null", "reject", "stop"])
def test_a_file_of_nothing_is_an_error(tmp_path: Path, text: str, bad: Any) -> None:
    path = write(tmp_path / "t.csv", text)
    assert "source-error" in [total.code for total in check_file(path, SCHEMA).totals]
    with pytest.raises(BadDataError):
        read(path, SCHEMA, bad=bad)


def test_records_over_several_lines_and_blocks_stay_whole(tmp_path: Path) -> None:
    chooser = random.Random(7)
    cells = ["x", "", "a\nb", 'q"q', "a,b", "\r\n", "ø", "long " * 40]
    rows = [(str(i), chooser.choice(cells), "2020-01-01") for i in range(3000)]
    lines = ["id,name,born"] + [
        ",".join('"' + cell.replace('"', '""') + '"' if i % 3 else cell for cell in row)
        if not any(mark in row[1] for mark in ',"\n\r')
        else ",".join('"' + cell.replace('"', '""') + '"' for cell in row)
        for i, row in enumerate(rows)
    ]
    path = write(tmp_path / "t.csv", "\n".join(lines))
    whole = read(path, SCHEMA)
    pieces = read(path, SCHEMA, block_bytes=512)
    assert whole.report.ok
    assert pieces.report.ok
    names = [name or None for _, name, _ in rows]
    assert whole.frame.collect()["name"].to_list() == names
    assert pieces.frame.collect()["name"].to_list() == names
    assert pieces.frame.collect()["id"].to_list() == list(range(3000))


def test_group_marks_and_affixes_of_numbers_are_removed(tmp_path: Path) -> None:
    schema = {
        "fields": [
            {"name": "i", "type": "integer", "groupChar": ","},
            {"name": "n", "type": "number", "decimalChar": ",", "groupChar": "."},
            {"name": "p", "type": "number", "bareNumber": False},
        ]
    }
    path = write(tmp_path / "t.csv", 'i,n,p\n"1,000","1.000,5",EUR 9.5\n')
    assert read(path, schema).frame.collect().rows() == [(1000, 1000.5, 9.5)]


def test_moments_with_an_offset_become_utc(tmp_path: Path) -> None:
    schema = {"fields": [{"name": "t", "type": "datetime"}]}
    text = "t\n2024-01-26T15:00:00\n2024-01-26T15:00:00Z\n2024-01-26T15:00:00.300-05:00\n"
    frame = read(write(tmp_path / "t.csv", text), schema).frame.collect()
    assert frame["t"].dt.to_string("%H:%M:%S%.3f").to_list() == [
        "15:00:00.000",
        "15:00:00.000",
        "20:00:00.300",
    ]


def test_types_that_polars_has_not_stay_text_and_bad_ones_become_null(tmp_path: Path) -> None:
    schema = {"fields": [{"name": "d", "type": "duration"}, {"name": "g", "type": "geopoint"}]}
    frame = read(write(tmp_path / "t.csv", 'd,g\nP1Y,"1,2"\nx,y\n'), schema).frame.collect()
    assert frame.rows() == [("P1Y", "1,2"), (None, None)]


def test_offending_rows_are_shown_as_delivered(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,name,born\n1,a,\nx,b,nope\n")
    rows = offending_rows(path, check_file(path, SCHEMA))
    assert rows.rows() == [(3, "id: type; born: type", "x", "b", "nope")]


def test_rows_are_shown_and_kept_whatever_the_fields_are_called(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "row number,errors\n1,a\nx,b\n")
    schema = {"fields": [{"name": "row number", "type": "integer"}, {"name": "errors"}]}
    shown = offending_rows(path, check_file(path, schema))
    assert shown.columns == ["row number 2", "errors 2", "row number", "errors"]
    assert shown.rows() == [(3, "row number: type", "x", "b")]
    rejects = read(path, schema, bad="reject").rejects
    assert rejects is not None
    assert rejects.rows() == [(3, "x", "b")]
    table = pl.DataFrame({"row number": [1, 2], "errors": ["a", "b"]})
    limits = {"name": "row number", "type": "integer", "constraints": {"maximum": 1}}
    descriptor = {"fields": [limits], "fieldsMatch": "subset"}
    found = check(table, Contract.from_descriptor(descriptor, name="t"))
    assert offending_rows(table, found).rows() == [(3, "row number: maximum", 2, "b")]


@pytest.mark.parametrize(
    ("cell", "good"),
    [
        ("9999-12-31T23:59:59-14:00", False),
        ("9999-12-31T23:59:59.5-00:30", False),
        ("9999-12-31T10:00:00+01:00", True),
        ("9999-12-30T23:00:00-02:00", True),
        ("0001-01-01T00:30:00+01:00", False),
        ("0001-01-01T01:30:00+01:00", True),
    ],
)
def test_an_offset_does_not_lead_out_of_the_years_that_there_are(
    tmp_path: Path, cell: str, good: bool
) -> None:
    path = write(tmp_path / "t.csv", f"a,t\nx,{cell}\ny,2024-01-01T00:00:00Z\n")
    fields = [{"name": "a", "type": "string"}, {"name": "t", "type": "datetime"}]
    reading = read(path, {"fields": fields})
    assert reading.report.ok == good
    assert (reading.frame.collect()["t"].to_list()[0] is not None) == good


def test_two_fields_of_one_name_are_refused_in_words(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,id\n1,2\n")
    schema: dict[str, Any] = {"fields": [{"name": "id"}, {"name": "id"}]}
    for judged in (read, check_file):
        with pytest.raises(ContractError, match="'id'"):
            judged(path, schema)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a type": ({"fields": [{"name": "a", "type": "integr"}]}, "t.fields.0.type: unknown type"),
    "a key of two fields to one": (
        {
            "fields": [{"name": "a"}, {"name": "b"}],
            "foreignKeys": [{"fields": ["a", "b"], "reference": {"resource": "", "fields": ["a"]}}],
        },
        "t.foreignKeys.0.reference.fields: the foreign key has 2 fields",
    ),
    "no schema": ({"title": "T"}, "t: the contract has no schema"),
}


@pytest.mark.parametrize(("descriptor", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_descriptor_from_python_is_refused_with_its_place(
    tmp_path: Path, descriptor: dict[str, Any], words: str
) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,2\n")
    for judged in (read, check_file):
        with pytest.raises(ContractError) as caught:
            judged(path, descriptor)
        assert caught.value.messages[0].startswith(words)


@pytest.mark.parametrize("blank", [" ", "  ", "\t"])
@pytest.mark.parametrize("kind", ["integer", "number"])
@pytest.mark.parametrize("last", [False, True])
def test_a_cell_of_blanks_is_not_a_number(
    tmp_path: Path, blank: str, kind: str, last: bool
) -> None:
    fields = [{"name": "a", "type": "string"}, {"name": "n", "type": kind}]
    rows = [("x", "1"), ("y", blank), ("z", "")]
    if not last:
        fields.reverse()
        rows = [(number, text) for text, number in rows]
    text = "\n".join(",".join(row) for row in rows)
    path = write(tmp_path / "t.csv", f"{fields[0]['name']},{fields[1]['name']}\n{text}")
    report = check_file(path, {"fields": fields})
    assert report.errors.select("code", "field", "row").rows() == [("type-error", "n", 3)]


def test_a_missing_value_that_reads_like_a_number_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,n\nx,-99\ny,-099\nz,5\n")
    fields = [{"name": "a", "type": "string"}, {"name": "n", "type": "integer"}]
    reading = read(path, {"fields": fields, "missingValues": ["", "-99"]})
    assert reading.report.ok
    assert reading.frame.collect()["n"].to_list() == [None, -99, 5]


def test_rejected_rows_keep_their_numbers_as_they_were_written(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,name,born\n007,a,never\n+8,b,2020-01-02\n")
    rejects = tmp_path / "t.parquet"
    read(path, SCHEMA, bad="reject", rejects=rejects)
    assert pl.read_parquet(rejects)["id"].to_list() == ["007"]


def test_numbers_are_read_the_same_after_a_block_with_a_bad_one(tmp_path: Path) -> None:
    rows = [f"{i},n{i},2020-01-02" for i in range(4000)]
    rows[700] = "x,n,2020-01-02"
    rows[2500] = " 2500,n2500,2020-01-02"
    path = write(tmp_path / "t.csv", "\n".join(["id,name,born", *rows]))
    reading = read(path, SCHEMA, block_bytes=1 << 12)
    assert reading.report.errors.select("field", "row").rows() == [("id", 702)]
    held = reading.frame.collect()["id"].to_list()
    assert held == [None if i == 700 else i for i in range(4000)]


@pytest.mark.parametrize("text", ["1,a\n2\n3,c\n", "1,a\n2,\n3\n", "1,\n2\n3,c", "1,a\n2,b\n3"])
def test_a_row_that_ends_early_is_distinguished_from_an_empty_cell(
    tmp_path: Path, text: str
) -> None:
    path = write(tmp_path / "t.csv", f"n,s\n{text}")
    fields = [{"name": "n", "type": "integer"}, {"name": "s", "type": "string"}]
    short = [i for i, line in enumerate(text.split("\n"), start=2) if line and "," not in line]
    for schema in ({"fields": fields}, {"fields": fields, "missingValues": ["NA"]}):
        report = check_file(path, schema)
        missing = report.errors.filter(pl.col("code") == "missing-cell")
        assert missing["row"].to_list() == short


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("id,name,born\n,,,x\n", ["extra-cell"]),
        ("id,name,born\n,,,,x\n", ["extra-cell", "extra-cell"]),
        ('id,name,born\n,,,"x"\n', ["extra-cell"]),
        ("id,name,born\n,,,\n", ["blank-row"]),
        ('id,name,born\n,,,""\n', ["blank-row"]),
        ("id,name,born\n,\n", ["blank-row"]),
    ],
)
def test_a_row_is_blank_only_if_none_of_its_cells_holds_anything(
    tmp_path: Path, text: str, codes: list[str], block_bytes: int
) -> None:
    path = write(tmp_path / "t.csv", text + "1,a,2020-01-02\n")
    reading = read(path, SCHEMA, block_bytes=block_bytes)
    assert reading.report.errors.select("code", "row").rows() == [(code, 2) for code in codes]
    assert reading.frame.collect().rows()[1] == (1, "a", dt.date(2020, 1, 2))


def test_a_mark_of_byte_order_inside_the_text_is_part_of_its_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n\ufeffx,1\n\ufeffy,2\n")
    fields = [{"name": "a", "type": "string"}, {"name": "b", "type": "integer"}]
    frame = read(path, {"fields": fields}).frame.collect()
    assert frame["a"].to_list() == ["\ufeffx", "\ufeffy"]


@pytest.mark.parametrize(
    "moment", ["0000-01-01T00:00:00", "0000-01-01 00:00:00", "0000-01-01T00:00:00.5"]
)
def test_there_is_no_year_zero(tmp_path: Path, moment: str) -> None:
    path = write(tmp_path / "t.csv", f"a,t\nx,{moment}\ny,0001-01-01T00:00:00\n")
    fields = [{"name": "a", "type": "string"}, {"name": "t", "type": "datetime"}]
    report = check_file(path, {"fields": fields})
    assert report.errors["row"].to_list() == [2]
