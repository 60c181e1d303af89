"""The type that a column of text seems to have: how its values are written, and what is missing.

Each type has a strict form besides the reader of the standard: what can be read loosely is no
evidence of a type. What may be read in two ways stays text, and a note says so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data_package.engine.schema.cells import read_column
from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.lint_field import lint_field
from data_package.engine.schema.types import reader

MISSING_WORDS = frozenset(
    {
        *("NA", "N/A", "n/a", "n.a.", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "Null", "null"),
        *("None", "-", "--", ".", "?"),
    }
)
# In text these may be meant: the severity "None", the result "-" of a test.
_MEANT_IN_TEXT = frozenset({"None", "-", "--"})
_COUNTRY_LIKE = re.compile(r"[A-Z]{2}")
_MANY_CODES = 5
# So many distinct cells are tried one by one before a type is tried on the whole column.
_TRIED = 100

# A whole number, or a power, that 64 bits cannot hold is not read as a number.
_UNSIGNED = r"(?:0|[1-9][0-9]{0,17})"
_EXPONENT = r"(?:[eE][+-]?[12]?[0-9]{1,2})?"
_DAY, _MONTH, _YEAR = "[0-9]{1,2}", "[0-9]{1,2}", "[0-9]{4}"
_DIRECTIVES = {
    "%Y": _YEAR,
    "%m": _MONTH,
    "%d": _DAY,
    "%b": "[A-Za-z]{3}",
    "%H": "[0-9]{1,2}",
    "%M": "[0-9]{2}",
    "%S": "[0-9]{2}",
}
_DATES = (
    *("%d-%m-%Y", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d"),
    *("%d-%b-%Y", "%d %b %Y", "%d%b%Y"),
)
_CLOCKS = (" %H:%M", " %H:%M:%S", "T%H:%M", ":%H:%M:%S")
# The other reading of the same figures.
_SWAPPED = {"%d-%m-%Y": "%m-%d-%Y", "%d/%m/%Y": "%m/%d/%Y"}
_GROUP_CHARS = (".", ",", " ", "\u00a0", "\u202f", "'", "\u2019")
_CURRENCIES = frozenset(
    {"€", "$", "£", "kr", "kr.", "DKK", "SEK", "NOK", "EUR", "USD", "GBP", "CHF"}
)
_SIGNS = frozenset({"%", "‰", "°", "°C"})


@dataclass(frozen=True, slots=True)
class TextType:
    """What a column of text holds: the properties of its field, and what a person should know."""

    properties: Mapping[str, object]
    missing: tuple[str, ...] = ()
    note: str = ""

    @property
    def field_properties(self) -> dict[str, object]:
        """The properties of the field, missing values included."""
        missing = {"missingValues": ["", *self.missing]} if self.missing else {}
        return {**self.properties, **missing}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way in which all values of a column may be written."""

    properties: Mapping[str, object]
    form: re.Pattern[str]

    def reads(self, cells: "_Cells") -> bool:
        """Tell whether every cell is written like this and has a value."""
        tried = cells.tried
        if not all(self.form.fullmatch(cell) for cell in tried):
            return False
        each = Contract.from_descriptor({"fields": [{"name": "0", **self.properties}]}).fields[0]
        read = reader(each)
        if any(read(cell) is None for cell in tried) or any(lint_field(each.descriptor)):
            return False
        if cells.whole is None:
            return True
        whole = cells.whole.str.contains(f"^(?:{self.form.pattern})$").all()
        return bool(whole) and read_column(each, cells.whole).bad is None


@dataclass(frozen=True, slots=True)
class _Cells:
    """The distinct cells of a column that are not missing values.

    `tried` are some of them, in order; `whole` all, where these are more.
    """

    tried: Sequence[str]
    whole: pl.Series | None = None

    def are_codes(self) -> bool:
        """Tell whether there are several, and all are two capital letters."""
        if len(self.tried) <= _MANY_CODES or not all(map(_COUNTRY_LIKE.fullmatch, self.tried)):
            return False
        return self.whole is None or bool(self.whole.str.contains("^[A-Z]{2}$").all())


