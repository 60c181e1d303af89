"""A delimited file as blocks of rows of text, every ragged, blank or undecodable row known.

A block whose lines are all whole records of the right width, which is nearly all of any file, is
split by Polars. Lines that are not (open quotes, stray quotes, too few or too many cells, nothing
at all) are taken out and read by Python's csv module, whose reading is the reference for what a
record is. https://www.rfc-editor.org/rfc/rfc4180
"""

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import polars as pl

from data_package.engine.schema.dialect import Dialect

BLOCK_BYTES = 1 << 25

# Stands for bytes outside the encoding: no text may hold this noncharacter of Unicode.
_MARK = "\ufffe"
_MARK_BYTES = _MARK.encode()

csv.field_size_limit(1 << 30)
codecs.register_error("mark-undecodable", lambda error: (_MARK, error.end))  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Block:
    """Some consecutive records of a file.

    `cells` has one String column per cell, named "0", "1", …; a cell that is not there is null,
    and so is an empty one when the reader was told so. `rows` are the records' numbers in the file,
    counted from 1. `widths` gives the number of cells of records that have too few or too many, by
    their position in the block; `undecodable` the positions of records with bytes outside the
    encoding.
    """

    cells: pl.DataFrame
    rows: pl.Series
    widths: dict[int, int]
    undecodable: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Special:
    """A record read by the csv module: the line it begins on, and its cells."""

    line: int
    cells: list[str]


