"""Lines of delimited text as rows of cells, with every ragged or undecodable record known.

Lines that are all whole records of the right width, which is nearly all of any file, are split by
Polars. Lines that are not (open quotes, stray quotes, too few or too many cells, nothing at all)
are taken out and read one by one; `grammar` says what a record is. No library reports every bad row
with its number and without its values: Polars stops at the first, Python's `csv` joins what an open
quote leaves, and DuckDB's reject tables quote the line and follow other rules.
"""

import codecs
import csv
import io
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import polars as pl

from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.grammar import Grammar, Record, cells_of

MARK = "\ufffe"
"""Stands for bytes outside the encoding: no text may hold this noncharacter of Unicode."""

_MARK_BYTES = MARK.encode()

csv.field_size_limit(1 << 30)
codecs.register_error("mark-undecodable", lambda error: (MARK, getattr(error, "end", 0)))

# As many as no float of 64 bits has before its first other digit.
_ZEROS = b"0" * 300


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a file's rows before they are read.

    `width` is how many cells a row has; `empty_is_null` tells that an empty cell is a null.
    `numbers` gives the type of columns, by their place, that may be split into numbers at once,
    which spares the text; nothing else is read as a number, nor the other way round.
    """

    width: int
    empty_is_null: bool
    numbers: Mapping[int, pl.DataType] = field(default_factory=dict)

    def schema(self, *, numbers: bool = False) -> dict[str, pl.DataType]:
        """The columns of a block."""
        held = self.numbers if numbers else {}
        return {str(i): held.get(i, pl.String()) for i in range(self.width)}


@dataclass(frozen=True, slots=True)
class Block:
    """Some consecutive records of a file, comments left out.

    `cells` has one column per cell, named "0", "1", …: text, or all of the shape's numbers where
    that could be; a cell that is not there is null, and so is an empty one when the shape says
    so. `first` is the number in the file of the first of all `records` records, `places` says
    which of them the rows are (None: all of them). `widths` gives the number of cells of rows that
    have too few or too many; `beyond` the rows with text in a cell beyond the width;
    `undecodable` the rows with bytes outside the encoding; `faults` the row and the place of cells
    whose quotes are wrong, which hold their text as it was written.
    """

    cells: pl.DataFrame
    records: int
    places: pl.Series | None = None
    widths: tuple[tuple[int, int], ...] = ()
    beyond: tuple[int, ...] = ()
    undecodable: tuple[int, ...] = ()
    faults: tuple[tuple[int, int], ...] = ()
    first: int = 1

    @property
    def rows(self) -> pl.Series:
        """The rows' numbers in the file, counted from 1."""
        if self.places is None:
            return pl.int_range(self.first, self.first + self.records, eager=True)
        return self.places.cast(pl.Int64) + self.first


@dataclass(frozen=True, slots=True)
class _Special:
    """A record read by itself: the line it begins on, and its cells."""

    line: int
    record: Record
    cells: list[str]


def split_records(
    data: bytes, dialect: Dialect, shape: Shape, *, last: bool
) -> tuple[Block, bytes]:
    """Return the records in whole lines of UTF-8 text, and what is left of the data.

    The rest begins with a record that goes on beyond the data; there is none when `last` says
    that nothing follows.
    """
    data = _marked(data)
    if b"\r" in data and dialect.is_plain and not dialect.may_quote(data):
        # Without quotes every line end ends a record, and Polars knows one of them.
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if _is_regular(data, dialect):
        frame = _split_regular(data, dialect, shape)
        if frame is not None:
            return Block(frame, frame.height), b""
    return _split_irregular(data, dialect, shape, last)


def _marked(data: bytes) -> bytes:
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "mark-undecodable").encode()
    return data


def _is_regular(data: bytes, dialect: Dialect) -> bool:
    """Tell whether every line plainly is a record: no quotes, comments, blank lines, odd bytes."""
    return not (
        not dialect.is_plain
        or dialect.may_quote(data)
        or dialect.comment_char
        or dialect.skip_initial_space
        or (not data.isascii() and _MARK_BYTES in data)
        or data.startswith((b"\n", b"\r", codecs.BOM_UTF8))
        or b"\n\n" in data
        or (b"\r" in data and (b"\n\r\n" in data or data.count(b"\r") != data.count(b"\r\n")))
    )


