"""JSON, and JSON of a value a line, as delimited text.

https://datapackage.org/standard/table-dialect/#property
"""

import codecs
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import polars as pl

from data_package.engine.schema.delimiting.grid import in_cells, written, written_row
from data_package.engine.schema.delimiting.json_lines import Pattern, lines_of, pattern_of
from data_package.engine.schema.delimiting.source import Delimited, Pieces
from data_package.engine.schema.dialect import Dialect, unpacked_name
from data_package.engine.schema.report import Hint
from data_package.engine.schema.split import Block, Shape, split_records
from data_package.engine.schema.unpacking import opened
from data_package.engine.schema.unreadable import CheckError, one_of

_ROWS = 5_000
_MOST_LISTS = 10
_BLANK = re.compile(r"[ \t\r\n]*")
# A text is held while its items are read; a few bytes can unpack to any number.
_MOST_BYTES = 2 << 30
_PIECE = 1 << 20


class _Written(str):
    """A number as it is written: its digits are kept."""

    __slots__ = ()


def items(path: Path, dialect: Dialect) -> Delimited:
    """Return the items of a JSON array, or of lines, as rows of delimited text.

    Where items are objects, the keys are the header, in the order in which they appear, and an
    item's row is its place + 1. A value that is an array or an object stays JSON. Raises CheckError
    for a file that is not JSON, or whose items are not as the dialect says.
    """
    by_line = unpacked_name(path).endswith((".ndjson", ".jsonl"))
    if by_line and (alike := _alike(path, dialect)) is not None:
        return alike
    text = "" if by_line else _text(path, dialect)

    def every() -> Iterator[object]:
        return _lines(path, dialect) if by_line else _of_array(path, text, dialect)

    kind = _kind(path, every(), dialect)
    if kind == "array":
        pieces = _arrays(path, every)
    else:
        keys = dialect.item_keys or _keys(path, every)
        pieces = _objects(path, every, keys, header=dialect.header)
    return Delimited(Pieces(pieces), in_cells(dialect), dialect.member or "", is_grid=True)