class Records:
    """The records of one file: `labels` are known at once, blocks are read as they are asked for.

    Use it as a context manager; it holds the file open.
    """

    def __init__(self, path: Path, dialect: Dialect, *, block_bytes: int = BLOCK_BYTES) -> None:
        self._dialect = dialect
        self._block_bytes = block_bytes
        self._file = _open(path)
        self._decoder = codecs.getincrementaldecoder(dialect.encoding)("mark-undecodable")
        self._held = b""
        self._begun = False
        self._ended = False
        self._next_row = 1
        self._fill()
        self.is_empty = not self._held
        self.labels: tuple[str, ...] = self._read_labels()

    def __enter__(self) -> "Records":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self, width: int, *, empty_is_null: bool) -> Iterator[Block]:
        """Give all records after the header, `width` cells each."""
        while self._held or not self._ended:
            if not self._held:
                self._fill()
                continue
            end = len(self._held) if self._ended else self._held.rfind(b"\n") + 1
            block = self._split(self._held[:end], width, empty_is_null) if end else None
            if block is None:
                # The last record goes on beyond what is held.
                self._fill()
                continue
            self._held = self._held[end:]
            if block.cells.height:
                yield block
            if not self._ended:
                self._fill()

    def _fill(self) -> None:
        """Hold more of the file, as UTF-8 with marks where it cannot be decoded."""
        # What did not yet make a whole record is doubled, so that reading on stays linear.
        data = self._file.read(max(self._block_bytes, len(self._held)))
        self._ended = not data
        if self._dialect.is_utf8:
            self._held += data if self._begun else data.removeprefix(codecs.BOM_UTF8)
        else:
            self._held += self._decoder.decode(data, final=self._ended).encode("utf-8", "replace")
        self._begun = True

    def _read_labels(self) -> tuple[str, ...]:
        dialect = self._dialect
        if not dialect.header or not dialect.header_rows or self.is_empty:
            return ()
        last = max(dialect.header_rows)
        while True:
            records, used = _leading_records(self._held, dialect, last)
            if used < len(self._held) or self._ended:
                break
            self._fill()
        self._held = self._held[used:]
        self._next_row = len(records) + 1
        return _join_labels(
            [
                records[row - 1]
                for row in dialect.header_rows
                if row <= len(records) and not _is_comment(records[row - 1], row, dialect)
            ],
            dialect.header_join,
        )

    def _split(self, data: bytes, width: int, empty_is_null: bool) -> Block | None:
        """Return the block in whole lines of data; None when its last record is not whole."""
        data = self._marked(data)
        frame = self._split_regular(data, width, empty_is_null)
        if frame is not None:
            rows = pl.int_range(self._next_row, self._next_row + frame.height, eager=True)
            self._next_row += frame.height
            return self._without_comments(Block(frame, rows, {}, ()))
        return self._split_irregular(data, width, empty_is_null)

    def _marked(self, data: bytes) -> bytes:
        if not self._dialect.is_utf8 or data.isascii():
            return data
        try:
            data.decode()
        except UnicodeDecodeError:
            return data.decode("utf-8", "mark-undecodable").encode()
        return data

    def _split_regular(self, data: bytes, width: int, empty_is_null: bool) -> pl.DataFrame | None:
        """Split lines that plainly are whole records of the right width, or return None.

        Without quotes a record is a line; that none is too long Polars tells, and that none is
        too short the number of delimiters.
        """
        dialect = self._dialect
        if (
            not dialect.is_plain
            or dialect.quote_char.encode() in data
            or dialect.comment_char
            or dialect.skip_initial_space
            or dialect.line_terminator not in (None, "\n", "\r\n")
            or _MARK_BYTES in data
            or data.startswith((b"\n", b"\r"))
            or b"\n\n" in data
            or (b"\r" in data and (b"\n\r\n" in data or data.count(b"\r") != data.count(b"\r\n")))
        ):
            return None
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        if data.count(dialect.delimiter.encode()) != lines * (width - 1):
            return None
        frame = _split_by_polars(data, dialect, width, empty_is_null)
        return frame if frame is not None and frame.height == lines else None

    def _split_irregular(self, data: bytes, width: int, empty_is_null: bool) -> Block | None:
        dialect = self._dialect
        if dialect.line_terminator not in (None, "\n", "\r\n"):
            data = data.replace((dialect.line_terminator or "\n").encode(), b"\n")
        lines = pl.read_lines(io.BytesIO(data)).to_series()
        special = self._special_lines(lines, width)
        taken = special.arg_true().to_list()
        raw = data.split(b"\n") if taken else []
        if raw and not raw[-1]:
            raw.pop()
        records, inside, whole = _read_specials(raw, taken, dialect)
        if not whole and not self._ended:
            return None
        if inside:
            swallowed = pl.Series(inside, dtype=pl.UInt32)
            special = special.scatter(swallowed, values=True)
        bulk_lines = (~special).arg_true()
        if len(bulk_lines) == len(lines):
            bulk = _split_by_polars(data, dialect, width, empty_is_null)
        else:
            bulk = _split_by_polars(_joined(lines.filter(~special)), dialect, width, empty_is_null)
        if bulk is None or bulk.height != len(bulk_lines):
            everything = list(range(len(raw or data.split(b"\n"))))
            raw = raw or data.removesuffix(b"\n").split(b"\n")
            records, _, whole = _read_specials(raw, everything, dialect)
            if not whole and not self._ended:
                return None
            bulk, bulk_lines = _no_rows(width), pl.Series([], dtype=pl.UInt32)
        return self._assembled(bulk, bulk_lines, records, width, empty_is_null)

    def _special_lines(self, lines: pl.Series, width: int) -> pl.Series:
        """Return which lines are not plainly one record of the right width."""
        dialect = self._dialect
        if not dialect.is_plain or dialect.skip_initial_space:
            return pl.Series("special", [True]).new_from_index(0, len(lines))
        quote, delimiter = re.escape(dialect.quote_char), re.escape(dialect.delimiter)
        quoted = f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}"
        cell = f"(?:{quoted}|[^{quote}{delimiter}\r]*)"
        line = pl.col("line")
        has_quote = line.str.contains(dialect.quote_char, literal=True)
        frame = pl.DataFrame({"line": lines}).select(
            "line",
            quoted=has_quote,
            cells=line.str.count_matches(dialect.delimiter, literal=True) + 1,
            odd=(line == "")
            | line.str.contains("\r", literal=True)
            | line.str.contains(_MARK, literal=True)
            | (line.str.starts_with(dialect.comment_char) if dialect.comment_char else False),
        )
        special = (frame["cells"] != width) | frame["odd"]
        if frame["quoted"].any():
            held = frame.filter("quoted").select(
                whole=line.str.contains(f"^{cell}(?:{delimiter}{cell})*$"),
                cells=line.str.replace_all(quoted, "").str.count_matches(
                    dialect.delimiter, literal=True
                )
                + 1,
            )
            where = frame["quoted"].arg_true()
            marked = frame["odd"].gather(where) | ~held["whole"] | (held["cells"] != width)
            special = special.scatter(where, marked)
        return special

    def _assembled(
        self,
        bulk: pl.DataFrame,
        bulk_lines: pl.Series,
        records: list[_Special],
        width: int,
        empty_is_null: bool,
    ) -> Block:
        names = [str(i) for i in range(width)]
        rows = [_padded(record.cells, width, empty_is_null) for record in records]
        columns = list(zip(*rows, strict=True)) if rows else [()] * width
        taken = pl.DataFrame(
            [
                pl.Series(name, list(values), dtype=pl.String)
                for name, values in zip(names, columns, strict=True)
            ]
        ).with_columns(
            pl.Series("line", [record.line for record in records], dtype=pl.UInt32),
            pl.Series("special", list(range(len(records))), dtype=pl.Int64),
        )
        frame = pl.concat(
            [
                bulk.with_columns(
                    bulk_lines.cast(pl.UInt32).alias("line"), special=pl.lit(None, pl.Int64)
                ),
                taken,
            ]
        ).sort("line", maintain_order=True)
        first = self._next_row
        self._next_row += frame.height
        numbers = pl.int_range(first, self._next_row, eager=True)
        positions = frame["special"].is_not_null().arg_true().to_list()
        by_position = {
            position: records[index]
            for position, index in zip(positions, frame["special"].drop_nulls(), strict=True)
        }
        comments = [
            position
            for position, record in by_position.items()
            if _is_comment(record.cells, first + position, self._dialect)
        ]
        keep = pl.Series([True]).new_from_index(0, frame.height)
        if comments:
            keep = keep.scatter(comments, values=False)
        moved = {position: i for i, position in enumerate(keep.arg_true())} if comments else None
        widths: dict[int, int] = {}
        undecodable: list[int] = []
        for position, record in by_position.items():
            if moved is not None and position not in moved:
                continue
            place = position if moved is None else moved[position]
            if len(record.cells) != width:
                widths[place] = len(record.cells)
            if any(_MARK in cell for cell in record.cells):
                undecodable.append(place)
        block = Block(
            frame.filter(keep).select(names), numbers.filter(keep), widths, tuple(undecodable)
        )
        return self._without_comments(block)

    def _without_comments(self, block: Block) -> Block:
        """Leave out rows that the dialect names as comments by number."""
        listed = self._dialect.comment_rows
        keep = ~block.rows.is_in(list(listed)) if listed else None
        if keep is None or keep.all():
            return block
        moved = {old: new for new, old in enumerate(keep.arg_true())}
        return Block(
            block.cells.filter(keep),
            block.rows.filter(keep),
            {moved[old]: width for old, width in block.widths.items() if old in moved},
            tuple(moved[old] for old in block.undecodable if old in moved),
        )


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _split_by_polars(
    data: bytes, dialect: Dialect, width: int, empty_is_null: bool
) -> pl.DataFrame | None:
    if not data:
        return _no_rows(width)
    try:
        return pl.read_csv(
            data,
            has_header=False,
            schema={str(i): pl.String() for i in range(width)},
            separator=dialect.delimiter,
            quote_char=dialect.quote_char or None,
            empty_string_is_null=empty_is_null,
        )
    except pl.exceptions.PolarsError:
        return None