def _split_regular(data: bytes, dialect: Dialect, shape: Shape) -> pl.DataFrame | None:
    """Split lines that are a record each, or return None when one is too long or too short.

    Too long a record Polars tells; one that is too short lacks its last cell.
    """
    if shape.numbers:
        frame = _split_by_polars(data, dialect, shape, numbers=True)
        if (
            frame is not None
            and not _hides_blanks(data, frame, dialect, shape)
            and not _overflows(data, frame, shape)
        ):
            return frame if _is_whole(data, frame, dialect, shape) else None
    frame = _split_by_polars(data, dialect, shape)
    return frame if frame is not None and _is_whole(data, frame, dialect, shape) else None


def _is_whole(data: bytes, frame: pl.DataFrame, dialect: Dialect, shape: Shape) -> bool:
    """Tell whether no record is too short."""
    if shape.empty_is_null and shape.width and not frame[:, -1].null_count():
        return True
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    return data.count(dialect.delimiter.encode()) == lines * (shape.width - 1)


def _overflows(data: bytes, frame: pl.DataFrame, shape: Shape) -> bool:
    """Tell whether an infinity or a 0 may be a number that 64 bits cannot hold."""
    floats = [frame[str(i)] for i, dtype in shape.numbers.items() if dtype.is_float()]
    if any(column.is_infinite().any() for column in floats):
        return True
    tiny = b"e-" in data or b"E-" in data or _ZEROS in data
    return tiny and any((column == 0).any() for column in floats)


def _hides_blanks(data: bytes, frame: pl.DataFrame, dialect: Dialect, shape: Shape) -> bool:
    """Tell whether a null may be a cell of blanks alone, which is neither a number nor empty."""
    if not any(frame[str(i)].null_count() for i in shape.numbers):
        return False
    ends = (dialect.delimiter.encode(), b"\n", b"\r")
    return any(
        blank in data and (data.endswith(blank) or any(blank + end in data for end in ends))
        for blank in (b" ", b"\t")
        if blank != ends[0]
    )


def _split_irregular(
    data: bytes, dialect: Dialect, shape: Shape, last: bool
) -> tuple[Block, bytes]:
    lines = pl.read_lines(io.BytesIO(data)).to_series()
    special = _special_lines(lines, dialect, shape.width)
    read = _Specials(data, dialect, len(lines), last=last)
    read.from_lines(special.arg_true())
    if read.inside:
        special = special.scatter(pl.Series(read.inside, dtype=pl.UInt32), values=True)
    bulk_lines = (~special.head(read.lines_read)).arg_true()
    if len(bulk_lines) == len(lines):
        bulk = _split_by_polars(data, dialect, shape)
    else:
        bulk = _split_by_polars(_joined(lines.gather(bulk_lines)), dialect, shape)
    if bulk is None or bulk.height != len(bulk_lines):
        read = _Specials(data, dialect, len(lines), last=last)
        read.from_lines(range(len(lines)))
        bulk, bulk_lines = pl.DataFrame(schema=shape.schema()), pl.Series([], dtype=pl.UInt32)
    return _assembled(bulk, bulk_lines, read.records(), shape), read.rest


def _special_lines(lines: pl.Series, dialect: Dialect, width: int) -> pl.Series:
    """Return which lines are not plainly one record of the right width."""
    if not dialect.is_plain or dialect.skip_initial_space:
        return pl.Series("special", [True]).new_from_index(0, len(lines))
    line = pl.col("line")
    has_quote = pl.lit(value=False)
    if dialect.quote_char:
        has_quote = line.str.contains(dialect.quote_char, literal=True)
    frame = pl.DataFrame({"line": lines}).select(
        "line",
        quoted=has_quote,
        cells=line.str.count_matches(dialect.delimiter, literal=True) + 1,
        odd=(line == "")
        | line.str.contains("\r", literal=True)
        # At the beginning of the data Polars takes this for a mark of byte order.
        | line.str.starts_with("\ufeff")
        | line.str.contains(MARK, literal=True)
        | (line.str.starts_with(dialect.comment_char) if dialect.comment_char else False),
    )
    special = (frame["cells"] != width) | frame["odd"]
    if frame["quoted"].any():
        quote, delimiter = (
            f"\\x{{{ord(char):x}}}" for char in (dialect.quote_char, dialect.delimiter)
        )
        quoted = f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}"
        cell = f"(?:{quoted}|[^{quote}{delimiter}\r]*)"
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
    bulk: pl.DataFrame, bulk_lines: pl.Series, records: list[_Special], shape: Shape
) -> Block:
    """Return the rows that Polars split and the records read one by one, in the file's order."""
    frame = pl.concat(
        [
            bulk.with_columns(
                bulk_lines.cast(pl.UInt32).alias("line"), pl.lit(None, pl.Int64).alias("special")
            ),
            _special_rows(records, shape),
        ]
    ).sort("line", maintain_order=True)
    count = frame.height
    comments = [index for index, each in enumerate(records) if each.record.comment]
    places: pl.Series | None = None
    if comments:
        frame = frame.with_row_index("place").filter(
            ~pl.col("special").is_in(comments).fill_null(value=False)
        )
        places = frame["place"]
    where = frame["special"].is_not_null().arg_true()
    held = [
        (row, records[index])
        for row, index in zip(where, frame["special"].gather(where), strict=True)
    ]
    return Block(
        frame.select(list(shape.schema())),
        count,
        places,
        widths=tuple(
            (row, len(each.cells))
            for row, each in held
            if len(each.cells) != shape.width and not each.record.faults
        ),
        beyond=tuple(row for row, each in held if any(each.cells[shape.width :])),
        undecodable=tuple(row for row, each in held if any(MARK in cell for cell in each.cells)),
        faults=tuple((row, place) for row, each in held for place in each.record.faults),
    )


