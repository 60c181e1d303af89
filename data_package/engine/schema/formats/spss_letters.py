"""Letters of SPSS files that say they are in UTF-8, and may not be.

The library drops letters that are not UTF-8, and what follows them, without a word. So it reads a
copy of such a file whose header names an encoding in which each byte is a letter, and the bytes
that these stand for are decoded here. A file that names no encoding counts as UTF-8, too.
https://www.gnu.org/software/pspp/pspp-dev/html_node/Character-Encoding-Record.html
"""

import re
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BufferedReader
from itertools import groupby, product
from typing import IO, cast

import polars as pl

from data_package.engine.schema.formats.spss_records import (
    ENCODING,
    EXTENSION,
    LABELS_OF_TEXTS,
    LONG_NAMES,
    LONG_TEXTS,
    MISSING_OF_TEXTS,
    VARIABLE,
    byte_order,
    encoding_at,
    records,
)

_BYTEWISE = "cp866"
_PIECE = 1 << 20
_BLOCK = 1 << 19
_CELL = 8
_PACKED_AT = 72
# What it is called in a name of so many bytes: the places of packed rows stay as they are.
_SHORTEST = b"866"
_END_BYTES = 8
_NAME_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$#."


class UndecodedError(ValueError):
    """A column, which is the argument, has letters that are not in the encoding of its file."""


def is_ascii(file: BufferedReader, data_offset: int) -> bool:
    """Whether the texts of a file whose rows are not packed are all in ASCII."""
    head = file.read(data_offset)
    (packed,) = struct.unpack(f"{byte_order(head)}i", head[_PACKED_AT : _PACKED_AT + 4])
    if packed:
        return False
    widths = [
        struct.unpack(f"{byte_order(head)}i", head[one.begin + 4 : one.begin + 8])[0]
        for one in records(head)
        if one.kind == VARIABLE
    ]
    rows = max(1, _BLOCK // (_CELL * len(widths)))
    block = bytearray(rows * _CELL * len(widths))
    while size := file.readinto(block):
        cells = memoryview(block)[: size - size % _CELL].cast("Q")
        if not all(part.tobytes().isascii() for part in _texts_of(cells, rows, widths)):
            return False
        if not block[size - size % _CELL : size].isascii():
            return False
    return True


def _texts_of(cells: memoryview, rows: int, widths: Sequence[int]) -> Iterator[memoryview]:
    """The texts of some rows, in as few parts as may be: by column, or by row where it is wide.

    A row is one cell of eight bytes for each of the widths, which is 0 for a number.
    """
    begin = 0
    for is_text, run in groupby(widths, bool):
        end = begin + len(list(run))
        if is_text and end - begin < rows:
            yield from (cells[place :: len(widths)] for place in range(begin, end))
        elif is_text:
            for row in range(0, len(cells), len(widths)):
                yield cells[row + begin : row + end]
        begin = end


def without_missing(
    batch: pl.DataFrame, variables: Iterable[Mapping[str, object]], ending: str
) -> pl.DataFrame:
    """Texts without those that count as missing; the library does not find ones beyond ASCII.

    Their codes are in columns with this ending of their names, where these are asked for.
    """
    changed: list[pl.Expr] = []
    for one in variables:
        name, words = str(one["name"]), cast("list[object]", one.get("missing_strings") or [])
        texts = [text for word in words if not (text := str(word).rstrip(" ")).isascii()]
        if not texts or name not in batch.columns:
            continue
        column = pl.col(name)
        missing = column.is_in(texts)
        changed.append(pl.when(~missing).then(column).alias(name))
        if (codes := name + ending) in batch.columns:
            changed.append(pl.when(missing).then(column).otherwise(pl.col(codes)).alias(codes))
    return batch.with_columns(changed) if changed else batch


def copy_in_bytes(file: IO[bytes], copy: IO[bytes], data_offset: int) -> bool:
    """Copy a file, and name an encoding in which each byte is a letter.

    Returns False if the header has no room for that name: the copy then equals the file.
    """
    head = _with_plain_names(file.read(data_offset))
    found = encoding_at(head)
    changed = found is not None and found[1] >= len(_SHORTEST)
    if found is not None and changed:
        at, length = found
        name = _BYTEWISE.encode() if length == len(_BYTEWISE) else _SHORTEST
        head = head[:at] + name.ljust(length) + head[at + length :]
    elif found is None and head.startswith(b"$FL2"):
        changed = True
        name = _BYTEWISE.encode()
        record = struct.pack(f"{byte_order(head)}4i", EXTENSION, ENCODING, 1, len(name)) + name
        head = head[:-_END_BYTES] + record + head[-_END_BYTES:]
    copy.write(head)
    shutil.copyfileobj(file, copy, _PIECE)
    return changed


def _with_plain_names(head: bytes) -> bytes:
    """A dictionary with ASCII names, each as long as before.

    The library does not decode the names of variables, and so does not find again those that have
    other letters. Raises ValueError for a dictionary that is damaged.
    """
    order, changed = byte_order(head), bytearray(head)
    variables = [one for one in records(head) if one.kind == VARIABLE]
    fields = [slice(one.content - 8, one.content) for one in variables]
    names = dict.fromkeys(head[field].rstrip(b" ") for field in fields)
    plain: dict[bytes, bytes] = {}
    for name in names:
        if not name.isascii():
            # The shortest that needs one has two bytes.
            free = map(bytes, product(_NAME_LETTERS, repeat=len(name)))
            plain[name] = next(
                one for one in free if one not in names and one not in plain.values()
            )
    for field in fields:
        name = head[field].rstrip(b" ")
        changed[field] = plain.get(name, name).ljust(8)
    for record in records(head):
        content = head[record.content : record.end]
        for short in sorted(plain, key=len, reverse=True):
            new = plain[short]
            if record.subtype in (LONG_NAMES, LONG_TEXTS):
                content = re.sub(rb"(^|\t)" + re.escape(short) + b"=", rb"\1" + new + b"=", content)
            elif record.subtype in (LABELS_OF_TEXTS, MISSING_OF_TEXTS):
                length = struct.pack(f"{order}i", len(short))
                content = content.replace(length + short, length + new)
        changed[record.content : record.end] = content
    return bytes(changed)


def decoded(batch: pl.DataFrame) -> pl.DataFrame:
    """Texts in which each letter is a byte, as the UTF-8 that the bytes are.

    Raises UndecodedError where they are not. Programs cut texts at so many bytes, so half of a
    letter at the end of one is left out.
    """
    return batch.with_columns(
        column.replace(odd, pl.Series([_text(one, column.name) for one in odd], dtype=pl.String))
        for column in batch.select(pl.col(pl.String))
        if len(odd := column.filter(column.str.len_bytes() != column.str.len_chars()).unique())
    )


def _text(letters: str, name: str) -> str:
    data = letters.encode(_BYTEWISE)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.start:
            return data[: error.start].decode()
        raise UndecodedError(name) from None
