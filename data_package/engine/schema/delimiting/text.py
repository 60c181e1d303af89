"""Files of text as delimited text: decoded, without a footer, columns of fixed width cut."""

import codecs
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import polars as pl

from data_package.engine.schema.delimiting.source import Delimited, Source
from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.split import MARK
from data_package.engine.schema.unpacking import opened

# Between cells, where the delimiter has several characters: Polars splits at one byte.
_BETWEEN = "\x1f"
# What the text itself has of it, meanwhile: a noncharacter, as `MARK` is.
_OWN = "\ufdd1"


def delimited_text(
    path: Path, dialect: Dialect, refuse: Callable[[Path, IO[bytes], Dialect], None]
) -> Delimited:
    """Return a file of text, packed or not, as delimited text.

    `refuse` is called with the file, unpacked, and raises CheckError if it plainly is not text.
    Raises that, and what `unpacking.UNREADABLE` lists.
    """
    part = dialect.member or ""
    file = opened(path, dialect.member)
    try:
        refuse(path, file, dialect)
    except BaseException:
        file.close()
        raise
    source: Source = _Decoded(file, dialect)
    if dialect.footer_rows:
        source = _WithoutFooter(source, dialect.footer_rows)
    if columns := dialect.columns:
        cut = _Cut(source, columns, has_gaps=bool(dialect.positions))
        written = replace(dialect, delimiter=_BETWEEN, quote_char="", escape_char=None)
        return Delimited(cut, written, part)
    if len(dialect.delimiter) > 1:
        divided = _Divided(source, dialect.delimiter, dialect.quote_char)
        return Delimited(divided, replace(dialect, delimiter=_BETWEEN), part, divided.restored)
    return Delimited(source, dialect, part)


class _Decoded:
    """A file's text in UTF-8, with marks where it cannot be decoded, lines ended as usual."""

    def __init__(self, file: IO[bytes], dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        self._decoder = codecs.getincrementaldecoder(dialect.encoding)("mark-undecodable")
        self._terminator: bytes | None = None
        if dialect.line_terminator not in (None, "\n", "\r\n"):
            self._terminator = str(dialect.line_terminator).encode()
        self._begun = False

    def read(self, size: int) -> bytes:
        while True:
            data = self._file.read(size if self._terminator is None else -1)
            ended = not data
            if not self._dialect.is_utf8:
                data = self._decoder.decode(data, final=ended).encode("utf-8", "replace")
            if not self._begun:
                data = data.removeprefix(codecs.BOM_UTF8)
                self._begun = True
            if self._terminator is not None:
                data = data.replace(self._terminator, b"\n")
            if data or ended:
                return data

    def close(self) -> None:
        self._file.close()


class _WithoutFooter:
    """Text without its last lines; empty ones at the end and above them are left out, too."""

    def __init__(self, source: Source, rows: int) -> None:
        self._source = source
        self._rows = rows
        self._held = b""

    def read(self, size: int) -> bytes:
        while True:
            more = self._source.read(size)
            self._held += more
            end = self._end()
            given, self._held = self._held[:end], self._held[end:] if more else b""
            if given or not more:
                return given

    def _end(self) -> int:
        """Return where the lines above the footer end if nothing follows."""
        end = len(self._held)
        for _ in range(self._rows):
            end = len(self._held[:end].rstrip(b"\r\n"))
            end = max(self._held.rfind(b"\n", 0, end), self._held.rfind(b"\r", 0, end)) + 1
        end = len(self._held[:end].rstrip(b"\r\n"))
        return end and end + (2 if self._held[end : end + 2] == b"\r\n" else 1)

    def close(self) -> None:
        self._source.close()


class _Cut:
    """Lines of fixed width, cut into cells without the blanks around them."""

    def __init__(
        self, source: Source, columns: tuple[tuple[int, int], ...], *, has_gaps: bool
    ) -> None:
        self._source = source
        self._columns = columns
        self._has_gaps = has_gaps
        self._held = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        while not self._ended:
            more = self._source.read(size)
            self._ended = not more
            data = self._held + more
            end = len(data) if self._ended else data.rfind(b"\n") + 1
            # A carriage return that is followed by nothing may be half of a line end.
            end = end or (data.rfind(b"\r", 0, len(data) - 1) + 1)
            self._held = data[end:]
            if cells := self._cells(data[:end]):
                return cells
        return b""

    def _cells(self, data: bytes) -> bytes:
        if not data:
            return b""
        text = data.decode("utf-8", "mark-undecodable").replace(_BETWEEN, MARK)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = pl.Series("line", text.removesuffix("\n").split("\n")).to_frame()
        line = pl.col("line")
        cells = [
            line.str.slice(start, end - start).str.strip_chars(" \t")
            for start, end in self._columns
        ]
        joined = pl.concat_str(cells, separator=_BETWEEN)
        if not self._has_gaps:
            # What goes on beyond the columns is a cell too many.
            beyond = line.str.slice(max(end for _, end in self._columns)).str.strip_chars(" \t")
            joined = pl.when(beyond == "").then(joined).otherwise(joined + _BETWEEN + beyond)
        blank = line.str.strip_chars(" \t") == ""
        made = lines.select(pl.when(blank).then(pl.lit("")).otherwise(joined)).to_series()
        return ("\n".join(made) + "\n").encode()

    def close(self) -> None:
        self._source.close()


class _Divided:
    """Text in which a delimiter of several characters is one character."""

    def __init__(self, source: Source, delimiter: str, quote: str) -> None:
        self._source = source
        self._text = delimiter
        self._delimiter = delimiter.encode()
        self._quote = quote.encode()
        self._held = b""
        self._restores = False

    def read(self, size: int) -> bytes:
        while True:
            more = self._source.read(size)
            parts = (self._held + more).split(self._delimiter)
            # The delimiter may have begun.
            keep = len(self._delimiter) - 1 if more else 0
            cut = max(len(parts[-1]) - keep, 0)
            self._held, parts[-1] = parts[-1][cut:], parts[-1][:cut]
            between, own = _BETWEEN.encode(), _OWN.encode()
            if any(between in part or own in part for part in parts):
                self._restores = True
                mark = MARK.encode()
                parts = [part.replace(own, mark).replace(between, own) for part in parts]
            data = between.join(parts)
            if self._quote and self._quote in data:
                self._restores = True
            if data or not more:
                return data

    def restored(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Return cells with the characters that they have in the file."""
        if not self._restores:
            return cells
        return cells.with_columns(
            pl.col(pl.String)
            .str.replace_all(_BETWEEN, self._text.replace("$", "$$"), literal=True)
            .str.replace_all(_OWN, _BETWEEN, literal=True)
        )

    def close(self) -> None:
        self._source.close()
