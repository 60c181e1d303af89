"""Sheets of workbooks, read by a contract as delimited text is; openpyxl is the judge."""

import datetime as dt
import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.engine_edition import edition
from data_package.engine.scaffold.drafted_files import drafts
from data_package.engine.schema import (
    CheckError,
    DialectError,
    check_file,
    infer_file,
    offending_rows,
    parts_of,
    read,
)
from data_package.engine.sources.delivered import READER

at = dt.datetime
VISITS: list[list[object]] = [
    ["Visits of 2024"],
    [],
    ["id", "day", "seen", "weight", None, "ok"],
    [None, None, None, "kg", "lb", None],
    [1, dt.date(2024, 5, 31), at(2024, 5, 31, 10, 30), 60.125, 132.6, True],
    [2, dt.date(2024, 6, 1), at(2024, 6, 1), 0.1234567890123, 3, False],
    ["x", None, None, 1e-12, None, None],
    [None] * 6,
    [4, dt.date(2024, 6, 2), None, 7, None, None],
    [None] * 6,
    [None] * 6,
]
DIALECT = {"sheetName": "Visits", "headerRows": [3, 4]}
NO_HEADER = {"header": False}


def book(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    """A workbook by openpyxl; a text that begins with an equals sign is a formula."""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def texts(*names: str) -> dict[str, Any]:
    return {"fields": [{"name": name, "type": "string"} for name in names]}


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "visits.xlsx"
    return book(path, Visits=VISITS, Empty=[], Labs=[["id", "v"], ["a", "ø"]])


def test_typed_rows_have_the_values_and_the_row_numbers_of_the_sheet(visits: Path) -> None:
    fields = [
        {"name": "id", "type": "integer"},
        {"name": "day", "type": "date"},
        {"name": "seen", "type": "datetime"},
        {"name": "weight kg", "type": "number"},
        {"name": "weight lb", "type": "number"},
        {"name": "ok", "type": "boolean"},
    ]
    reading = read(visits, {"dialect": DIALECT, "schema": {"fields": fields}}, numbered=True)
    assert reading.frame.collect().rows() == [
        (1, dt.date(2024, 5, 31), at(2024, 5, 31, 10, 30), 60.125, 132.6, True),
        (2, dt.date(2024, 6, 1), at(2024, 6, 1), 0.1234567890123, 3.0, False),
        (None, None, None, 1e-12, None, None),
        (None, None, None, None, None, None),
        (4, dt.date(2024, 6, 2), None, 7.0, None, None),
    ]
    assert reading.numbers is not None
    assert reading.numbers.to_list() == [5, 6, 7, 8, 9]
    assert {total.rule: total.rows for total in reading.report.totals} == {
        "type": (7,),
        "blank-row": (8,),
    }
    assert reading.report.render().startswith("visits, sheet 'Visits': 5 rows checked")
    shown = offending_rows(visits, reading.report, dialect=DIALECT)
    assert shown["row number"].to_list() == [7, 8]


def test_a_contract_is_inferred_from_a_sheet(visits: Path) -> None:
    found = infer_file(visits, dialect={"sheetNumber": 3}).descriptor
    assert found["dialect"] == {"sheetNumber": 3}
    assert [field["name"] for field in found["schema"]["fields"]] == ["id", "v"]  # type: ignore[index]
    assert parts_of(visits).dialects == (
        {"sheetName": "Visits"},
        {"sheetName": "Labs"},
    )


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        (None, r"3 sheets \('Visits', 'Empty', 'Labs'\).*--dialect sheetName=Visits"),
        ({"sheetName": "visits"}, "no sheet 'visits'; its sheets are 'Visits'"),
        ({"sheetNumber": 4}, "no sheet 4"),
    ],
)
def test_the_sheet_is_named_where_there_are_several(
    visits: Path, dialect: dict[str, Any] | None, words: str
) -> None:
    with pytest.raises(CheckError, match=words):
        check_file(visits, texts("id", "v"), dialect=dialect)


