"""What a record is, in other opinions: a reading letter by letter, Python's csv, DuckDB.

frictionless reads with Python's csv, and so can share a fault with us. The letters are read by rule
here, csv is strict, and DuckDB keeps what it rejects.
"""

import contextlib
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_package.engine.schema import read
from data_package_tests.campaigns import cases

COLUMNS = ("c0", "c1")
SCHEMA: dict[str, Any] = {"fields": [{"name": name, "type": "string"} for name in COLUMNS]}
HEADER = "c0,c1\n"
TOKENS = ["a", "b", "1", " ", ",", ",", '"', '"', '""', "\n", "\n", "\r\n", "ø", '","', '"\n']
BROKEN = [
    '1,"5 mg\n2,b\n3,c\n',
    '1,"5 mg\n2,b\n3,"c"\n',
    '1,"a"b\n2,b\n',
    '1,a"b\n2,b\n',
    '1,"a\nb"c\n2,b\n',
    '1,"a\n\n"\n2,"b\n',
    '"1",a\n2,b,c\n3\n\n4,d\n',
    '1,"a""\n2,b\n',
    '1,""a\n2,b\n',
    '"\n',
    '1,"\n',
    "\n\n",
    # An empty cell too many, at the very end.
    "1,a\n,b,",
    "1,a\r2,b,",
]


@dataclass
class Row:
    """A record as it is read letter by letter: None for its cells where its quotes are wrong."""

    cells: list[str] | None


def letter_by_letter(text: str) -> Iterator[Row]:
    """Read records by the rules of RFC 4180; one that breaks them is its first line alone."""
    at = 0
    while at < len(text):
        cells, end = one_record(text, at)
        if cells is None:
            ends = [i for i in (text.find("\n", at), text.find("\r", at)) if i >= 0]
            end = min(ends, default=len(text))
            end += 2 if text[end : end + 2] == "\r\n" else 1
        yield Row(cells)
        at = end


def one_record(text: str, at: int) -> tuple[list[str] | None, int]:
    cells: list[str] = []
    if text[at] in "\r\n":
        return cells, at + (2 if text[at : at + 2] == "\r\n" else 1)
    while True:
        cell = ""
        if text[at : at + 1] == '"':
            at += 1
            while True:
                if at >= len(text):
                    return None, at
                if text[at] == '"' and text[at + 1 : at + 2] == '"':
                    cell, at = cell + '"', at + 2
                elif text[at] == '"':
                    at += 1
                    break
                else:
                    cell, at = cell + text[at], at + 1
        else:
            while at < len(text) and text[at] not in ',\r\n"':
                cell, at = cell + text[at], at + 1
        cells.append(cell)
        if at >= len(text):
            return cells, at
        if text[at] not in ",\r\n":
            return None, at
        if text[at] != ",":
            return cells, at + (2 if text[at : at + 2] == "\r\n" else 1)
        at += 1


def ours(text: str, folder: Path, block_bytes: int) -> tuple[list[Any], dict[str, set[int]]]:
    """Return the rows that we read, and the rows' numbers (from 0) by code of error."""
    path = folder / "t.csv"
    path.write_bytes((HEADER + text).encode())
    reading = read(path, SCHEMA, block_bytes=block_bytes)
    found: dict[str, set[int]] = {}
    for error in reading.report.errors.iter_rows(named=True):
        found.setdefault(error["code"], set()).add(error["row"] - 2)
    return reading.frame.collect().rows(), found