def _cells(column: pl.Series) -> tuple[_Cells, list[str]]:
    """Return the distinct cells of a column, and the words among them that may mean no value."""
    if len(column) <= _TRIED:
        held = sorted({cell for cell in column.to_list() if cell is not None})
        return (
            _Cells([cell for cell in held if cell not in MISSING_WORDS]),
            [cell for cell in held if cell in MISSING_WORDS],
        )
    distinct = column.drop_nulls().unique()
    words = distinct.filter(distinct.is_in(list(MISSING_WORDS))).sort().to_list()
    left = distinct.filter(~distinct.is_in(words)) if words else distinct
    tried = left.head(_TRIED).sort().to_list()
    return _Cells(tried, left if len(left) > len(tried) else None), words


def text_type(name: str, column: pl.Series) -> TextType:
    """Return what a column of text seems to hold; `name` is for notes, nulls are missing values."""
    cells, words = _cells(column)
    for candidate in _candidates(cells.tried) if cells.tried else ():
        if candidate.reads(cells):
            return _settled(name, candidate, cells, tuple(words))
    return TextType({"type": "string"}, _missing_in_text(words, cells))


def as_field(name: str, kind: TextType) -> Field:
    """Return the field, called `name`, that reads such a column."""
    descriptor = {"name": name, **kind.field_properties}
    return Contract.from_descriptor({"fields": [descriptor]}).fields[0]


def _settled(name: str, found: Candidate, cells: _Cells, words: tuple[str, ...]) -> TextType:
    """Return a type that was found, or text where the same cells may mean something else."""
    properties = found.properties
    swapped = _other_order(properties)
    if swapped is not None and swapped.reads(cells) and not _same_days(cells.tried):
        if "/" in str(properties["format"]):
            note = f"{name}: day or month may come first in its dates; it is left as text."
            return TextType({"type": "string"}, _missing_in_text(words, cells), note)
        note = f"{name}: its dates are taken to be {properties['format']}; no day is above 12."
        return TextType(properties, words, note)
    if properties.get("decimalChar") == "," and all(map(_MAYBE_GROUPED.fullmatch, cells.tried)):
        note = f"{name}: its commas may group thousands or mark decimals; it is left as text."
        return TextType({"type": "string"}, _missing_in_text(words, cells), note)
    if found is _NUMBER and _may_be_times(cells):
        note = f"{name}: they may be numbers, or times of day (%H.%M); it is left as text."
        return TextType({"type": "string"}, _missing_in_text(words, cells), note)
    return TextType(properties, words)


def _may_be_times(cells: _Cells) -> bool:
    """Tell whether numbers are hours and minutes, as `7.05`: many, of many hours, none past .59."""
    if not all(map(_HOUR_AND_MINUTE.fullmatch, cells.tried)):
        return False
    hours = {cell.partition(".")[0].lstrip("0") for cell in cells.tried}
    if len(cells.tried) < _ENOUGH_TIMES or len(hours) < _ENOUGH_HOURS:
        return False
    form = f"^(?:{_HOUR_AND_MINUTE.pattern})$"
    return cells.whole is None or bool(cells.whole.str.contains(form).all())


# Of numbers with two decimals, three in five are below .60; of twenty, one set in 27,000.
_ENOUGH_TIMES, _ENOUGH_HOURS = 20, 8
_HOUR_AND_MINUTE = re.compile(r"(?:[01]?[0-9]|2[0-3])\.[0-5][0-9]")
_MAYBE_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


def _other_order(properties: Mapping[str, object]) -> Candidate | None:
    pattern = str(properties.get("format", ""))
    for order, swapped in _SWAPPED.items():
        if pattern.startswith(order):
            return _temporal(str(properties["type"]), swapped + pattern.removeprefix(order))
    return None


def _same_days(tried: Sequence[str]) -> bool:
    """Tell whether day and month are the same number everywhere, so that their order is idle."""
    return all(len(set(map(int, re.findall(r"[0-9]+", cell)[:2]))) == 1 for cell in tried)


def _missing_in_text(words: Iterable[str], cells: _Cells) -> tuple[str, ...]:
    """Return the words that mean no value in a column of text, where they plainly do."""
    held = [word for word in words if word not in _MEANT_IN_TEXT]
    if "NA" in held and cells.are_codes():
        # The code of Namibia, among those of other countries.
        held.remove("NA")
    return tuple(held)


