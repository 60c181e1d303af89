"""Lines of delimited text as rows of cells, with every ragged or undecodable record known.

Lines that are all whole records of the right width, which is nearly all of any file, are split by
Polars. Lines that are not (open quotes, stray quotes, too few or too many cells, nothing at all)
are taken out and read by Python's csv module, whose reading is the reference for what a record is.
https://www.rfc-editor.org/rfc/rfc4180
"""

import codecs
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from data_package.engine.schema.dialect import Dialect

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
    which spares the text; nothing that is no number is read as one, nor the other way round.
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
    so. `first` is the number in the file of the
    first of all `records` records, `places` says which of them the rows are (None: all of them).
    `widths` gives the number of cells of rows that have too few or too many; `undecodable` the
    rows with bytes outside the encoding.
    """

    cells: pl.DataFrame
    records: int
    places: pl.Series | None = None
    widths: tuple[tuple[int, int], ...] = ()
    undecodable: tuple[int, ...] = ()
    first: int = 1

    @property
    def rows(self) -> pl.Series:
        """The rows' numbers in the file, counted from 1."""
        if self.places is None:
            return pl.int_range(self.first, self.first + self.records, eager=True)
        return self.places.cast(pl.Int64) + self.first


@dataclass(frozen=True, slots=True)
class _Special:
    """A record read by the csv module: the line it begins on, and its cells."""

    line: int
    cells: list[str]


def split_records(data: bytes, dialect: Dialect, shape: Shape, *, last: bool) -> Block | None:
    """Return the records in whole lines of UTF-8 text.

    None when the last record goes on beyond the data, and `last` does not say that nothing
    follows.
    """
    data = _marked(data)
    if _is_regular(data, dialect):
        frame = _split_regular(data, dialect, shape)
        if frame is not None:
            return Block(frame, frame.height)
    return _split_irregular(data, dialect, shape, last)


def leading_records(data: bytes, dialect: Dialect, count: int) -> tuple[list[list[str]], int]:
    """Return the first records, and how many bytes they take."""
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
    if lines.pending:
        # Records end at a lone carriage return: the line goes on after them.
        parts = (raw[lines.next_line - 1] + b"\n").splitlines(keepends=True)
        used -= sum(len(part) for part in parts[-len(lines.pending) :])
    return records, min(used, len(data))


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
        or dialect.quote_char.encode() in data
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
    """Tell whether a null may be a cell of nothing but blanks, which is no number and not empty."""
    if not any(frame[str(i)].null_count() for i in shape.numbers):
        return False
    ends = (dialect.delimiter.encode(), b"\n", b"\r")
    return any(
        blank in data and (data.endswith(blank) or any(blank + end in data for end in ends))
        for blank in (b" ", b"\t")
        if blank != ends[0]
    )


def _split_irregular(data: bytes, dialect: Dialect, shape: Shape, last: bool) -> Block | None:
    lines = pl.read_lines(io.BytesIO(data)).to_series()
    special = _special_lines(lines, dialect, shape.width)
    taken = special.arg_true().to_list()
    raw = data.split(b"\n") if taken else []
    if raw and not raw[-1]:
        raw.pop()
    records, inside, whole = _read_specials(raw, taken, dialect)
    if not whole and not last:
        return None
    if inside:
        swallowed = pl.Series(inside, dtype=pl.UInt32)
        special = special.scatter(swallowed, values=True)
    bulk_lines = (~special).arg_true()
    if len(bulk_lines) == len(lines):
        bulk = _split_by_polars(data, dialect, shape)
    else:
        bulk = _split_by_polars(_joined(lines.filter(~special)), dialect, shape)
    if bulk is None or bulk.height != len(bulk_lines):
        everything = list(range(len(raw or data.split(b"\n"))))
        raw = raw or data.removesuffix(b"\n").split(b"\n")
        records, _, whole = _read_specials(raw, everything, dialect)
        if not whole and not last:
            return None
        bulk, bulk_lines = pl.DataFrame(schema=shape.schema()), pl.Series([], dtype=pl.UInt32)
    return _assembled(bulk, bulk_lines, records, dialect, shape)


def _special_lines(lines: pl.Series, dialect: Dialect, width: int) -> pl.Series:
    """Return which lines are not plainly one record of the right width."""
    if not dialect.is_plain or dialect.skip_initial_space:
        return pl.Series("special", [True]).new_from_index(0, len(lines))
    quote, delimiter = (f"\\x{{{ord(char):x}}}" for char in (dialect.quote_char, dialect.delimiter))
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
        # At the beginning of the data Polars takes this for a mark of byte order.
        | line.str.starts_with("\ufeff")
        | line.str.contains(MARK, literal=True)
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
    bulk: pl.DataFrame,
    bulk_lines: pl.Series,
    records: list[_Special],
    dialect: Dialect,
    shape: Shape,
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
    comments = [
        index for index, record in enumerate(records) if is_comment(record.cells, None, dialect)
    ]
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
        tuple((row, len(record.cells)) for row, record in held if len(record.cells) != shape.width),
        tuple(row for row, record in held if any(MARK in cell for cell in record.cells)),
    )


def _special_rows(records: list[_Special], shape: Shape) -> pl.DataFrame:
    rows = [_padded(record.cells, shape) for record in records]
    return pl.DataFrame(rows, schema=shape.schema(), orient="row").with_columns(
        pl.Series("line", [record.line for record in records], dtype=pl.UInt32),
        pl.Series("special", range(len(records)), dtype=pl.Int64),
    )


def is_comment(cells: list[str], row: int | None, dialect: Dialect) -> bool:
    """Tell whether a record is a comment, by its number or by how it begins."""
    if row in dialect.comment_rows:
        return True
    char = dialect.comment_char
    return bool(char and cells and cells[0].startswith(char))


def _split_by_polars(
    data: bytes, dialect: Dialect, shape: Shape, *, numbers: bool = False
) -> pl.DataFrame | None:
    schema = shape.schema(numbers=numbers)
    if not data:
        return pl.DataFrame(schema=schema)
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
        if dialect.comment_char and raw[start].startswith(dialect.comment_char.encode()):
            # A comment is a line, whatever quotes stand in it.
            records.append(_Special(start, [raw[start].decode("utf-8", "replace")]))
            free = start + 1
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


def _padded(cells: list[str], shape: Shape) -> list[str | None]:
    kept: list[str | None] = [
        None if shape.empty_is_null and not cell else cell for cell in cells[: shape.width]
    ]
    return kept + [None] * (shape.width - len(kept))