def _special_rows(records: list[_Special], shape: Shape) -> pl.DataFrame:
    rows = [_padded(each.cells, shape) for each in records]
    return pl.DataFrame(rows, schema=shape.schema(), orient="row").with_columns(
        pl.Series("line", [each.line for each in records], dtype=pl.UInt32),
        pl.Series("special", range(len(records)), dtype=pl.Int64),
    )


def _split_by_polars(
    data: bytes, dialect: Dialect, shape: Shape, *, numbers: bool = False
) -> pl.DataFrame | None:
    schema = shape.schema(numbers=numbers)
    if not data:
        return pl.DataFrame(schema=schema)
    if not data.endswith((b"\n", b"\r")):
        # Without a line end Polars passes over an empty cell too many at the end of the data.
        data += b"\n"
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            schema=schema,
            separator=dialect.delimiter,
            quote_char=dialect.quote_char or None,
            empty_string_is_null=shape.empty_is_null,
        )
    except pl.exceptions.PolarsError:
        return None
    if shape.empty_is_null and dialect.quote_char and (dialect.quote_char * 2).encode() in data:
        # Quotes around nothing do not make it something.
        return frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
    return frame


def _joined(lines: pl.Series) -> bytes:
    if not len(lines):
        return b""
    written = io.BytesIO()
    lines.to_frame().write_csv(written, include_header=False, quote_style="never")
    return written.getvalue()


class _Specials:
    """The records of a text that begin on some of its lines, read one by one.

    `inside` are the lines that lie within records over several, `rest` the bytes from a record on
    that goes on beyond the text, and `lines_read` how many lines come before those.
    """

    def __init__(self, data: bytes, dialect: Dialect, lines: int, *, last: bool) -> None:
        self._data = data
        self._dialect = dialect
        self._last = last
        self._found: list[tuple[int, Record]] = []
        self.inside: list[int] = []
        self.rest = b""
        self.lines_read = lines

    def from_lines(self, numbers: Iterable[int]) -> None:
        """Read the records on these lines, which rise."""
        grammar = Grammar(self._dialect)
        text, starts = "", [0]
        free = 0
        for line in numbers:
            if line < free:
                continue
            if not text:
                text = self._data.decode("utf-8", "replace")
                starts = [0, *accumulate(len(each) + 1 for each in text.split("\n"))]
            records, free = self._from_line(grammar, text, starts, line)
            if not free:
                self.rest = text[starts[line] :].encode()
                self.lines_read = line
                return
            self._found.extend((line, record) for record in records)
            self.inside.extend(range(line + 1, free))

    def _from_line(
        self, grammar: Grammar, text: str, starts: list[int], line: int
    ) -> tuple[list[Record], int]:
        """Return the records from a line on, until one begins a line, and the number of that.

        A lone carriage return ends a record too, so one line can hold several.
        """
        records: list[Record] = []
        at = starts[line]
        while True:
            record = grammar.read(text, at, last=self._last)
            if record is None:
                return [], 0
            records.append(record)
            at = record.end
            free = bisect_left(starts, at, line + 1)
            if at >= len(text) or starts[free] == at:
                return records, free

    def records(self) -> list[_Special]:
        """The records with their cells, in the order of the text."""
        cells = cells_of([record for _, record in self._found], self._dialect)
        return [
            _Special(line, record, held)
            for (line, record), held in zip(self._found, cells, strict=True)
        ]


def _padded(cells: list[str], shape: Shape) -> list[str | None]:
    kept: list[str | None] = [
        None if shape.empty_is_null and not cell else cell for cell in cells[: shape.width]
    ]
    return kept + [None] * (shape.width - len(kept))