def test_a_footer_and_errors_of_formulas_are_not_values(tmp_path: Path) -> None:
    made = xlsxwriter.Workbook(tmp_path / "t.xlsx")
    sheet = made.add_worksheet()
    for row, (name, count) in enumerate([("id", "n"), ("a", 1), ("b", None), ("sum", 1)]):
        sheet.write(row, 0, name)
        sheet.write(row, 1, count)
    sheet.write_formula(2, 1, "=NA()", None, "#N/A")
    made.close()
    contract = {
        "fields": [{"name": "id", "type": "string"}, {"name": "n", "type": "integer"}],
        "missingValues": ["", "#DIV/0!"],
    }
    report = check_file(tmp_path / "t.xlsx", contract, dialect={"footerRows": 1})
    assert [(total.rule, total.field, total.rows) for total in report.totals] == [
        ("type", "n", (3,))
    ]
    assert "not checked: the last row, a footer" in report.render()


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**14), 10**14),
    st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=4),
    st.from_regex(r"-?[0-9]{1,3}\.[0-9]{0,2}0?|[0-9]{15,20}|[0-9]e[0-9]", fullmatch=True),
    st.datetimes(at(1901, 1, 1), at(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, st.floats(-1, 1, width=32)), min_size=1, max_size=8))
def test_each_cell_is_what_openpyxl_reads(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]]
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.xlsx"
    made = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = made.add_worksheet()
    for number, row in enumerate([("a", "b", "c"), *rows]):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, place, cell)
            elif cell is not None:
                sheet.write(number, place, cell)
    made.close()
    judge = list(openpyxl.load_workbook(path).worksheets[0].iter_rows(min_row=2, values_only=True))
    found = read(path, texts("a", "b", "c")).frame.collect().rows()
    assert len(found) == len(judge)
    for ours, theirs in zip(found, judge, strict=True):
        for text, value in zip(ours, theirs, strict=True):
            assert same(text, value), (text, value)


def same(text: str | None, value: object) -> bool:
    if text is None or value is None:
        return text is None and value is None
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, int | float):
        return float(text) == float(value)
    if isinstance(value, dt.datetime):
        return abs(dt.datetime.fromisoformat(text) - value) <= dt.timedelta(milliseconds=1)
    return text == value


def test_texts_that_look_like_numbers_and_moments_stay_as_they_are(tmp_path: Path) -> None:
    """Codes of diseases, numbers of persons and versions are often stored as text."""
    path = tmp_path / "t.xlsx"
    made = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = made.add_worksheet()
    written = [
        *("250.00", "250.0", "008.45", "V45.10", "1234567890123456789", "0000000000000017", "inf"),
        *("NaN", "-0.0", "2024-05-31 00:00:00", "1899-12-31 10:00:00", "1900-01-02 10:00:00"),
    ]
    for number, text in enumerate(["a", *written]):
        sheet.write_string(number, 0, text)
        # The same column also has numbers whose digits the library rounds, and a moment.
        sheet.write_string(number, 1, text)
    sheet.write_number(len(written) + 1, 1, 0.1234567890123)
    sheet.write_number(len(written) + 2, 1, 250)
    sheet.write_datetime(len(written) + 3, 1, at(2024, 5, 31, 10, 30))
    made.close()
    cells = read(path, texts("a", "a2"), dialect=NO_HEADER)
    found = cells.frame.collect()
    assert found["a"].drop_nulls().to_list() == ["a", *written]
    numbers = ["0.1234567890123", "250", "2024-05-31T10:30:00"]
    assert found["a2"].to_list() == ["a", *written, *numbers]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def without_sheet(data: bytes) -> bytes:
    return repacked(data, lambda name, content: b"" if "worksheets" in name else content)