def _alike(path: Path, dialect: Dialect) -> Delimited | None:
    """Return lines that are nearly all written alike; None for others."""
    if not dialect.is_utf8 or dialect.header_rows != (1,) or dialect.comment_rows:
        return None
    lines = _Lines.scanned(path, dialect)
    if lines is None:
        return None
    header = [written_row(list(lines.labels))] if dialect.header else []
    part = dialect.member or ""
    pieces = Pieces(chain(header, lines.pieces()))
    return Delimited(pieces, in_cells(dialect), part, is_grid=True, split=lines.block)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines that have been looked at: all are JSON, and most fit the pattern.

    `labels` are the columns, and `hashes` are those of the pieces that were looked at.
    """

    path: Path
    dialect: Dialect
    pattern: Pattern
    labels: tuple[str, ...]
    all_fit: bool
    hashes: tuple[int, ...]

    @classmethod
    def scanned(cls, path: Path, dialect: Dialect) -> "_Lines | None":
        """Look at every line; None where they are of other kinds, or few of them fit."""
        pattern: Pattern | None = None
        keys: dict[str, None] = {}
        hashes: list[int] = []
        number = at = careful = 0
        for data in _pieces(path, dialect):
            pattern = pattern or _pattern(path, data, dialect)
            if pattern is None or b"\r" in data:
                return None
            keys = keys or dict.fromkeys(pattern.keys)
            unfit, _, count = _unfit(data, pattern)
            blank = 0
            for place, line in unfit:
                item = _of_line(path, line, dialect, number + place + 1)
                if item is None:
                    blank += 1
                else:
                    keys.update(dict.fromkeys(_object(path, item[0], at + place - blank + 1)))
            careful += len(unfit) - blank
            number += count
            at += count - blank
            if 2 * careful > at:
                return None
            hashes.append(hash(data))
        if pattern is None:
            return None
        labels = dialect.item_keys or tuple(keys)
        return cls(path, dialect, pattern, labels, number == at and not careful, tuple(hashes))

    def pieces(self) -> Iterator[bytes]:
        """Give the lines again."""
        left = list(self.hashes)
        for data in _pieces(self.path, self.dialect):
            if not left or hash(data) != left.pop(0):
                raise _changed(self.path)
            yield data
        if left:
            raise _changed(self.path)

    def block(self, data: bytes, shape: Shape) -> Block:
        """The rows of whole lines."""
        if self.all_fit:
            frame = self.pattern.cells(data, self.labels, shape)
            return Block(frame, frame.height)
        unfit, fit, _ = _unfit(data, self.pattern)
        items = [_of_line(self.path, line, self.dialect, 0) for _, line in unfit]
        places = [place for (place, _), item in zip(unfit, items, strict=True) if item is not None]
        rows = [
            [_cell(_object(self.path, item[0], 0).get(key)) for key in self.labels]
            for item in items
            if item is not None
        ]
        block = self._of_rows(rows, shape)
        if fit is None:
            return block
        lines, among = fit
        frame = self.pattern.cells(lines, self.labels, shape)
        if frame.schema != block.cells.schema:
            plain = replace(shape, numbers={})
            block = self._of_rows(rows, plain)
            frame = self.pattern.cells(lines, self.labels, plain)
        return _merged(frame, among, block, places)

    def _of_rows(self, rows: list[list[str | None]], shape: Shape) -> Block:
        data = _block(rows, len(self.labels))
        return split_records(data, in_cells(self.dialect), shape, last=True)[0]


def _merged(frame: pl.DataFrame, among: pl.Series, block: Block, places: list[int]) -> Block:
    """Rows, which are these among the lines, and others, which are at these places among them."""
    others = pl.Series(places, dtype=pl.UInt32)
    order = pl.concat([among, others]).arg_sort()
    moved = order.arg_sort().tail(len(others))
    return replace(
        block,
        cells=pl.concat([frame, block.cells])[order],
        records=len(order),
        widths=tuple((int(moved[row]), cells) for row, cells in block.widths),
        beyond=tuple(int(moved[row]) for row in block.beyond),
        undecodable=tuple(int(moved[row]) for row in block.undecodable),
        faults=tuple((int(moved[row]), place) for row, place in block.faults),
    )


def _unfit(
    data: bytes, pattern: Pattern
) -> tuple[list[tuple[int, bytes]], tuple[bytes, pl.Series] | None, int]:
    """The lines that do not fit, with their places, the others, and how many lines there are.

    The others come as text, with their places; None where there are none.
    """
    lines = lines_of(data)
    fits = None if lines is None else pattern.fits(lines, data)
    if lines is None or fits is None:
        every = data.removesuffix(b"\n").split(b"\n")
        return list(enumerate(every)), None, len(every)
    if fits.all():
        return [], (data, pl.int_range(len(lines), dtype=pl.UInt32, eager=True)), len(lines)
    places = (~fits).arg_true()
    texts = [text.encode() for text in lines.gather(places)]
    unfit = list(zip(places.to_list(), texts, strict=True))
    if not fits.any():
        return unfit, None, len(lines)
    fitting = "\n".join(lines.filter(fits)).encode()
    return unfit, (fitting, fits.arg_true()), len(lines)


def _changed(path: Path) -> CheckError:
    return CheckError(f"{path}: it changed while it was read; run the command again")


def _pieces(path: Path, dialect: Dialect) -> Iterator[bytes]:
    """Give whole lines, about so many bytes at a time, without a mark of the byte order."""
    held = b""
    with opened(path, dialect.member) as file:
        at_start = True
        while more := file.read(_PIECE):
            if at_start:
                more, at_start = more.removeprefix(codecs.BOM_UTF8), False
            end = more.rfind(b"\n") + 1
            if end:
                yield held + more[:end]
                held = more[end:]
            else:
                held += more
    if held:
        yield held


def _pattern(path: Path, data: bytes, dialect: Dialect) -> Pattern | None:
    """How the first item is written; None where the others cannot be written likewise."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        found = _of_line(path, line, dialect, number)
        if found is not None:
            item, text = found
            if isinstance(item, dict) and dialect.item_type in (None, "object"):
                return pattern_of(text, item)
            return None
    return None


