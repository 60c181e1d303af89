"""JSON text as a `Document`: plain values, with the line and column of every part.

https://www.rfc-editor.org/rfc/rfc8259
"""

import json
import math
import re
from bisect import bisect_right
from dataclasses import dataclass

from data_package.engine.schema.document import (
    MAX_DEPTH,
    MAX_NODES,
    Document,
    Path,
    Place,
    Problem,
    Span,
)

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_LINE_END = re.compile(r"\r\n|\r|\n")
_MOST_DIGITS = 4000


def read_json(text: str, *, spans: bool) -> Document | None:
    """Return the value in `text`; None when it is not JSON."""
    try:
        value = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        return None
    walk = _Walk(text)
    walk.run()
    if walk.problem is not None:
        return Document(None, (walk.problem,), walk.spans)
    return Document(value, (), walk.spans if spans else {})


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _MOST_DIGITS else text


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _no_constant(text: str) -> float:
    raise ValueError(text)


@dataclass(slots=True)
class _Open:
    """A list or mapping that has begun: where, and the step to the part that is next."""

    start: int
    anchor: int
    keys: set[str] | None
    step: str | int
    awaits_key: bool


class _Walk:
    """Finds the places of the parts of a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self.spans: dict[Path, Span] = {}
        self.problem: Problem | None = None
        self._text = text
        self._lines = [0, *(match.end() for match in _LINE_END.finditer(text))]
        self._stack: list[_Open] = []
        self._path: list[str | int] = []
        self._key_start: int | None = None

    def run(self) -> None:
        """Fill `spans`, up to the first problem."""
        for count, match in enumerate(_TOKEN.finditer(self._text)):
            if count > 4 * MAX_NODES:
                self._refuse(match.start(), f"the file has more than {MAX_NODES} parts")
            if self.problem is not None:
                return
            self._take(match.group(), match.start(), match.end())

    def _take(self, piece: str, start: int, end: int) -> None:
        top = self._stack[-1] if self._stack else None
        if piece in ("{", "["):
            self._begin(piece, start)
        elif piece in ("}", "]"):
            opened = self._stack.pop()
            self._path.pop()
            self._remember(opened.start, opened.anchor, end)
        elif piece == ",":
            assert top is not None
            if isinstance(top.step, int):
                top.step += 1
            else:
                top.awaits_key = True
        elif piece != ":" and top is not None and top.awaits_key:
            self._key(top, piece, start)
        elif piece != ":":
            if piece.startswith('"'):
                self._check(piece, start)
            self._remember(start, self._anchor(start), end)

    def _begin(self, bracket: str, start: int) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(start, f"nested more than {MAX_DEPTH} levels deep")
        step: str | int = self._stack[-1].step if self._stack else ""
        is_list = bracket == "["
        self._path.append(step)
        anchor = self._anchor(start)
        keys = None if is_list else set[str]()
        self._stack.append(_Open(start, anchor, keys, 0 if is_list else "", not is_list))

    def _key(self, top: _Open, written: str, start: int) -> None:
        key = self._check(written, start)
        assert top.keys is not None
        if key in top.keys:
            self._refuse(start, f"the key {key!r} is here twice: keep one of them")
        top.keys.add(key)
        top.step, top.awaits_key, self._key_start = key, False, start

    def _check(self, written: str, start: int) -> str:
        value = str(json.loads(written))
        if any("\ud800" <= char <= "\udfff" for char in value):
            self._refuse(start, "half of a surrogate pair is not a character; correct the escape")
        return value

    def _anchor(self, start: int) -> int:
        """Where a part is shown: at its key, or at itself in a list."""
        held, self._key_start = self._key_start, None
        return start if held is None else held

    def _remember(self, start: int, anchor: int, end: int) -> None:
        path = (*self._path[1:], self._stack[-1].step) if self._stack else ()
        self.spans[path] = Span(self._place(anchor), start, end, block=False)

    def _refuse(self, start: int, what: str) -> None:
        if self.problem is None:
            self.problem = Problem(self._place(start), what)

    def _place(self, position: int) -> Place:
        line = bisect_right(self._lines, position)
        return Place(line, position - self._lines[line - 1] + 1)