def _no_rows(width: int) -> pl.DataFrame:
    return pl.DataFrame(schema={str(i): pl.String() for i in range(width)})


def _joined(lines: pl.Series) -> bytes:
    if not len(lines):
        return b""
    written = io.BytesIO()
    lines.to_frame().write_csv(written, include_header=False, quote_style="never")
    return written.getvalue()


def _read_specials(
    raw: list[bytes], starts: list[int], dialect: Dialect
) -> tuple[list[_Special], list[int], bool]:
    """Read the records that begin on the lines `starts`, in order.

    Returns them, the lines inside of records that go over several, and whether the last one ended.
    """
    records: list[_Special] = []
    inside: list[int] = []
    free = 0
    whole = True
    for start in starts:
        if start < free:
            continue
        lines = _Lines(raw, start)
        found: list[list[str]] = []
        reader = dialect.records(lines)
        try:
            # A lone carriage return ends a record too, so one line can hold several.
            while not found or lines.pending:
                found.append(next(reader))
        except (StopIteration, csv.Error):
            found = found or [[]]
        whole = not lines.exhausted
        free = lines.next_line
        records.extend(_Special(start, cells) for cells in found)
        inside.extend(range(start + 1, free))
    return records, inside, whole


class _Lines:
    """Lines from one on, as the csv module asks for them."""

    def __init__(self, raw: list[bytes], start: int) -> None:
        self._raw = raw
        self.next_line = start
        self.pending: list[str] = []
        self.exhausted = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if not self.pending:
            if self.next_line >= len(self._raw):
                self.exhausted = True
                raise StopIteration
            text = self._raw[self.next_line].decode("utf-8", "replace") + "\n"
            self.next_line += 1
            self.pending = list(io.StringIO(text, newline=""))
        return self.pending.pop(0)


def _leading_records(data: bytes, dialect: Dialect, count: int) -> tuple[list[list[str]], int]:
    """Return the first records, and how many bytes they take."""
    if dialect.line_terminator not in (None, "\n", "\r\n"):
        data = data.replace((dialect.line_terminator or "\n").encode(), b"\n")
    raw = data.split(b"\n", 4096 + count)
    if len(raw) > 4096 + count or (raw and not raw[-1]):
        raw.pop()
    records: list[list[str]] = []
    lines = _Lines([line.decode("utf-8", "mark-undecodable").encode() for line in raw], 0)
    reader = dialect.records(lines)
    while len(records) < count:
        try:
            records.append(next(reader))
        except (StopIteration, csv.Error):
            break
    used = sum(len(line) + 1 for line in raw[: lines.next_line])
    return records, min(used, len(data))


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


def _is_comment(cells: list[str], row: int, dialect: Dialect) -> bool:
    if row in dialect.comment_rows:
        return True
    char = dialect.comment_char
    return bool(char and cells and cells[0].startswith(char))


def _padded(cells: list[str], width: int, empty_is_null: bool) -> list[str | None]:
    kept: list[str | None] = [
        None if empty_is_null and not cell else cell for cell in cells[:width]
    ]
    return kept + [None] * (width - len(kept))
