"""How a delivered file seems to be written: its encoding and what separates its cells.

A guess for a draft or a hint that a person reads; what is read by it is checked afterwards.
"""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_package.engine.schema.dialect import Dialect, Form
from data_package.engine.schema.formats import format_of
from data_package.engine.schema.unpacking import UNREADABLE, opened
from data_package.engine.schema.unreadable import OTHER_ENCODING, unreadable_file

_ENOUGH_BYTES = 1 << 18
_ENOUGH_ROWS = 100
_ENOUGH_FOR_A_LINE = 64
# In fewer lines blanks below one another may be chance.
_ENOUGH_LINES = 4
_DELIMITERS = (";", "\t", "|", ",")
# Three cells between doubled delimiters: of fewer, one between two may be an empty column.
_ENOUGH_CELLS = 5
# A line above the header that gives spreadsheet programs the delimiter.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(?:\r|\n|$)', re.IGNORECASE)
_MARKS = {b"\xef\xbb\xbf": None, b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Writing:
    """`encoding` is None for UTF-8, `delimiter` None for a comma.

    `separator_line` says that the first line, `sep=;`, names the delimiter.
    """

    encoding: str | None = None
    delimiter: str | None = None
    separator_line: bool = False

    @property
    def dialect(self) -> dict[str, object]:
        """The properties of a Table Dialect."""
        found: dict[str, object] = {"delimiter": self.delimiter} if self.delimiter else {}
        return found | ({"commentRows": [1]} if self.separator_line else {})

    def properties(self) -> dict[str, object]:
        """As properties of a resource."""
        found: dict[str, object] = {"dialect": self.dialect} if self.dialect else {}
        if self.encoding:
            found["encoding"] = self.encoding
        return found


def sniffed(path: Path, member: str | None = None) -> Writing:
    """Return how a text file is written, from its beginning; the defaults for other files.

    `path` may be an archive that has the file as its `member`.

    Raises CheckError for a file that cannot be opened or unpacked.
    """
    if format_of(path).form is not Form.DELIMITED:
        return Writing()
    try:
        with opened(path, member) as file:
            head = file.read(_ENOUGH_BYTES)
            whole = not file.read(1)
        encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "")
        if encoding == "":
            encoding = None if _is_utf8(path, member) else OTHER_ENCODING
    except UNREADABLE as error:
        raise unreadable_file(path, error, "utf-8") from None
    text = head.decode(encoding or "utf-8-sig", errors="replace")
    if separator := _separator(text):
        return Writing(encoding, None if separator == "," else separator, separator_line=True)
    if not whole:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    return Writing(encoding, _delimiter(text))


def separator_line(path: Path, dialect: Dialect) -> str:
    """Return the delimiter that a first line such as `sep=;` names, or nothing.

    Defaults, too, for a file that cannot be read.
    """
    try:
        with opened(path, dialect.member) as file:
            head = file.read(_ENOUGH_FOR_A_LINE)
    except UNREADABLE:
        return ""
    return _separator(head.decode(dialect.encoding, errors="replace").removeprefix("\ufeff"))


def other_delimiter(labels: Sequence[str], delimiter: str) -> str:
    """Return what seems to separate the cells of a header that was read as one cell, or nothing."""
    if len(labels) != 1:
        return ""
    return next((each for each in _DELIMITERS if each != delimiter and each in labels[0]), "")


def gap_widths(path: Path, dialect: Dialect) -> list[int]:
    """Return the widths of columns between which all lines have blanks; none where none have.

    Raises CheckError for a file that cannot be unpacked so far.
    """
    try:
        with opened(path, dialect.member) as file:
            head = file.read(_ENOUGH_BYTES)
            whole = not file.read(1)
    except UNREADABLE as error:
        raise unreadable_file(path, error, dialect.encoding) from None
    text = head.decode(dialect.encoding, errors="replace").removeprefix("\ufeff")
    lines = text.splitlines() if whole else text.splitlines()[:-1]
    lines = [line.rstrip() for line in lines if line.strip()]
    if len(lines) < _ENOUGH_LINES or "\t" in text:
        return []
    width = max(map(len, lines))
    filled = [any(line[at : at + 1].strip() for line in lines) for at in range(width)]
    starts = [at for at in range(width) if filled[at] and (not at or not filled[at - 1])]
    # A blank that ends a column belongs to it: a longer cell may fill it.
    return [after - at for at, after in zip([0, *starts[1:]], [*starts[1:], width], strict=True)][
        : len(starts) if len(starts) > 1 else 0
    ]


def _is_utf8(path: Path, member: str | None) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path, member) as file:
        try:
            while data := file.read(_ENOUGH_BYTES):
                decoder.decode(data)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _separator(text: str) -> str:
    found = _SEPARATOR_LINE.match(text)
    return found[1] if found else ""


def _delimiter(text: str) -> str | None:
    """What cuts the rows into most cells, equally many in each; None for a comma."""
    widths = {delimiter: _width(text, delimiter) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: widths[delimiter])
    if widths[best] >= _ENOUGH_CELLS and is_doubled(text, best):
        return 2 * best
    return best if widths[best] > max(widths[","], 1) else None


def is_doubled(text: str, delimiter: str) -> bool:
    """Tell whether the first lines have the delimiter in twos only, as `||` between cells is."""
    lines = [line for line in text.splitlines()[:_ENOUGH_ROWS] if line]
    return all(line.count(delimiter) == 2 * line.count(2 * delimiter) > 0 for line in lines)


def _width(text: str, delimiter: str) -> int:
    """How many cells the first rows have, all alike; 0 where they are not alike."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        counts = {len(row) for row in itertools.islice(rows, _ENOUGH_ROWS) if row}
    except csv.Error:
        return 0
    return counts.pop() if len(counts) == 1 else 0