def compare(text: str, folder: Path, block_bytes: int) -> None:
    rows, found = ours(text, folder, block_bytes)
    expected = list(letter_by_letter(text))
    assert len(rows) == len(expected)
    wrong = {i for i, row in enumerate(expected) if row.cells is None}
    assert found.get("quote-error", set()) == wrong
    for i, (mine, row) in enumerate(zip(rows, expected, strict=True)):
        if row.cells is not None:
            cells = [cell or None for cell in row.cells[:2]]
            assert list(mine) == cells + [None] * (2 - len(cells))
            blank = not any(row.cells)
            assert (i in found.get("blank-row", set())) is blank
            assert (i in found.get("missing-cell", set())) is (not blank and len(row.cells) < 2)
            assert (i in found.get("extra-cell", set())) is (not blank and len(row.cells) > 2)
    if not wrong:
        strict = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert strict == [row.cells for row in expected]
    else:
        with contextlib.suppress(csv.Error):
            # csv has no error for a quote inside a cell without quotes.
            assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) != [
                row.cells for row in expected
            ]


TEXTS = st.lists(st.sampled_from([*TOKENS, "\r"]), max_size=40).map("".join)


@pytest.mark.parametrize("block_bytes", [1, 5, 1 << 20])
@pytest.mark.parametrize("text", BROKEN)
def test_broken_files_are_read_as_they_are_letter_by_letter(
    text: str, block_bytes: int, tmp_path: Path
) -> None:
    compare(text, tmp_path, block_bytes)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(text=TEXTS, block_bytes=st.sampled_from([1, 3, 8, 64]))
def test_any_text_is_read_as_it_is_letter_by_letter(
    tmp_path: Path, text: str, block_bytes: int
) -> None:
    compare(text, tmp_path, block_bytes)


@pytest.mark.stress
@settings(
    max_examples=cases(200_000),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(text=TEXTS, block_bytes=st.sampled_from([1, 2, 3, 5, 8, 13, 64, 1 << 20]))
def test_any_text_is_read_as_it_is_letter_by_letter_at_length(
    tmp_path: Path, text: str, block_bytes: int
) -> None:
    compare(text, tmp_path, block_bytes)


def duckdb_reading(path: Path) -> tuple[list[Any] | None, int]:
    """Return the rows that DuckDB reads, None where it refuses to, and how many it rejects."""
    with duckdb.connect() as connection:
        try:
            rows = connection.execute(
                "from read_csv(?, header = true, auto_detect = false, delim = ',', quote = '\"', "
                "escape = '\"', strict_mode = true, store_rejects = true, new_line = '\\n', "
                "columns = {'c0': 'VARCHAR', 'c1': 'VARCHAR'})",
                [str(path)],
            ).fetchall()
        except duckdb.Error:
            return None, 0
        rejected = connection.execute("select count(*) from reject_errors").fetchone()
        return rows, rejected[0] if rejected else 0


def agree_with_duckdb(text: str, folder: Path) -> None:
    rows, found = ours(text, folder, 1 << 20)
    path = folder / "t.csv"
    theirs, rejected = duckdb_reading(path)
    if not found:
        # What we find nothing wrong with they read as we do.
        assert theirs is not None
        assert rejected == 0
        assert [tuple(cell or None for cell in row) for row in theirs] == rows
    if rejected or theirs is None:
        assert found


@pytest.mark.parametrize("text", BROKEN)
def test_what_duckdb_rejects_of_broken_files_we_report(text: str, tmp_path: Path) -> None:
    agree_with_duckdb(text, tmp_path)


LINES = st.lists(
    st.lists(
        st.sampled_from(
            ["a", "b c", "ø", '"x"', '"x,y"', '"x ""y"" z"', '"x\ny"', '"x', 'x"y', ""]
        ),
        min_size=1,
        max_size=3,
    ).map(",".join),
    min_size=1,
    max_size=6,
).map(lambda lines: "".join(f"{line}\n" for line in lines))


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(text=LINES)
def test_what_duckdb_rejects_we_report_and_else_read_the_same(tmp_path: Path, text: str) -> None:
    agree_with_duckdb(text, tmp_path)


@pytest.mark.stress
@settings(
    max_examples=cases(20_000),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(text=LINES)
def test_what_duckdb_rejects_we_report_at_length(tmp_path: Path, text: str) -> None:
    agree_with_duckdb(text, tmp_path)