def _kind(path: Path, every: Iterator[object], dialect: Dialect) -> str:
    first = next(every, None)
    kind = "array" if isinstance(first, list) else "object" if isinstance(first, dict) else None
    if first is None and dialect.item_type is not None:
        return dialect.item_type
    if first is None:
        return "array"
    if kind is None:
        raise CheckError(f"{path}: its items are neither objects nor arrays, so they are not rows")
    if dialect.item_type not in (None, kind):
        raise CheckError(
            f"{path}: its items are of the type {kind}, and the dialect says "
            f"itemType: {dialect.item_type}"
        )
    if kind == "array" and dialect.item_keys:
        raise CheckError(f"{path}: its items are arrays, which have no keys; remove itemKeys")
    return kind


def _keys(path: Path, every: Callable[[], Iterator[object]]) -> tuple[str, ...]:
    """Return the keys of all items, in the order in which they appear."""
    found: dict[str, None] = {}
    for at, item in enumerate(every(), start=1):
        found.update(dict.fromkeys(_object(path, item, at)))
    return tuple(found)


def _object(path: Path, item: object, at: int) -> dict[str, object]:
    if not isinstance(item, dict):
        raise CheckError(f"{path}: item {at} is not an object, as the first one is")
    return item


def _objects(
    path: Path, every: Callable[[], Iterator[object]], keys: tuple[str, ...], *, header: bool
) -> Iterator[bytes]:
    if header:
        yield written_row(list(keys))
    rows: list[list[str | None]] = []
    for at, item in enumerate(every(), start=1):
        held = _object(path, item, at)
        rows.append([_cell(held.get(key)) for key in keys])
        if len(rows) == _ROWS:
            yield _block(rows, len(keys))
            rows = []
    yield _block(rows, len(keys))


def _arrays(path: Path, every: Callable[[], Iterator[object]]) -> Iterator[bytes]:
    """Give arrays as rows; one that is longer or shorter than others stays so."""
    for at, item in enumerate(every(), start=1):
        if not isinstance(item, list):
            raise CheckError(f"{path}: item {at} is not an array, as the first one is")
        yield written_row([_cell(each) or "" for each in item]) if item else b"\n"


def _block(rows: list[list[str | None]], width: int) -> bytes:
    if not rows or not width:
        return b"\n" * len(rows)
    schema = {str(i): pl.String for i in range(width)}
    return written(pl.DataFrame(rows, schema=schema, orient="row"), blank_rows=False)