def with_entities(data: bytes) -> bytes:
    doctype = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'

    def change(name: str, content: bytes) -> bytes:
        if "worksheets" not in name:
            return content
        return doctype + content.replace(b"<v>", b"<v>&b;", 1)

    return repacked(data, change)


def repacked(data: bytes, change: Any) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return made.getvalue()


HARMED: dict[str, Callable[[bytes], bytes]] = {
    "cut.xlsx": cut,
    "sheetless.xlsx": without_sheet,
    "text.xlsx": lambda _: b"id,v\n1,2\n",
    "page.xls": lambda _: b"<html><table></table></html>",
    "empty.ods": lambda _: b"",
    "ole.xls": lambda _: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000),
    "other.xlsx": lambda _: zipped("word/document.xml"),
    "binary.xlsb": lambda data: data[:60] + bytes(400) + data[460:],
}


def zipped(name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, "x")
    return made.getvalue()


@pytest.mark.parametrize("name", HARMED)
def test_a_damaged_workbook_ends_in_one_line(tmp_path: Path, name: str) -> None:
    whole = book(tmp_path / "whole.xlsx", S=[["id", "v"], [1, 2], [3, 4]]).read_bytes()
    path = tmp_path / name
    path.write_bytes(HARMED[name](whole))
    with pytest.raises(CheckError) as caught:
        check_file(path, texts("id", "v"))
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", S=[["id"], [1]])
    path.write_bytes(with_entities(path.read_bytes()))
    with pytest.raises(CheckError, match="declares XML entities"):
        check_file(path, texts("id"))


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book(tmp_path / "t.xlsx", S=[["id"], *[[1]] * 50])
    monkeypatch.setattr("data_package.engine.schema.delimiting.workbook._MOST_BYTES", 1000)
    with pytest.raises(CheckError, match="larger than a workbook can be"):
        check_file(path, texts("id"))


def test_a_workbook_is_read_whatever_its_name(tmp_path: Path) -> None:
    for name in ("T.XLSX", "t.xls", "t.csv"):
        path = book(tmp_path / "new.xlsx", S=[["id"], [1]]).rename(tmp_path / name)
        assert read(path, texts("id")).frame.collect().rows() == [("1",)]


def test_a_delimiter_of_a_workbook_is_refused(visits: Path) -> None:
    with pytest.raises(DialectError, match=r"delimiter is for delimited text, and visits\.xlsx is"):
        check_file(visits, texts("id"), dialect={"delimiter": ";"})


