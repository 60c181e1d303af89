"""Text that is not plain delimited text: packed, of fixed width, other delimiters, footers."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.schema import (
    CheckError,
    DialectError,
    check_file,
    infer_file,
    load_contract,
    parts_of,
    read,
)

CSV = b"a,b,c\n1,x,3\n4,y,6\n"
ROWS = [("1", "x", "3"), ("4", "y", "6")]


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def texts(names: str = "abc") -> dict[str, Any]:
    return {"fields": [{"name": name, "type": "string"} for name in names]}


def rows_of(path: Path, dialect: dict[str, Any] | None = None, **options: Any) -> Any:
    """The rows, which are the same in blocks of any size, and the rules that are broken."""
    found = []
    for block_bytes in (1, 7, 1 << 20):
        reading = read(path, texts(), dialect=dialect, block_bytes=block_bytes, **options)
        rules = {total.rule: total.rows for total in reading.report.totals}
        found.append((reading.frame.collect().rows(), rules))
    assert found[0] == found[1] == found[2]
    return found[0]


PACKED = {
    ".gz": gzip.compress(CSV),
    ".bz2": bz2.compress(CSV),
    ".xz": lzma.compress(CSV),
    ".zst": pa.compress(CSV, codec="zstd", asbytes=True),
    ".zip": zipped(t__csv=CSV),
}


@pytest.mark.parametrize("ending", PACKED)
def test_a_packed_file_is_read_as_it_is(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.csv{ending}"
    path.write_bytes(PACKED[ending])
    assert rows_of(path) == (ROWS, {})
    fields = infer_file(path).descriptor["schema"]["fields"]  # type: ignore[index]
    assert [field["name"] for field in fields] == ["a", "b", "c"]


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst"])
def test_parts_that_are_packed_one_after_another_are_all_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.csv{ending}"
    path.write_bytes(PACKED[ending] * 2)
    assert rows_of(path)[0] == [*ROWS, ("a", "b", "c"), *ROWS]


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("harm", ["cut", "text", "noise"])
def test_a_damaged_packed_file_is_reported_in_one_line(
    tmp_path: Path, ending: str, harm: str
) -> None:
    path = tmp_path / f"t.csv{ending}"
    whole = PACKED[ending]
    harmed = {"cut": whole[: len(whole) // 2], "text": CSV, "noise": whole[:9] + bytes(range(99))}
    path.write_bytes(harmed[harm])
    with pytest.raises(CheckError) as caught:
        check_file(path, texts())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rows", [100, 10_000, 100_000])
def test_a_packed_column_that_is_damaged_at_its_end_is_reported(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "t.csv.bz2"
    whole = bytearray(bz2.compress(b"a\n" + b"12345678\n" * rows))
    whole[-3] ^= 255
    path.write_bytes(whole)
    with pytest.raises(CheckError, match="data are damaged") as caught:
        infer_file(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_packed_as_its_name_says_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.zst"
    path.write_bytes(CSV)
    with pytest.raises(CheckError, match=r"not compressed with zstd.*take \.zst off the name"):
        check_file(path, texts())


def test_an_xz_file_that_asks_for_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.xz"
    small = [{"id": lzma.FILTER_LZMA2, "dict_size": 4096}]
    greedy = bytearray(lzma.compress(CSV, filters=small))
    # The size of the dictionary is a byte of the block's header, which ends with a checksum.
    at = greedy.index(b"\x21\x01") + 2
    greedy[at] = 38
    size = (greedy[12] + 1) * 4
    greedy[12 + size - 4 : 12 + size] = zlib.crc32(greedy[12 : 12 + size - 4]).to_bytes(4, "little")
    path.write_bytes(bytes(greedy))
    with pytest.raises(CheckError, match="damaged"):
        check_file(path, texts())


ARCHIVE = zipped(visits__csv=CSV, persons__csv=b"a,b,c\n7,8,9\n")


def test_what_systems_add_to_an_archive_is_none_of_its_files(tmp_path: Path) -> None:
    path = tmp_path / "delivery.zip"
    added = ("__MACOSX/._visits.csv", ".DS_Store", "a/.DS_Store", "a/._b.csv", "a/", "Thumbs.db")
    with zipfile.ZipFile(path, "w") as archive:
        for name in added:
            archive.writestr(name, b"\0\1" if not name.endswith("/") else b"")
        archive.writestr("visits.csv", CSV)
    plain = tmp_path / "visits.csv"
    plain.write_bytes(CSV)
    assert rows_of(path) == rows_of(plain)
    assert parts_of(path).dialects == ({},)


@pytest.mark.parametrize("member", ["persons.csv", "pers*"])
def test_one_file_of_an_archive_is_named_in_the_dialect(tmp_path: Path, member: str) -> None:
    path = tmp_path / "delivery.zip"
    path.write_bytes(ARCHIVE)
    assert rows_of(path, {"member": member}) == ([("7", "8", "9")], {})
    assert (
        f", {member}: 1 row checked"
        in check_file(path, texts(), dialect={"member": member}).render()
    )
    written = infer_file(path, dialect={"member": member}).descriptor
    assert written["dialect"] == {"member": member}
    assert parts_of(path).dialects == (
        {"member": "visits.csv"},
        {"member": "persons.csv"},
    )


@pytest.mark.parametrize(
    ("dialect", "what"),
    [
        ({}, 'member: "visits.csv"'),
        ({"member": "other.csv"}, "none is called 'other.csv'; it holds visits.csv, persons.csv"),
        ({"member": "*.csv"}, r"2 are called '\*\.csv'"),
    ],
)
def test_which_file_of_an_archive_is_meant_is_not_guessed(
    tmp_path: Path, dialect: dict[str, str], what: str
) -> None:
    path = tmp_path / "delivery.zip"
    path.write_bytes(ARCHIVE)
    with pytest.raises(CheckError, match=what):
        check_file(path, texts(), dialect=dialect)


@pytest.mark.parametrize(
    ("text", "delimiter", "rows", "rules"),
    [
        ("a||b||c\n1||2||3\n", "||", [("1", "2", "3")], {}),
        ('a||b||c\n1||"x||y"||3\n', "||", [("1", "x||y", "3")], {}),
        ("a||b||c\nx|||y||3\n", "||", [("x", "|y", "3")], {}),
        ("a||b||c\n$1||\x1f||3\n", "||", [("$1", "\x1f", "3")], {}),
        ('a||b||c\n"$1||"||\x1f||"$0"\n', "||", [("$1||", "\x1f", "$0")], {}),
        ("a~|~b~|~c\r\n1~|~~|~~\r\n", "~|~", [("1", None, "~")], {}),
        ("a::b::c\n1::2\n", "::", [("1", "2", None)], {"missing-cell": (2,)}),
        ("a, b, c\n1, 2, 3, 4\n", ", ", [("1", "2", "3")], {"extra-cell": (2,)}),
        ("aæøbæøc\n1æ2øæøxæø\n", "æø", [("1æ2ø", "x", None)], {}),
    ],
)
def test_a_delimiter_may_have_several_characters(
    tmp_path: Path, text: str, delimiter: str, rows: object, rules: object
) -> None:
    path = tmp_path / "t.txt"
    path.write_text(text, newline="")
    assert rows_of(path, {"delimiter": delimiter}) == (rows, rules)


@settings(max_examples=30, deadline=None)
@given(
    cells=st.lists(
        st.lists(st.text("|~ax\x1f$1\\ ", max_size=4), min_size=3, max_size=3),
        min_size=1,
        max_size=5,
    ),
    delimiter=st.sampled_from(["||", "~|~", "|~", "ab"]),
)
def test_quoted_cells_come_back_whatever_the_delimiter(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]], delimiter: str
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.txt"
    lines = [delimiter.join(f'"{cell}"' for cell in row) for row in [["a", "b", "c"], *cells]]
    path.write_text("\n".join(lines), newline="")
    reading = read(path, texts(), dialect={"delimiter": delimiter}, block_bytes=1)
    assert reading.frame.collect().rows() == [tuple(cell or None for cell in row) for row in cells]


def test_columns_of_fixed_width_are_cut_and_stripped(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(
        "a    b  c\r\n1    22 333\r\n\r\nxx      ü\r\n12345678901x\r\n".encode("cp1252")
    )
    rows, rules = rows_of(path, {"widths": [5, 3, 3]}, encoding="cp1252")
    assert rows == [
        ("1", "22", "333"),
        (None, None, None),
        ("xx", None, "ü"),
        ("12345", "678", "901"),
    ]
    assert rules == {"blank-row": (3,), "extra-cell": (5,)}


def test_positions_skip_what_is_between_them(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("P001 x 20240102 z\n#note\nP002\n")
    dialect = {"positions": [[1, 4], [8, 15], [8, 11]], "header": False, "commentChar": "#"}
    assert rows_of(path, dialect) == (
        [("P001", "20240102", "2024"), ("P002", None, None)],
        {},
    )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(*(st.text("aé 1,\";'|\x1e", max_size=width) for width in (4, 2, 6))),
        min_size=1,
        max_size=6,
    )
)
def test_fixed_width_gives_what_slicing_gives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.txt"
    lines = [f"{a:4}{b:2}{c:6}" for a, b, c in rows]
    path.write_text("\n".join(lines) + "\n")
    dialect = {"widths": [4, 2, 6], "header": False}
    reading = read(path, texts(), dialect=dialect, block_bytes=1)
    cut = [(line[:4], line[4:6], line[6:12]) for line in lines]
    wanted = [tuple(cell.strip(" \t") or None for cell in row) for row in cut]
    assert reading.frame.collect().rows() == wanted


def test_blank_gaps_of_every_line_are_proposed_as_widths(tmp_path: Path) -> None:
    path = tmp_path / "t.dat"
    path.write_text("id   name      kg\n1    Ann M.    60\n12   Bo        71.5\n9    Cy        5\n")
    inference = infer_file(path)
    assert inference.descriptor["dialect"] == {"widths": [5, 10, 4]}
    assert "fixed width" in inference.notes[0]
    fields = inference.descriptor["schema"]["fields"]  # type: ignore[index]
    assert [(each["name"], each["type"]) for each in fields] == [
        ("id", "integer"),
        ("name", "string"),
        ("kg", "number"),
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b,c\n1,2,3\n12 rows,,\n", 1),
        ("a,b,c\n1,2,3\n\n12 rows,,\n\n\n", 1),
        ("a,b,c\r\n1,2,3\r\nend\r\n12 rows,,", 2),
        ("a,b,c\r1,2,3\rend\r", 1),
        ("a,b,c\r\n1,2,3\r\nend\r\n\r\n12 rows\r\n", 2),
    ],
)
def test_a_footer_is_left_out_and_named_in_the_report(tmp_path: Path, text: str, rows: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, newline="")
    dialect = {"footerRows": rows}
    assert rows_of(path, dialect) == ([("1", "2", "3")], {})
    assert "footer" in check_file(path, texts(), dialect=dialect).render()


@pytest.mark.parametrize(
    ("name", "line", "what"),
    [
        ("t.csv", "sheetName: Visits", "sheetName is for a workbook, and t.csv is delimited text"),
        ("t.csv", "table: visits", "table is for a database, and t.csv is delimited text"),
        ("t.csv.gz", "itemType: array", "itemType is for JSON"),
        ("t.xlsx", "delimiter: ';'", "delimiter is for delimited text, and t.xlsx is a workbook"),
        ("t.json", "quoteChar: null", "quoteChar is for delimited text, and t.json is JSON"),
        ("t.parquet", "table: visits", "table is for a database, and t.parquet is a Parquet file"),
        ("t.sqlite", "headerRows: [2]", "t.sqlite is an SQLite database"),
    ],
)
def test_a_property_that_the_file_does_not_have_is_refused_with_its_line(
    tmp_path: Path, name: str, line: str, what: str
) -> None:
    contract = tmp_path / "t.yaml"
    contract.write_text(f"dialect:\n  {line}\nschema:\n  fields:\n  - name: a\n")
    (tmp_path / name).write_bytes(b"a\n1\n")
    with pytest.raises(DialectError, match=what) as caught:
        check_file(tmp_path / name, load_contract(contract))
    assert f"{contract}:2:3: dialect: " in str(caught.value)