def _cell(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return _sound(str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return _sound(json.dumps(_plain(value), ensure_ascii=False))


def _sound(text: str) -> str:
    """Return a text with a mark for half of a character, which JSON can escape alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogatepass")
        return str(data.decode("utf-8", "mark-undecodable"))
    return text


def _plain(value: object) -> object:
    """Return a nested value with numbers again where they are numbers."""
    if isinstance(value, _Written):
        return float(value) if re.search("[.eE]", value) else int(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


class _TwiceError(ValueError):
    """An object has a key twice."""


def _object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _TwiceError
    return made


_DECODER = json.JSONDecoder(
    parse_int=_Written, parse_float=_Written, parse_constant=str, object_pairs_hook=_object_of
)


def _text(path: Path, dialect: Dialect) -> str:
    pieces, length = [], 0
    with opened(path, dialect.member) as file:
        while piece := file.read(_PIECE):
            pieces.append(piece)
            length += len(piece)
            if length > _MOST_BYTES:
                raise CheckError(
                    f"{path}: it is too large to be read as one JSON text; "
                    "ask for a value a line (.ndjson)"
                )
    return _decoded(path, b"".join(pieces), dialect)


def _decoded(path: Path, data: bytes, dialect: Dialect) -> str:
    encoding = "utf-8-sig" if dialect.is_utf8 else dialect.encoding
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise CheckError(f"{path}: it is not {dialect.encoding} text, which JSON is") from None


def _lines(path: Path, dialect: Dialect) -> Iterator[object]:
    with opened(path, dialect.member) as file:
        for number, line in enumerate(file, start=1):
            if (found := _of_line(path, line, dialect, number)) is not None:
                yield found[0]


def _of_line(path: Path, line: bytes, dialect: Dialect, number: int) -> tuple[object, str] | None:
    """Return the value on a line, and the line as text; None for a line of blanks."""
    text = _decoded(path, line, dialect).strip()
    if not text:
        return None
    value, end = _value(path, text, 0, f"line {number}")
    if end < len(text):
        raise CheckError(f"{path}: line {number} is not one JSON value")
    return value, text


def _of_array(path: Path, text: str, dialect: Dialect) -> Iterator[object]:
    """Give the items of the array, one after another, without holding them."""
    at = _after_blanks(text, 0)
    if dialect.items_property is not None:
        at = _at_property(path, text, at, dialect.items_property)
    if text[at : at + 1] != "[":
        raise _not_an_array(path, text, at, dialect)
    at = _after_blanks(text, at + 1)
    number = 0
    while text[at : at + 1] != "]":
        number += 1
        value, at = _value(path, text, at, f"item {number}")
        yield value
        at = _after_blanks(text, at)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            raise CheckError(f"{path}: it is not JSON after item {number}; fetch it again")
        at = _after_blanks(text, at + 1)
        if text[at : at + 1] == "]":
            raise CheckError(f"{path}: it is not JSON after item {number}; fetch it again")
    if not _ends_well(path, text, at + 1, in_object=dialect.items_property is not None):
        raise CheckError(f"{path}: it is not whole, or has more than JSON; fetch it again")


def _ends_well(path: Path, text: str, at: int, *, in_object: bool) -> bool:
    """Whether after the array comes what belongs there: nothing, or the rest of its object."""
    at = _after_blanks(text, at)
    while in_object and text[at : at + 1] == ",":
        key, at = _value(path, text, _after_blanks(text, at + 1), "a key")
        at = _after_blanks(text, at)
        if not isinstance(key, str) or text[at : at + 1] != ":":
            return False
        _, at = _value(path, text, _after_blanks(text, at + 1), f"the property {key!r}")
        at = _after_blanks(text, at)
    if in_object:
        if text[at : at + 1] != "}":
            return False
        at = _after_blanks(text, at + 1)
    return at == len(text)


def _not_an_array(path: Path, text: str, at: int, dialect: Dialect) -> CheckError:
    if dialect.items_property is not None:
        return CheckError(f"{path}: what it has under {dialect.items_property!r} is not an array")
    if text[at : at + 1] != "{":
        return CheckError(f"{path}: it is not JSON; give it the ending that it should have")
    by_line = "it is not one JSON text; if each line is a value, give it the ending .ndjson"
    try:
        value, end = _value(path, text, at, "the object")
    except CheckError:
        return CheckError(f"{path}: {by_line}")
    if _after_blanks(text, end) < len(text):
        return CheckError(f"{path}: {by_line}")
    lists = [key for key, held in value.items() if isinstance(held, list)]  # type: ignore[attr-defined]
    # So many keys may be those of persons.
    if not 0 < len(lists) <= _MOST_LISTS:
        return CheckError(f"{path}: it is an object without an array of rows")
    if len(lists) == 1:
        what = "its rows are below one of its properties"
        written = json.dumps(lists[0], ensure_ascii=False)
        option = f"--dialect property={shlex.quote(lists[0])}"
        hint = Hint("say which", f"dialect: {{property: {written}}}", option)
        return CheckError(f"{path}: {what}", hint)
    return one_of(path, "arrays", "property", lists)


def _at_property(path: Path, text: str, at: int, wanted: str) -> int:
    """Return where the value of a property of the outermost object begins."""
    if text[at : at + 1] != "{":
        raise CheckError(f"{path}: it is not an object, so it has no property {wanted!r}")
    at = _after_blanks(text, at + 1)
    while text[at : at + 1] == '"':
        key, at = _value(path, text, at, "a key")
        at = _after_blanks(text, at)
        if text[at : at + 1] != ":":
            break
        at = _after_blanks(text, at + 1)
        if key == wanted:
            return at
        _, at = _value(path, text, at, f"the property {key!r}")
        at = _after_blanks(text, at)
        if text[at : at + 1] == ",":
            at = _after_blanks(text, at + 1)
    raise CheckError(f"{path}: it has no property {wanted!r}")


def _after_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found is not None
    return found.end()


def _value(path: Path, text: str, at: int, what: str) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except _TwiceError:
        raise CheckError(f"{path}: {what} has a key twice") from None
    except RecursionError:
        raise CheckError(f"{path}: {what} is nested too deeply") from None
    except ValueError:
        raise CheckError(f"{path}: {what} is not JSON; fetch the file again") from None
