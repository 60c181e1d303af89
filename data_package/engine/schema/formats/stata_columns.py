"""What the library reads wrongly in Stata files, read again; used in the process that reads.

Weeks, months, quarters, half-years and years are numbers that count from 1960, the library counts
days instead. Before release 118 a text has a byte for each letter, and the library cuts the UTF-8
that it makes of it at so many bytes. It also takes blanks at the end of a text off, which Stata
keeps. https://www.stata.com/help.cgi?dta_117
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

_PERIOD = re.compile(r"%-?t[wmqhy]")
_DAYS_FROM_1960 = 3653
_FIRST_WITH_TAGS = 117
_TAG = b"<data>"
_FIRST_OF_UTF8 = 118
_TEXT = re.compile(r"Str\((\d+)\)")
_BLANKS = bytes(one == ord(" ") for one in range(256))
_ZEROS = bytes(one == 0 for one in range(256))
_BYTES = {
    "Numeric(Byte)": 1,
    "Numeric(Int)": 2,
    "Numeric(Long)": 4,
    "Numeric(Float)": 4,
    "Numeric(Double)": 8,
    "StrL": 8,
}


def periods(metadata: Mapping[str, Any], schema: Mapping[str, pl.DataType]) -> list[str]:
    """The columns that count periods, which the library gives as days."""
    return [
        str(one["name"])
        for one in metadata.get("variables", ())
        if _PERIOD.match(str(one.get("format"))) and schema.get(str(one["name"])) == pl.Date
    ]


def counted(names: Sequence[str]) -> list[pl.Expr]:
    """The numbers of columns of periods."""
    return [
        (pl.col(name).to_physical().cast(pl.Int64) + _DAYS_FROM_1960).alias(name) for name in names
    ]


@dataclass(frozen=True, slots=True)
class _Text:
    name: str
    start: int
    width: int


def with_whole_texts(
    batches: Iterator[pl.DataFrame], path: Path, metadata: Mapping[str, Any]
) -> Iterator[pl.DataFrame]:
    """Give the rows of a Stata file, in its order, with the texts that the library cuts."""
    texts, width = _layout(metadata)
    release = int(metadata["version"])
    if not texts:
        yield from batches
        return
    encoding = str(metadata["encoding"])
    with path.open("rb") as file:
        file.seek(int(metadata["data_offset"]) + (len(_TAG) if release >= _FIRST_WITH_TAGS else 0))
        for batch in batches:
            block = file.read(batch.height * width)
            changed = [
                one
                for one in texts
                if one.name in batch.columns
                and (
                    _has_ends(block, one, width)
                    or (release < _FIRST_OF_UTF8 and not _is_ascii(block, one, width))
                )
            ]
            yield batch.with_columns(
                pl.coalesce(_letters(block, one, width, encoding), pl.col(one.name)).alias(one.name)
                for one in changed
            )


def _layout(metadata: Mapping[str, Any]) -> tuple[list[_Text], int]:
    """Where the texts are in the bytes of a row, and how many bytes it has."""
    texts: list[_Text] = []
    at = 0
    for one in metadata["variables"]:
        text = _TEXT.fullmatch(one["type"])
        size = int(text[1]) if text else _BYTES[one["type"]]
        if text:
            texts.append(_Text(str(one["name"]), at, size))
        at += size
    return texts, at


def _is_ascii(block: bytes, text: _Text, width: int) -> bool:
    return all(block[text.start + i :: width].isascii() for i in range(text.width))


def _has_ends(block: bytes, text: _Text, width: int) -> bool:
    """Whether a text may end in a blank: one comes before a zero, or as the last of its bytes."""
    for i in range(text.width):
        these = block[text.start + i :: width]
        if b" " not in these:
            continue
        if i == text.width - 1:
            return True
        following = block[text.start + i + 1 :: width]
        blanks, zeros = these.translate(_BLANKS), following.translate(_ZEROS)
        if int.from_bytes(blanks) & int.from_bytes(zeros):
            return True
    return False


def _letters(block: bytes, text: _Text, width: int, encoding: str) -> pl.Series:
    """The texts with letters that are not ASCII, or a blank at the end; null for the others."""
    starts = range(text.start, len(block), width)
    cells = (block[at : at + text.width].partition(b"\0")[0] for at in starts)
    values = [
        None if cell.isascii() and not cell.endswith(b" ") else cell.decode(encoding, "replace")
        for cell in cells
    ]
    return pl.Series(values, dtype=pl.String)
