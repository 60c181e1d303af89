"""A delimited file as blocks of rows of text, split on several threads and given in order."""

import codecs
import gzip
import os
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import IO, TypeVar, cast

import polars as pl

from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.signatures import BEGINNING_BYTES
from data_package.engine.schema.split import (
    Block,
    Shape,
    is_comment,
    leading_records,
    split_records,
)
from data_package.engine.schema.unreadable import CheckError, not_text, unreadable_file

BLOCK_BYTES = 1 << 23

_FIRST_BYTES = 1 << 16
# What opening, unpacking and decoding raise; an archive with a password, RuntimeError.
_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, UnicodeError, RuntimeError)
_THREADS = min(4, len(os.sched_getaffinity(0)))

T = TypeVar("T")


class Records:
    """The records of one file: `labels` are known at once, blocks are read as they are asked for.

    Use it as a context manager; it holds the file open.
    """

    def __init__(self, path: Path, dialect: Dialect, *, block_bytes: int = BLOCK_BYTES) -> None:
        self._dialect = dialect
        self._block_bytes = block_bytes
        self._path = path
        try:
            self._file = _open(path)
            beginning = _beginning(self._file)
        except _UNREADABLE as error:
            raise unreadable_file(path, error, dialect.encoding) from None
        what = not_text(beginning, is_utf8=dialect.is_utf8, has_header=dialect.header)
        if what is not None:
            self._file.close()
            raise CheckError(f"{path}: the file is not text as it stands: {what}")
        self._decoder = codecs.getincrementaldecoder(dialect.encoding)("mark-undecodable")
        self._held = b""
        self._begun = False
        self._ended = False
        self._next_row = 1
        self._fill(min(_FIRST_BYTES, block_bytes))
        self.is_empty = not self._held
        self.labels: tuple[str, ...] = self._read_labels()

    def __enter__(self) -> "Records":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self, shape: Shape, read: Callable[[Block], T]) -> Iterator[tuple[Block, T]]:
        """Give all records after the header, with what `read` makes of them.

        `read` is called on several threads; a block's number of its first row is only right in
        the block that is given back.
        """
        waiting: deque[tuple[bytes, Future[tuple[Block, T] | None]]] = deque()

        def work(data: bytes, shape: Shape, last: bool) -> tuple[Block, T] | None:
            block = split_records(data, self._dialect, shape, last=last)
            return None if block is None else (block, read(block))

        with ThreadPoolExecutor(_THREADS) as pool:
            least = self._block_bytes
            while True:
                while len(waiting) <= _THREADS and (piece := self._next_piece(least)):
                    last = self._ended and not self._held
                    waiting.append((piece, pool.submit(work, piece, shape, last)))
                if not waiting:
                    return
                piece, future = waiting.popleft()
                done = future.result()
                if done is None:
                    # Its last record goes on: what follows began in the middle of it. Twice as
                    # much is tried next, so that a long record costs linear time.
                    self._held = b"".join([piece, *(more for more, _ in waiting), self._held])
                    waiting.clear()
                    least = max(2 * len(piece), least)
                    continue
                least = self._block_bytes
                block, result = done
                if block.cells.schema != shape.schema(numbers=True):
                    # What is not all numbers here will not be further on: try no more.
                    shape = replace(shape, numbers={})
                first = self._next_row
                self._next_row += block.records
                block = replace(block, first=first)
                less = _without_rows(block, self._dialect.comment_rows)
                if less is not None:
                    block, result = less, read(less)
                if block.cells.height:
                    yield block, result

    def _next_piece(self, least: int) -> bytes:
        """Take whole lines off the file, about `least` bytes; at its end all that is left."""
        while not self._ended and (len(self._held) < least or b"\n" not in self._held):
            self._fill(max(least - len(self._held), self._block_bytes))
        if self._ended and len(self._held) <= least:
            end = len(self._held)
        else:
            end = self._held.rfind(b"\n", 0, max(least, 1)) + 1
            end = end or self._held.find(b"\n") + 1 or len(self._held)
        piece, self._held = self._held[:end], self._held[end:]
        return piece

    def _fill(self, size: int) -> None:
        """Hold more of the file, as UTF-8 with marks where it cannot be decoded."""
        terminator = self._dialect.line_terminator
        try:
            data = self._file.read(size if terminator in (None, "\n", "\r\n") else -1)
            self._ended = not data
            if self._dialect.is_utf8:
                data = data if self._begun else data.removeprefix(codecs.BOM_UTF8)
            else:
                data = self._decoder.decode(data, final=self._ended).encode("utf-8", "replace")
        except _UNREADABLE as error:
            raise unreadable_file(self._path, error, self._dialect.encoding) from None
        if terminator not in (None, "\n", "\r\n"):
            data = data.replace(str(terminator).encode(), b"\n")
        self._held += data
        self._begun = True

    def _read_labels(self) -> tuple[str, ...]:
        dialect = self._dialect
        if not dialect.header or not dialect.header_rows or self.is_empty:
            return ()
        last = max(dialect.header_rows)
        while True:
            records, used = leading_records(self._held, dialect, last)
            if used < len(self._held) or self._ended:
                break
            self._fill(self._block_bytes)
        self._held = self._held[used:]
        self._next_row = len(records) + 1
        return _join_labels(
            [
                records[row - 1]
                for row in dialect.header_rows
                if row <= len(records) and not is_comment(records[row - 1], row, dialect)
            ],
            dialect.header_join,
        )


def _without_rows(block: Block, numbers: tuple[int, ...]) -> Block | None:
    """Return the block without the rows of these numbers, None when it has none of them."""
    if not numbers:
        return None
    keep = ~block.rows.is_in(list(numbers))
    if keep.all():
        return None
    moved = {int(old): new for new, old in enumerate(keep.arg_true())}
    places = block.places
    if places is None:
        places = pl.int_range(block.records, dtype=pl.UInt32, eager=True)
    return replace(
        block,
        cells=block.cells.filter(keep),
        places=places.filter(keep),
        widths=tuple((moved[row], cells) for row, cells in block.widths if row in moved),
        undecodable=tuple(moved[row] for row in block.undecodable if row in moved),
    )


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise CheckError(f"{path}: it holds {len(names)} files; unpack it and name one of them")
        return archive.open(names[0])
    return path.open("rb")


def _beginning(file: IO[bytes]) -> bytes:
    """The first bytes of a file that has just been opened, without taking them."""
    return cast("BufferedReader", file).peek(BEGINNING_BYTES)[:BEGINNING_BYTES]


def _join_labels(rows: list[list[str]], join: str) -> tuple[str, ...]:
    """Return one label per column, https://datapackage.org/standard/table-dialect/#headerRows."""
    labels: list[str] = []
    above: dict[int, str] = {}
    for row in rows:
        for i, cell in enumerate(text.strip() for text in row):
            if above.get(i) == cell:
                continue
            above[i] = cell
            if i < len(labels):
                labels[i] = join.join([labels[i], cell])
            else:
                labels.append(cell)
    return tuple(labels)
