"""Delimited text as blocks of rows of text, split on several threads and given in order."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import polars as pl

from data_package.engine.schema.delimiting import Delimited
from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.grammar import BLOCK_BYTES, Grammar, Record, cells_of
from data_package.engine.schema.split import Block, Shape, split_records
from data_package.engine.schema.unpacking import UNREADABLE
from data_package.engine.schema.unreadable import CheckError, unreadable_file

_FIRST_BYTES = 1 << 16
# Beyond this no record goes on: a quote that is open for so long was never closed, and memory ends.
_LONGEST_RECORD = 1 << 28
_THREADS = min(4, len(os.sched_getaffinity(0)))

T = TypeVar("T")


class Records:
    """The records of one file: its header is known at once, blocks are read as they are asked for.

    `labels` are empty where the dialect says that there is no header, or where no row is left to be
    one. `blank_rows` are the numbers of the empty lines above the header, `broken_header` tells
    that its quotes are wrong, and `first_row` is the number of the row after it. `part` says which
    part of the file they are, such as a sheet.

    Use it as a context manager; it holds the file open.
    """

    def __init__(
        self,
        path: Path,
        dialect: Dialect,
        delimited: Callable[[Path, Dialect], Delimited],
        *,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._block_bytes = block_bytes
        self._path = path
        try:
            text = delimited(path, dialect)
            self._encoding = dialect.encoding
            self._source, self._restored = text.source, text.restored
            self._dialect, self._is_grid, self.part = text.dialect, text.is_grid, text.part
            self._split = text.split
        except UNREADABLE as error:
            raise unreadable_file(path, error, dialect.encoding) from None
        self._held = b""
        self._ended = False
        self._next_row = 1
        self.blank_rows: tuple[int, ...] = ()
        self.broken_header = False
        # Enough for any mark of the encoding.
        self._fill(max(4, min(_FIRST_BYTES, block_bytes)))
        self.is_empty = not self._held
        self.labels: tuple[str, ...] = self._read_labels() if dialect.header else ()
        self.first_row = self._next_row

    def __enter__(self) -> "Records":
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def blocks(self, shape: Shape, read: Callable[[Block], T]) -> Iterator[tuple[Block, T]]:
        """Give all records after the header, with what `read` makes of them.

        `read` is called on several threads; a block's number of its first row is only right in
        the block that is given back.
        """
        waiting: deque[tuple[bytes, Future[tuple[Block, T, bytes]]]] = deque()

        def work(data: bytes, shape: Shape, last: bool) -> tuple[Block, T, bytes]:
            if self._split is not None:
                block = self._split(data, shape)
                return block, read(block), b""
            block, rest = split_records(data, self._dialect, shape, last=last)
            if self._restored is not None:
                block = replace(block, cells=self._restored(block.cells))
            return block, read(block), rest

        with ThreadPoolExecutor(_THREADS) as pool:
            least = self._block_bytes
            while True:
                while len(waiting) <= _THREADS and (piece := self._next_piece(least)):
                    last = (self._ended and not self._held) or len(piece) > _LONGEST_RECORD
                    waiting.append((piece, pool.submit(work, piece, shape, last)))
                if not waiting:
                    return
                piece, future = waiting.popleft()
                block, result, rest = future.result()
                if rest:
                    # Its last record goes on: what follows began in the middle of it. Where it is
                    # all there is, twice as much is tried next: a long record costs linear time.
                    self._held = b"".join([rest, *(more for more, _ in waiting), self._held])
                    waiting.clear()
                least = self._block_bytes if block.records else 2 * max(least, len(piece))
                if not block.records:
                    continue
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
        while not self._ended and (len(self._held) < least or not _line_end(self._held)):
            self._fill(max(least - len(self._held), self._block_bytes, len(self._held)))
        if self._ended and len(self._held) <= least:
            end = len(self._held)
        else:
            end = _line_end(self._held, max(least, 1))
            end = end or _first_line_end(self._held) or len(self._held)
        piece, self._held = self._held[:end], self._held[end:]
        return piece

    def _fill(self, size: int) -> None:
        """Hold more of the file."""
        try:
            data = self._source.read(size)
        except UNREADABLE as error:
            raise unreadable_file(self._path, error, self._encoding) from None
        self._ended = not data
        self._held += data

    def _read_labels(self) -> tuple[str, ...]:
        """Take the header off the file: the rows it is declared to be, comments left out.

        Where one of them is a comment, or an empty line, the header is what comes after it.
        """
        wanted = self._dialect.header_rows
        rows: list[list[str]] = []
        blank: list[int] = []
        for record, cells in self._leading_records():
            row = self._next_row - 1
            if row < min(wanted) or record.comment or row in self._dialect.comment_rows:
                continue
            if not any(cells) if self._is_grid else not cells:
                blank.append(row)
                continue
            if row < max(wanted) and row not in wanted:
                raise CheckError(
                    f"{self._path}: row {row} lies between the rows of the header and is neither "
                    "one of them nor a comment; name it in the dialect's headerRows or commentRows"
                )
            self.broken_header |= bool(record.faults)
            rows.append(cells)
            if len(rows) == len(wanted):
                break
        self.blank_rows = tuple(blank)
        return _join_labels(rows, self._dialect.header_join)

    def _leading_records(self) -> Iterator[tuple[Record, list[str]]]:
        """Take one record after another off the file, each with its cells."""
        grammar = Grammar(self._dialect)
        while True:
            end = len(self._held) if self._ended else _line_end(self._held)
            text = self._held[:end].decode("utf-8", "mark-undecodable")
            last = self._ended or end > _LONGEST_RECORD
            record = grammar.read(text, 0, last=last) if text else None
            if record is not None:
                self._held = text[record.end :].encode() + self._held[end:]
                self._next_row += 1
                cells = cells_of([record], self._dialect)[0]
                if self._restored is not None:
                    restored = self._restored(pl.DataFrame({"cell": cells}, {"cell": pl.String}))
                    cells = restored["cell"].to_list()
                yield record, cells
            elif self._ended:
                return
            else:
                self._fill(max(len(self._held), self._block_bytes))


def _line_end(data: bytes, before: int | None = None) -> int:
    """Return where the last line ends that ends before a position, 0 when none does."""
    stop = len(data) if before is None else before
    # A carriage return that is followed by nothing may be half of a line end.
    return data.rfind(b"\n", 0, stop) + 1 or data.rfind(b"\r", 0, max(stop - 1, 0)) + 1


def _first_line_end(data: bytes) -> int:
    """Return where the first line ends, 0 when none does."""
    if end := data.find(b"\n") + 1:
        return end
    return data.find(b"\r", 0, len(data) - 1) + 1


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
        beyond=tuple(moved[row] for row in block.beyond if row in moved),
        undecodable=tuple(moved[row] for row in block.undecodable if row in moved),
        faults=tuple((moved[row], place) for row, place in block.faults if row in moved),
    )


def _join_labels(rows: list[list[str]], join: str) -> tuple[str, ...]:
    """Return one label per column, https://datapackage.org/standard/table-dialect/#headerRows.

    A cell that is empty in a row above the last one says what the cell before it says.
    """
    width = max(map(len, rows), default=0)
    columns: list[list[str]] = [[] for _ in range(width)]
    for row in rows:
        filled = ""
        for i, parts in enumerate(columns):
            cell = row[i].strip() if i < len(row) else ""
            filled = cell or (filled if row is not rows[-1] else "")
            if filled and parts[-1:] != [filled]:
                parts.append(filled)
    return tuple(join.join(parts) for parts in columns)