def test_a_library_that_is_missing_is_named(visits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for look in (lambda: check_file(visits, texts("id")), lambda: parts_of(visits)):
        with pytest.raises(CheckError, match=r"a workbook.*\n.*'data-package\[excel\]'"):
            look()


def test_the_libraries_that_read_count_for_what_is_stale() -> None:
    assert {"fastexcel", "duckdb", "polars_readstat"} <= edition(READER).libraries


def test_a_table_is_drafted_for_each_sheet(tmp_path: Path) -> None:
    rows: list[list[object]] = [["id", "v"], [1, "a"], [2, "b"]]
    made, _ = drafts([book(tmp_path / "lab.xlsx", North=rows, **{"South 2": rows})])
    assert [draft.name for draft in made] == ["lab_north", "lab_south_2"]
    assert [draft.delivered["dialect"] for draft in made] == [
        {"sheetName": "North"},
        {"sheetName": "South 2"},
    ]


def test_empty_sheets_beside_the_only_table_are_no_tables(tmp_path: Path) -> None:
    rows: list[list[object]] = [["id", "v"], [1, "a"], [2, "b"]]
    (made,), notes = drafts([book(tmp_path / "lab.xlsx", Sheet1=rows, Sheet2=[], Sheet3=[])])
    assert (made.name, made.delivered["dialect"], notes) == ("lab", {"sheetName": "Sheet1"}, [])
    with pytest.raises(CheckError, match="the file is empty"):
        parts_of(book(tmp_path / "none.xlsx", Sheet1=[], Sheet2=[]))


def test_hidden_sheets_with_cells_are_named(tmp_path: Path) -> None:
    rows: list[list[object]] = [["id", "v"], [1, "a"], [2, "b"]]
    path = book(tmp_path / "lab.xlsx", Labs=rows, Codes=rows, Empty=[])
    whole = openpyxl.load_workbook(path)
    whole["Codes"].sheet_state = whole["Empty"].sheet_state = "hidden"
    whole.save(path)
    (made,), notes = drafts([path])
    assert made.delivered["dialect"] == {"sheetName": "Labs"}
    assert notes == ["lab.xlsx: hidden, without a table: Codes."]


def rewritten(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """A workbook with a change of one of its parts."""
    held = {}
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert old in held[part]
    held[part] = held[part].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    return path


def test_days_that_are_counted_from_1904_are_those_days(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    for row in (["day", "clock"], [at(2016, 1, 1), dt.time(10, 30)], [at(1904, 1, 2), None]):
        made.active.append(row)
    made.save(tmp_path / "t.xlsx")
    path = rewritten(
        tmp_path / "t.xlsx",
        "xl/workbook.xml",
        b"</workbook>",
        b'<extLst><ext><x15:workbookPr xmlns:x15="urn:x15" a="1"/></ext></extLst></workbook>',
    )
    fields = [{"name": "day", "type": "date"}, {"name": "clock", "type": "time"}]
    assert read(path, {"fields": fields}, bad="stop").frame.collect().rows() == [
        (dt.date(2016, 1, 1), dt.time(10, 30)),
        (dt.date(1904, 1, 2), None),
    ]


def test_a_number_with_blanks_around_it_is_a_number(tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", one=[["n", "s"], [41, " 41"]], two=[["m"], [1]])
    rewritten(path, "xl/worksheets/sheet1.xml", b"<v>41</v>", b"<v> 41\n</v>")
    assert [part["sheetName"] for part in parts_of(path).dialects] == ["one", "two"]
    fields = [{"name": "n", "type": "integer"}, {"name": "s", "type": "string"}]
    frame = read(path, {"fields": fields}, dialect={"sheetName": "one"}).frame.collect()
    assert frame.rows() == [(41, " 41")]


def test_a_binary_workbook_with_cells_that_would_be_passed_over_is_refused(tmp_path: Path) -> None:
    row, cell, short = b"\x00\x04" + bytes(4), b"\x05\x10" + bytes(16), b"\x10\x0c" + bytes(12)
    long = b"\x81\x01\x80\x01" + bytes(128)
    for records in ([row, cell], [long, row, cell, cell], [row, cell, short], [long, row, short]):
        path = tmp_path / "t.xlsb"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("xl/worksheets/sheet1.bin", b"".join(records))
        with pytest.raises(CheckError) as refused:
            check_file(path, texts("a"))
        assert ("in a short form" in str(refused.value)) == (short in records)


def record(kind: int, data: bytes = b"") -> bytes:
    """A record of a binary workbook."""
    number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return number + bytes([len(data)]) + data


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def binary_book(path: Path, cells: Sequence[bytes], *sheets: str) -> Path:
    """A binary workbook whose sheets, worksheets or chart sheets, have one column of these cells.

    A cell is a record; its place in its column and its style come first in its bytes.
    """
    named, relations = b"", ""
    for i, kind in enumerate(sheets, start=1):
        named += record(156, struct.pack("<2I", 0, i) + wide(f"r{i}") + wide(f"S{i}"))
        place = f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"
        relations += f'<Relationship Id="r{i}" Type="{place}" Target="{kind}s/sheet{i}.bin"/>'
    rows = [record(0, struct.pack("<I", i) + bytes(13)) + cell for i, cell in enumerate(cells)]
    size = record(148, struct.pack("<4I", 0, len(cells) - 1, 0, 0))
    sheet = record(129) + size + record(145) + b"".join(rows) + record(146) + record(130)
    about = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(path, "w") as archive:
        start, end = record(131) + record(143), record(144) + record(132)
        archive.writestr("xl/workbook.bin", start + named + end)
        whole = f'<Relationships xmlns="{about}">{relations}</Relationships>'
        archive.writestr("xl/_rels/workbook.bin.rels", whole)
        archive.writestr("xl/worksheets/_rels/sheet1.bin.rels", b"<Relationships\x0b/>")
        for i, kind in enumerate(sheets, start=1):
            empty = record(129) + record(130)
            archive.writestr(f"xl/{kind}s/sheet{i}.bin", sheet if kind == "worksheet" else empty)
    return path


def test_a_chart_among_the_sheets_of_a_binary_workbook_is_not_a_table(tmp_path: Path) -> None:
    cells = [record(6, bytes(8) + wide(text)) for text in "ax"]
    path = binary_book(tmp_path / "t.xlsb", cells, "worksheet", "worksheet", "chartsheet")
    assert parts_of(path).dialects == ({"sheetName": "S1"}, {"sheetName": "S2"})
    found = read(path, texts("a"), dialect={"sheetName": "S1"})
    assert found.frame.collect().rows() == [("x",)]


def test_errors_of_formulas_in_a_binary_workbook_are_not_empty_cells(tmp_path: Path) -> None:
    formula = struct.pack("<HI", 0, 3) + bytes(3) + bytes(4)
    cells = [
        record(6, bytes(8) + wide("a")),
        *(record(11, bytes(8) + bytes([code]) + formula) for code in (0x07, 0x2A, 0x0F)),
        record(3, bytes(8) + b"\x24"),
    ]
    path = binary_book(tmp_path / "t.xlsb", cells, "worksheet")
    found = read(path, texts("a")).frame.collect()["a"].to_list()
    assert found == ["#DIV/0!", "#N/A", "#VALUE!", "#NUM!"]


def test_durations_of_a_day_or_more_are_durations_and_old_dates_are_dates(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    days = [0.25, None, 1.25, 40.5 + 1.5 / 86400, 0.0]
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["lasts", "at", "born", "short"])
        for i, value in enumerate(days, start=1):
            if value is not None:
                page.write_number(i, 0, value, book.add_format({"num_format": "[h]:mm:ss"}))
                page.write_number(i, 3, value % 1, book.add_format({"num_format": "[h]:mm"}))
            page.write_number(i, 1, 0.5, book.add_format({"num_format": "hh:mm"}))
            page.write_number(i, 2, 700 + i, book.add_format({"num_format": "yyyy-mm-dd"}))
    fields = [("lasts", "duration"), ("at", "time"), ("born", "date"), ("short", "time")]
    schema = {"fields": [{"name": name, "type": kind} for name, kind in fields]}
    made = read(path, schema, bad="stop").frame.collect()
    theirs = list(openpyxl.load_workbook(path).active.iter_rows(min_row=2, values_only=True))
    assert made["lasts"].to_list() == [
        *("PT6H0M0S", None, "PT30H0M0S", "PT972H0M1.5S", "PT0H0M0S"),
    ]
    assert theirs[2][0] == dt.timedelta(hours=30)
    assert made["at"].to_list() == [row[1] for row in theirs]
    assert made["born"].to_list() == [row[2].date() for row in theirs]
    assert made["short"].to_list()[:3] == [dt.time(6), None, dt.time(6)]
    assert infer_file(path).fields[0]["type"] == "string"


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (3, 2), (0, 25), (5, 0)])
def test_a_table_may_begin_anywhere_on_its_sheet(tmp_path: Path, corner: tuple[int, int]) -> None:
    path = tmp_path / "t.xlsx"
    top, left = corner
    rows = [(0, 0.1234567890123, 1.25, "a"), (1, 60.125, 0.5, None), (2, None, None, "c")]
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        lasts = book.add_format({"num_format": "[h]:mm"})
        page.write_row(top, left, ["id", "kg", "lasts", "word"])
        for i, (number, weight, days, word) in enumerate(rows, start=top + 1):
            page.write_row(i, left, [number, weight])
            page.write(i, left + 2, days, lasts)
            page.write(i, left + 3, word)
    kinds = [("id", "integer"), ("kg", "number"), ("lasts", "duration"), ("word", "string")]
    schema = {"fields": [{"name": name, "type": kind} for name, kind in kinds]}
    made = read(path, schema, dialect={"headerRows": [top + 1]}, bad="stop").frame.collect()
    assert made.drop("lasts").rows() == [(number, kg, word) for number, kg, _, word in rows]
    assert made["lasts"].to_list() == ["PT30H0M0S", "PT12H0M0S", None]


_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text")
)


def write_ods(path: Path, rows: list[str]) -> None:
    """Write a sheet of OpenDocument from the XML of its rows' cells."""
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    content = (
        f"<office:document-content {_SPACES}><office:body><office:spreadsheet>"
        f'<table:table table:name="S">{table}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="{manifest}">'
            f'<m:file-entry m:full-path="/" m:media-type="{kind}"/>'
            '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>',
        )
        archive.writestr("content.xml", content)


def ods_cell(kind: str, value: str, many: int = 1) -> str:
    name = {"float": "value", "string": "string-value"}.get(kind, f"{kind}-value")
    return (
        f'<table:table-cell table:number-columns-repeated="{many}" office:value-type="{kind}" '
        f'office:{name}="{value}"><text:p>{value}</text:p></table:table-cell>'
    )


@pytest.mark.parametrize("between", ["", "\n  "])
def test_errors_of_opendocument_are_neither_zero_nor_empty(tmp_path: Path, between: str) -> None:
    """As Excel and LibreOffice write them; a text and a zero stay what they are."""
    path = tmp_path / "t.ods"
    by_excel = 'table:formula="of:=1/0" office:value-type="float" office:value="0"'
    by_libreoffice = 'office:value-type="string" office:string-value="" c:value-type="error"'
    cells = [
        (by_excel, "#DIV/0!"),
        (by_libreoffice.replace("c:", "calcext:"), "Err:502"),
        ('office:value-type="string"', "#N/A"),
        ('office:value-type="float" office:value="0"', "0"),
        ('office:value-type="string"', "see #N/A"),
    ]
    rows = [
        between.join(
            ["", f"<table:table-cell {how}><text:p>{shown}</text:p></table:table-cell>", ""]
        )
        for how, shown in cells
    ]
    write_ods(path, [ods_cell("string", "a"), *rows])
    found = read(path, texts("a")).frame.collect()["a"].to_list()
    assert found == [shown for _, shown in cells]


def test_times_and_repeated_cells_of_opendocument_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.ods"
    header = "".join(ods_cell("string", name) for name in ("a", "b", "at", "lasts"))
    times = [
        ("PT10H20M30S", "10:20:30", "PT30H00M00S"),
        ("PT00H00M00S", "00:00:00", "P1DT2H"),
        ("PT9H5M07.250S", "09:05:07.250", "-PT1H"),
    ]
    rows = [
        ods_cell("float", str(i), many=2) + ods_cell("time", at) + ods_cell("time", lasts)
        for i, (at, _, lasts) in enumerate(times)
    ]
    write_ods(path, [header, *rows])
    fields = [("a", "integer"), ("b", "integer"), ("at", "time"), ("lasts", "string")]
    schema = {"fields": [{"name": name, "type": kind} for name, kind in fields]}
    made = read(path, schema, bad="stop").frame.collect()
    assert made["a"].to_list() == made["b"].to_list() == [0, 1, 2]
    assert made["at"].to_list() == [dt.time.fromisoformat(at) for _, at, _ in times]
    assert made["lasts"].to_list() == [lasts for *_, lasts in times]
