"""How a delivered file is written is found out from its beginning."""

import gzip
import zipfile
from pathlib import Path

import pytest

from data_package.engine.schema import CheckError, Writing, infer_file, sniffed

ROWS = "id{0}name{0}weight\n1{0}Åse{0}7\n2{0}Jørn{0}8\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_delimiter_and_encoding_are_found(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(ROWS.format(delimiter).encode(encoding))
    expected = None if encoding.startswith("utf-8") else encoding
    assert sniffed(path) == Writing(expected, None if delimiter == "," else delimiter)


def test_a_decimal_comma_is_not_a_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id;weight;height\n" + "1;70,5;180,1\n" * 5)
    assert sniffed(path).delimiter == ";"


def test_quoted_cells_may_hold_other_delimiters(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,note\n1,"a; b; c"\n2,"d; e\nf; g"\n')
    assert sniffed(path) == Writing()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_compressed_file_is_written_as_its_text_is(tmp_path: Path, encoding: str) -> None:
    text = ROWS.format(";").encode(encoding)
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(text))
    archive = tmp_path / "t.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("t.csv", text)
    expected = Writing(None if encoding == "utf-8" else encoding, ";")
    assert sniffed(packed) == sniffed(archive) == expected


def test_a_file_that_cannot_be_unpacked_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(b"id,w\n1,2\n")
    with pytest.raises(CheckError, match=r"take \.gz off the name"):
        sniffed(path)
    with pytest.raises(CheckError, match="No such file"):
        sniffed(tmp_path / "none.csv")


def test_a_single_column_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id\n1\n2\n")
    assert sniffed(path) == Writing()


@pytest.mark.parametrize("content", [b"", b"\n", b"\x00\x01", "Ø".encode()])
def test_anything_is_answered(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    sniffed(path)


def test_a_letter_that_is_not_utf8_is_found_far_behind_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,name\n" + b"1,abc\n" * 100_000 + "2,Jørn\n".encode("cp1252"))
    assert sniffed(path).encoding == "cp1252"


def test_a_letter_that_is_cut_at_the_end_of_the_beginning_is_not_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for shift in range(3):
        path.write_text("a" * shift + "ø" * 200_000, encoding="utf-8")
        assert sniffed(path).encoding is None


@pytest.mark.parametrize("delimiter", [";", "|", "\t", ","])
def test_a_doubled_delimiter_is_one(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.txt"
    rows = [["id", "v", "w"], *([str(at), "x", "y"] for at in range(5))]
    path.write_text("".join((2 * delimiter).join(row) + "\n" for row in rows))
    assert sniffed(path).delimiter == 2 * delimiter
    if delimiter != ",":
        written = infer_file(path).descriptor
        assert written["dialect"] == {"delimiter": 2 * delimiter}


def test_an_empty_column_is_no_doubled_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for row in ("1;;5", "1;;2;3;;4", "1;2;;3;;4"):
        path.write_text(f"{row}\n" * 5)
        assert sniffed(path).delimiter == ";"


@pytest.mark.parametrize(
    ("encoding", "advice"), [(None, "often --encoding cp1252"), ("cp1252", "--encoding mac_roman,")]
)
def test_an_encoding_that_was_wrong_is_not_advised_again(
    tmp_path: Path, encoding: str | None, advice: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,name\n1,M\x81ller\n")
    with pytest.raises(CheckError, match=advice):
        infer_file(path, encoding=encoding)
