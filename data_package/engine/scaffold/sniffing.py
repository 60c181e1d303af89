"""How a delivered file is written: its encoding and what separates its cells.

A guess for a draft that a person reads; `describe` then refuses what the guess does not fit.
"""

import csv
import io
import itertools
from dataclasses import dataclass
from pathlib import Path

_ENOUGH_BYTES = 1 << 18
_ENOUGH_ROWS = 100
_DELIMITERS = (",", ";", "\t", "|")
# The one that nearly all files that are not UTF-8 have where Latin letters are written.
_OTHER_ENCODING = "cp1252"
_MARKS = {b"\xef\xbb\xbf": None, b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Writing:
    """`encoding` is None for UTF-8, `delimiter` None for a comma."""

    encoding: str | None = None
    delimiter: str | None = None

    def properties(self) -> dict[str, object]:
        """As properties of a resource."""
        found: dict[str, object] = {}
        if self.delimiter:
            found["dialect"] = {"delimiter": self.delimiter}
        if self.encoding:
            found["encoding"] = self.encoding
        return found


def sniffed(path: Path) -> Writing:
    """How a text file is written, from its beginning. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_ENOUGH_BYTES)
        whole = not file.read(1)
    encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "")
    if encoding == "":
        encoding = None if _is_utf8(head, path) else _OTHER_ENCODING
    text = head.decode(encoding or "utf-8-sig", errors="replace")
    if not whole:
        text = text[: text.rfind("\n") + 1]
    return Writing(encoding, _delimiter(text))


def _is_utf8(head: bytes, path: Path) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut where the head ends.
        if error.start < len(head) - 3:
            return False
    try:
        with path.open(encoding="utf-8", newline="") as file:
            while file.read(_ENOUGH_BYTES):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(text: str) -> str | None:
    """What cuts the rows into most cells, equally many in each; None for a comma."""
    widths = {delimiter: _width(text, delimiter) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: widths[delimiter])
    return best if widths[best] > max(widths[","], 1) else None


def _width(text: str, delimiter: str) -> int:
    """How many cells the first rows have, all alike; 0 where they are not alike."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        counts = {len(row) for row in itertools.islice(rows, _ENOUGH_ROWS) if row}
    except csv.Error:
        return 0
    return counts.pop() if len(counts) == 1 else 0
