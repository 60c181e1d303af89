"""Lines of JSON that are all alike, split by Polars.

A line fits a `Pattern` when it is an object with the same keys in the same order, written in the
same way, whose values are not nested: what a program writes that writes a table. A regular
expression proves it, and then each cell is a slice of the line, exactly as it is written.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data_package.engine.schema.split import MARK, Shape

_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
# All of ASCII but controls, quotes and backslashes, and without a comma or a blank.
_SIGNS = r"\x20\x21\x23-\x5b\x5d-\x7f"
_SIGNS_BUT = {",": r"\x20\x21\x23-\x2b\x2d-\x5b\x5d-\x7f", " ": r"\x21\x23-\x5b\x5d-\x7f"}
_BEYOND_ASCII = r"\x{80}-\x{10ffff}"
# Neither halves of characters nor what is not one.
_CODE = (
    "[0-9a-cA-CeE][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"
    "|[fF](?:[0-9a-eA-E][0-9a-fA-F]|[fF][0-9a-eA-E])[0-9a-fA-F]"
)
_ESCAPE = rf'\\(?:["\\/bfnrt]|u(?:{_CODE}))'
_MARK_BYTES = MARK.encode()
_BETWEEN = "\x1f"
# Beyond it the expression grows too large to be quick.
_MOST_KEYS = 250


@dataclass(frozen=True, slots=True)
class Pattern:
    """How all lines are written.

    Attributes:
        keys: the keys of each, in their order.
        comma: what is between two members, a comma with or without a blank after it.
        colon: what is between a key and its value, likewise.
    """

    keys: tuple[str, ...]
    comma: str
    colon: str

    def fits(self, lines: pl.Series, data: bytes) -> pl.Series | None:
        """Which lines, whose bytes are `data`, are written so; None where it cannot be told."""
        try:
            return lines.str.contains(self._expression(data))
        except pl.exceptions.ComputeError:
            return None

    def _expression(self, data: bytes) -> str:
        """As small as the data allow, since a smaller one is quicker."""
        more = "" if data.isascii() else _BEYOND_ASCII
        # A text that ends like what is between two members would look like its end.
        sign, end = f"[{_SIGNS}{more}]", f"[{_SIGNS_BUT[self.comma[-1]]}{more}]"
        if b"\\" in data:
            sign, end = f"(?:{sign}|{_ESCAPE})", f"(?:{end}|{_ESCAPE})"
        value = f'(?:{_NUMBER}|"(?:{sign}*{end})?"|true|false|null)'
        members = (f'"{pl.escape_regex(key)}"{self.colon}{value}' for key in self.keys)
        return rf"^\{{{self.comma.join(members)}\}}$"

    def cells(self, data: bytes, labels: Sequence[str], shape: Shape) -> pl.DataFrame:
        """The cells of lines that all fit, in columns "0", "1", …, one for each of the labels.

        They are numbers where the shape has numbers, if all of them are.
        """
        members, before = self._members(data)
        values: dict[str, pl.Expr] = {}
        for name, key in zip(members.columns, self.keys, strict=True):
            prefix = f'{before if values else "{"}"{key}"{self.colon}'
            values[key] = pl.col(name).str.slice(len(prefix))
        values[self.keys[-1]] = values[self.keys[-1]].str.strip_suffix("}")
        held = {i: values.get(label) for i, label in enumerate(labels)}
        made = _numbers(members, held, shape) if shape.numbers else None
        if made is None:
            made = members.select(_text(value, shape).alias(str(i)) for i, value in held.items())
        return _unescaped(made) if b"\\" in data else made

    def _members(self, data: bytes) -> tuple[pl.DataFrame, str]:
        """The members as they are written, and what is before each but the first."""
        try:
            return self._split(data, ","), self.comma[1:]
        except pl.exceptions.PolarsError:
            # There are commas in texts, and no other sign like this is left.
            between = data.replace(f'{self.comma}"'.encode(), f'{_BETWEEN}"'.encode())
            return self._split(between, _BETWEEN), ""

    def _split(self, data: bytes, separator: str) -> pl.DataFrame:
        """Lines in as many columns as there are members; raises PolarsError where one has more."""
        return pl.read_csv(
            data,
            has_header=False,
            separator=separator,
            quote_char=None,
            schema={str(i): pl.String for i in range(len(self.keys))},
        )


def pattern_of(text: str, item: dict[str, object]) -> Pattern | None:
    """How a line is written that has this object; None where no other can be like it."""
    keys = tuple(item)
    written = [json.dumps(key, ensure_ascii=False) for key in keys]
    if not keys or len(keys) > _MOST_KEYS:
        return None
    if written != [f'"{key}"' for key in keys] or any(key[-1:] in ("", ",", " ") for key in keys):
        return None
    if not "".join(keys).isprintable():
        return None
    comma = ", " if len(keys) > 1 and f", {written[1]}" in text else ","
    return Pattern(keys, comma, ": " if f"{written[0]}: " in text else ":")


def lines_of(data: bytes) -> pl.Series | None:
    """The lines of UTF-8 text; None where they are not plain text in lines."""
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return None
        if _MARK_BYTES in data:
            return None
    return pl.read_lines(io.BytesIO(data)).to_series()


def _numbers(
    members: pl.DataFrame, values: Mapping[int, pl.Expr | None], shape: Shape
) -> pl.DataFrame | None:
    """The cells with numbers as numbers; None where one of them is not, or 64 bits cannot hold it.

    A number may be written as text, too, which is then read as text is.
    """
    made = members.select(
        _text(value, shape).alias(str(i))
        if (dtype := shape.numbers.get(i)) is None or value is None
        else value.cast(dtype, strict=False).alias(str(i))
        for i, value in values.items()
    )
    made = made.cast({str(i): dtype for i, dtype in shape.numbers.items()})
    for i in shape.numbers:
        value, column = values[i], made[str(i)]
        if value is None:
            continue
        lost = column.is_null()
        if lost.any() and (members.filter(lost).select(value).to_series() != "null").any():
            return None
        if not column.dtype.is_float():
            continue
        zeros = column == 0
        rounded = pl.lit("[1-9]")
        if column.is_infinite().any() or (
            zeros.any() and members.filter(zeros).select(value.str.contains(rounded).any()).item()
        ):
            return None
    return made


def _text(value: pl.Expr | None, shape: Shape) -> pl.Expr:
    """Cells as text, without the quotes around them."""
    if value is None:
        any_row = pl.nth(0)
        is_empty = any_row.is_null() if shape.empty_is_null else any_row.is_not_null()
        return pl.when(is_empty).then(pl.lit(""))
    text = pl.when(value != "null").then(value.str.strip_prefix('"').str.strip_suffix('"'))
    if shape.empty_is_null:
        return pl.when(value != '""').then(text)
    return text.fill_null("")


def _unescaped(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells as text, in which no sign is escaped."""
    return cells.with_columns(
        column.replace(odd, pl.Series([json.loads(f'"{one}"') for one in odd], dtype=pl.String))
        for column in cells.select(pl.col(pl.String))
        if len(odd := column.filter(column.str.contains("\\", literal=True)).unique())
    )
