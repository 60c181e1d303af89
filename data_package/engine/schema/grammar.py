"""What a record of delimited text is: where it ends, and which of its quotes are wrong.

RFC 4180 as it is written: a quoted cell ends with its closing quote, a quote inside it is doubled,
and a cell that does not begin with a quote has none. Text that breaks this is an error of its row
and never repaired. The row is then its first line alone, and the next line is the next row: what
follows a quote that was never closed stays in its own rows.
https://www.rfc-editor.org/rfc/rfc4180#section-2

Reads one record at a time, in Python; `split` gives it only the lines that Polars cannot split.
"""

import re
from dataclasses import dataclass

from data_package.engine.schema.dialect import Dialect

BLOCK_BYTES = 1 << 23
"""Of about so many bytes are the pieces in which records are read."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record's text with its line end, and the position at which the next one begins.

    `cells` is None for a record that is written as it should be, whose cells Python's csv module
    gives. `faults` are the places, from 0, of cells whose quotes are wrong: they hold their text
    as it was written.
    """

    text: str
    end: int
    cells: list[str] | None = None
    faults: tuple[int, ...] = ()
    comment: bool = False


class Grammar:
    """The records of text that is written in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        quote, escape = re.escape(dialect.quote_char), re.escape(dialect.escape_char or "")
        delimiter = re.escape(dialect.delimiter)
        spaces = " *+" if dialect.skip_initial_space else ""
        escaped = rf"|{escape}[\s\S]" if escape else ""
        doubled = f"|{quote}{quote}" if dialect.double_quote else ""
        plain = rf"(?:[^{delimiter}{quote}{escape}\r\n]++{escaped})*+"
        inside = f"(?:[^{quote}{escape}]++{doubled}{escaped})*+"
        quoted = f"{quote}{inside}{quote}|" if quote else ""
        cell = f"{spaces}(?:{quoted}{plain})"
        self._record = re.compile(rf"{cell}(?:{delimiter}{cell})*+(?:\r\n|\n|\r|\Z)")
        self._cell = re.compile(rf"{cell}(?:{delimiter}|\Z)")
        # What goes on beyond the text: an open quote, or an escape of nothing.
        beyond = [f"{quote}{inside}(?:{escape})?"] if quote else []
        beyond += [f"{plain}{escape}"] if escape else []
        opened = f"{spaces}(?:{'|'.join(beyond) or '(?!)'})"
        self._open = re.compile(rf"(?:{cell}{delimiter})*+{opened}\Z")
        # A cell that does not begin with a quote ends at its delimiter, whatever is in it.
        self._stray = re.compile(
            rf"{spaces}(?!{quote})(?:[^{delimiter}{escape}\r\n]++{escaped})*+(?:{delimiter}|\Z)"
            if quote
            else "(?!)"
        )
        self._line_end = re.compile(r"\r\n|\n|\r|\Z")
        self._dialect = dialect

    def read(self, text: str, start: int, *, last: bool) -> Record | None:
        """Return the record at `start`.

        None when it goes on beyond the text, and `last` does not say that nothing follows.
        """
        comment = self._dialect.comment_char
        if comment and text.startswith(comment, start):
            line, end = self._line(text, start)
            return Record(line, end, [line], comment=True)
        if match := self._record.match(text, start):
            return Record(match[0], match.end())
        if not last and self._open.match(text, start):
            return None
        return self._broken(*self._line(text, start))

    def _broken(self, line: str, end: int) -> Record:
        """Return the first line of a record with wrong quotes, cell by cell as far as is plain."""
        cells: list[str] = []
        faults: list[int] = []
        at = 0
        while True:
            good = self._cell.match(line, at)
            match = good or self._stray.match(line, at)
            if not good:
                faults.append(len(cells))
            if not match:
                # The end of this cell is unknown.
                return Record(line, end, [*cells, line[at:]], tuple(faults))
            written = match[0].removesuffix(self._dialect.delimiter)
            if good:
                cells.extend(next(self._dialect.records([written]), []) or [""])
            else:
                cells.append(written)
            at = match.end()
            if written == match[0]:
                return Record(line, end, cells, tuple(faults))

    def _line(self, text: str, start: int) -> tuple[str, int]:
        """Return the line at `start` without its end, and where the next one begins."""
        found = self._line_end.search(text, start)
        assert found is not None
        return text[start : found.start()], found.end()


def cells_of(records: list[Record], dialect: Dialect) -> list[list[str]]:
    """Return the cells of records, an empty line having none."""
    read = dialect.records(each.text for each in records if each.cells is None)
    return [next(read) if each.cells is None else each.cells for each in records]