def _candidates(tried: Sequence[str]) -> Iterator[Candidate]:
    """Give the ways that the cells may be written, the plainest first."""
    if tried[0][:1] in _BRACKETS:
        yield from _JSON
    if all(cell.lower() in _BOOLEANS for cell in tried):
        yield Candidate({"type": "boolean"}, re.compile("true|True|TRUE|false|False|FALSE"))
    if not any(sign.isdigit() for sign in tried[0]) and tried[0].upper().lstrip("+-") != "INF":
        return
    yield from CANDIDATES
    yield from _bare_numbers(tried)


def _temporal(kind: str, pattern: str) -> Candidate:
    parts = re.split(r"(%.)", pattern)
    form = "".join(_DIRECTIVES.get(part) or re.escape(part) for part in parts)
    return Candidate({"type": kind, "format": pattern}, re.compile(form))


def _number_forms() -> Iterator[Candidate]:
    """Give numbers with other marks than the standard's defaults."""
    comma = rf"[+-]?{_UNSIGNED}(?:,[0-9]+)?{_EXPONENT}"
    yield Candidate({"type": "number", "decimalChar": ","}, re.compile(comma))
    for group in _GROUP_CHARS:
        whole = rf"[+-]?(?:[1-9][0-9]{{0,2}}(?:{re.escape(group)}[0-9]{{3}}){{1,5}}|{_UNSIGNED})"
        yield Candidate({"type": "integer", "groupChar": group}, re.compile(whole))
        for decimal in (".", ","):
            if decimal != group:
                marks = {"groupChar": group} | ({} if decimal == "." else {"decimalChar": decimal})
                form = rf"{whole}(?:{re.escape(decimal)}[0-9]+)?"
                yield Candidate({"type": "number", **marks}, re.compile(form))


def _bare_numbers(tried: Sequence[str]) -> Iterator[Candidate]:
    """Give numbers with a currency, a percent sign or a unit, the same around every cell."""
    found = re.fullmatch(r"([^0-9+-]*)[+-]?[0-9](?:.*[0-9])?([^0-9]*)", tried[0], re.DOTALL)
    if found is None:
        return
    before, after = found.groups()
    is_unit = re.fullmatch(r"\s[^\W\d]{1,6}(?:/[^\W\d]{1,6})?", after)
    known = before.strip() in _CURRENCIES | {""} and (
        after.strip() in _CURRENCIES | _SIGNS | {""} or is_unit
    )
    if not known or not (before or after):
        return
    for candidate in (_INTEGER, _NUMBER, *_NUMBERS):
        form = f"{re.escape(before)}(?:{candidate.form.pattern}){re.escape(after)}"
        properties = {**candidate.properties, "bareNumber": False}
        yield Candidate(properties, re.compile(form))


_BRACKETS = ("{", "[")
_JSON = (
    Candidate({"type": "object"}, re.compile(r"\{[\s\S]*\}")),
    Candidate({"type": "array"}, re.compile(r"\[[\s\S]*\]")),
)
_BOOLEANS = frozenset({"true", "false"})
_INTEGER = Candidate({"type": "integer"}, re.compile(rf"[+-]?{_UNSIGNED}"))
_NUMBER = Candidate(
    {"type": "number"},
    re.compile(rf"[+-]?(?:{_UNSIGNED}(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}|[+-]?INF"),
)
_ISO = (
    Candidate({"type": "date"}, re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")),
    Candidate(
        {"type": "datetime"},
        re.compile(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
            r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
        ),
    ),
    Candidate({"type": "time"}, re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?")),
)
_PATTERNS = (
    _temporal("time", "%H:%M"),
    *(_temporal("date", date) for date in _DATES),
    *(_temporal("datetime", date + clock) for date in ("%Y-%m-%d", *_DATES) for clock in _CLOCKS),
)
_NUMBERS = tuple(_number_forms())
# Ways that do not depend on the cells, the plainest first.
CANDIDATES = (_INTEGER, _NUMBER, *_ISO, *_PATTERNS, *_NUMBERS)
