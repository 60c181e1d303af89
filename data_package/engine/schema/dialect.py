"""How a file of text, a workbook or a database is written: a Table Dialect, and the encoding.

https://datapackage.org/standard/table-dialect/
"""

import codecs
import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from pathlib import Path
from typing import cast

from data_package.engine.errors import ProjectError
from data_package.engine.schema.spelling import misspelt

_PROPERTIES = {
    "header": "header",
    "headerRows": "header_rows",
    "headerJoin": "header_join",
    "commentRows": "comment_rows",
    "commentChar": "comment_char",
    "delimiter": "delimiter",
    "lineTerminator": "line_terminator",
    "quoteChar": "quote_char",
    "doubleQuote": "double_quote",
    "escapeChar": "escape_char",
    "nullSequence": "null_sequence",
    "skipInitialSpace": "skip_initial_space",
    "encoding": "encoding",
    "property": "items_property",
    "itemType": "item_type",
    "itemKeys": "item_keys",
    "sheetNumber": "sheet_number",
    "sheetName": "sheet_name",
    "table": "table",
    # Not the standard's: see docs/reference/table-schema.md.
    "footerRows": "footer_rows",
    "widths": "widths",
    "positions": "positions",
    "query": "query",
    "member": "member",
}
# Says nothing about how a file is read; the others are what version 1 had and version 2 removed.
_SILENT = frozenset({"$schema", "title", "description", "caseSensitiveHeader", "csvddfVersion"})
_LISTS = frozenset({"header_rows", "comment_rows", "widths"})
_NOT_EMPTY_LISTS = frozenset({"header_rows", "widths"})
_COUNTS = frozenset({"footer_rows", "sheet_number"})
_FLAGS = frozenset({"header", "double_quote", "skip_initial_space"})
_OPTIONAL = frozenset({"quote_char", "escape_char", "null_sequence"})
_NEVER_EMPTY = frozenset(
    {"line_terminator", "comment_char", "delimiter", "sheet_name", "table", "query", "member",
     "items_property"}
)  # fmt: skip
PLAIN_TEXTS = frozenset(name for name, own in _PROPERTIES.items() if own in _NEVER_EMPTY)
"""The properties that are a text of one character or more."""
_SINGLE = frozenset({"quote_char", "escape_char"})
_ITEM_TYPES = ("array", "object")
_LINE_ENDS = "\r\n"
_EITHER = (("widths", "positions"), ("sheetName", "sheetNumber"), ("table", "query"))
_COUNT: dict[str, object] = {"type": "integer", "minimum": 1}


class Form(Enum):
    """The kinds of files that a dialect tells apart, each with its name for people."""

    DELIMITED = "delimited text"
    FIXED = "text with columns of fixed width"
    WORKBOOK = "a workbook"
    JSON = "JSON"
    DATABASE = "a database"
    TYPED = "a file whose columns have types"


TEXT = frozenset({Form.DELIMITED, Form.FIXED})
FORMS_OF: Mapping[str, frozenset[Form]] = {
    **dict.fromkeys(
        ("delimiter", "quoteChar", "doubleQuote", "escapeChar", "skipInitialSpace"),
        frozenset({Form.DELIMITED}),
    ),
    **dict.fromkeys(("widths", "positions"), frozenset({Form.FIXED})),
    "lineTerminator": TEXT,
    "encoding": TEXT | {Form.JSON},
    **dict.fromkeys(("commentChar", "footerRows"), TEXT | {Form.WORKBOOK}),
    **dict.fromkeys(("commentRows", "headerRows"), TEXT | {Form.WORKBOOK, Form.JSON}),
    **dict.fromkeys(("headerJoin", "header"), TEXT | {Form.WORKBOOK, Form.JSON}),
    **dict.fromkeys(("sheetName", "sheetNumber"), frozenset({Form.WORKBOOK})),
    **dict.fromkeys(("property", "itemType", "itemKeys"), frozenset({Form.JSON})),
    **dict.fromkeys(("table", "query"), frozenset({Form.DATABASE})),
    "member": TEXT | {Form.JSON},
    "nullSequence": frozenset(Form) - {Form.TYPED},
}
"""The forms that have a property, where not all do: one that a contract asks for must be obeyed."""
PACKED = (".gz", ".zip", ".zst", ".bz2", ".xz")
"""The endings of files that are unpacked while they are read."""


class DialectError(ProjectError):
    """A dialect that no file can be read with."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The properties of a Table Dialect, and the encoding beside them.

    Row numbers in `header_rows` and `comment_rows` count from 1. `quote_char` may be empty: then
    nothing is quoted. `footer_rows` is how many rows at the end are left out. `positions` are the
    first and the last character of each column of fixed width, from 1; `widths` say the same of
    columns without gaps. `member` names a file in a zip archive, and may be a pattern. `given` are
    the properties that somebody wrote.
    """

    delimiter: str = ","
    quote_char: str = '"'
    double_quote: bool = True
    escape_char: str | None = None
    line_terminator: str | None = None
    skip_initial_space: bool = False
    null_sequence: str | None = None
    header: bool = True
    header_rows: tuple[int, ...] = (1,)
    header_join: str = " "
    comment_rows: tuple[int, ...] = ()
    comment_char: str | None = None
    encoding: str = "utf-8"
    footer_rows: int = 0
    widths: tuple[int, ...] = ()
    positions: tuple[tuple[int, int], ...] = ()
    member: str | None = None
    sheet_name: str | None = None
    sheet_number: int | None = None
    items_property: str | None = None
    item_type: str | None = None
    item_keys: tuple[str, ...] = ()
    table: str | None = None
    query: str | None = None
    given: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[tuple[int, int], ...]:
        """Where each column of fixed width begins, from 0, and ends; none in other files."""
        if self.positions:
            return tuple((first - 1, last) for first, last in self.positions)
        ends = tuple(accumulate(self.widths))
        return tuple(zip((0, *ends), ends, strict=False))

    @property
    def first_row(self) -> int:
        """The number of the first row that can be data."""
        return max(self.header_rows, default=0) + 1 if self.header else 1

    @property
    def conflict(self) -> str | None:
        """Which of its properties contradict each other."""
        if self.delimiter == self.quote_char:
            return "delimiter and quoteChar are the same character"
        if self.escape_char is not None and self.escape_char in (self.delimiter, self.quote_char):
            return "escapeChar is the delimiter or the quoteChar"
        if len(self.delimiter) > 1:
            if self.quote_char and self.quote_char in self.delimiter:
                return "the delimiter holds the quoteChar; if nothing is quoted, quoteChar: null"
            if self.escape_char is not None:
                return "escapeChar and a delimiter of several characters do not go together"
        for one, other in _EITHER:
            if {one, other} <= self.given:
                return f"{one} and {other} say the same; remove one of them"
        return None

    @property
    def is_plain(self) -> bool:
        """Whether quotes are doubled inside quotes, nothing is escaped, and signs are one byte."""
        signs = self.delimiter + self.quote_char
        return self.double_quote and self.escape_char is None and signs.isascii()

    def may_quote(self, data: bytes) -> bool:
        """Tell whether anything in the data can be quoted."""
        return bool(self.quote_char) and self.quote_char.encode() in data

    @property
    def is_utf8(self) -> bool:
        """Whether the file's bytes are UTF-8 without conversion."""
        return reads_utf8(self.encoding)

    def records(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Return the records in lines of text, as Python's csv module reads them."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote_char or None,
            quoting=csv.QUOTE_MINIMAL if self.quote_char else csv.QUOTE_NONE,
            doublequote=self.double_quote,
            escapechar=self.escape_char,
            skipinitialspace=self.skip_initial_space,
        )

    @classmethod
    def from_descriptor(
        cls, descriptor: Mapping[str, object] | None, *, encoding: str | None = None
    ) -> "Dialect":
        """Return the dialect in a Table Dialect descriptor (None: the standard's defaults).

        Properties of the publisher's own are left alone. Raises DialectError for a property that
        is misspelt or cannot be used.
        """
        given: dict[str, object] = {}
        for name, value in (descriptor or {}).items():
            if (what := property_fault(name, value)) is not None:
                raise DialectError(f"dialect: {what}")
            if name in _PROPERTIES:
                given[_PROPERTIES[name]] = _settled(_PROPERTIES[name], value)
        if encoding is not None:
            given.setdefault("encoding", encoding)
        names = frozenset(name for name in descriptor or {} if name in _PROPERTIES)
        dialect = cls(**given, given=names)  # type: ignore[arg-type]
        if (stranger := two_forms(names)) is not None:
            raise DialectError(f"dialect: {stranger[1]}")
        if (what := dialect.conflict) is not None:
            raise DialectError(f"dialect: {what}")
        try:
            # Python has codecs that make no text, too, and a look-up finds them.
            "a".encode(dialect.encoding)
        except (LookupError, ValueError):
            raise DialectError(f"dialect: unknown encoding {dialect.encoding!r}") from None
        return dialect


def reads_utf8(encoding: str) -> bool:
    """Whether text in UTF-8 is the same in this encoding."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")


def packing(path: Path) -> str:
    """Return the ending that says how a file is packed, in small letters; empty if it is not."""
    ending = path.suffix.lower()
    return ending if ending in PACKED else ""


def unpacked_name(path: Path) -> str:
    """Return a file's name in small letters, without the ending that says how it is packed."""
    return (path.stem if packing(path) else path.name).lower()


def two_forms(names: Iterable[str]) -> tuple[str, str] | None:
    """Return a property that is of another form than those before it, and what is wrong."""
    forms, first = frozenset(Form), ""
    for name in names:
        own = FORMS_OF.get(name, forms)
        if not forms & own:
            return name, f"{name} is for {listed(own)}, and {first} is not; remove one of them"
        if forms - own:
            first = name
        forms &= own
    return None


def listed(forms: frozenset[Form]) -> str:
    """The names of forms, for people."""
    names = [form.value for form in Form if form in forms]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def property_fault(name: str, value: object) -> str | None:
    """Return what is wrong with a property of a dialect, and what to do; None when it is good."""
    if name not in _PROPERTIES:
        known = _PROPERTIES.keys() | _SILENT
        return next((what for _, what in misspelt([name], known)), None)
    inner = _PROPERTIES[name]
    if inner in _LISTS:
        good = isinstance(value, list) and all(_is_count(row) for row in value)
        if good and not value and inner == "header_rows":
            return "headerRows names at least one row; for a file without one, header: false"
        if inner == "widths":
            return None if good and value else "widths must be numbers of characters: [8, 3, 5]"
        return None if good else f"{name} must be row numbers"
    if inner == "positions":
        what = "positions must be the first and last character of each column: [[1, 8], [10, 12]]"
        return None if _are_positions(value) else what
    if inner in _COUNTS:
        return None if _is_count(value) else f"{name} must be a number, 1 or more"
    if inner in _FLAGS:
        return None if isinstance(value, bool) else f"{name} must be true or false"
    if inner == "item_type":
        return None if value in _ITEM_TYPES else "itemType must be array or object"
    if inner == "item_keys":
        keys = value if isinstance(value, list) else []
        good = bool(keys) and all(isinstance(key, str) for key in keys)
        return None if good else "itemKeys must be the names of keys"
    if value is None and inner in _OPTIONAL:
        return None
    return _text_fault(name, inner, value)


def _text_fault(name: str, inner: str, value: object) -> str | None:
    one = inner in _SINGLE
    if not isinstance(value, str) or (one and len(value) != 1):
        return f"{name} must be text{', of one character' if one else ''}"
    if not value and inner in _NEVER_EMPTY:
        return f"{name} is empty"
    if (one or inner == "delimiter") and any(sign in _LINE_ENDS for sign in value):
        return f"{name} must be a character that is not a line end"
    return None


def dialect_properties() -> dict[str, dict[str, object] | bool]:
    """A JSON Schema for each property: what `property_fault` finds no fault in."""
    return {name: _property_schema(inner) for name, inner in _PROPERTIES.items()}


def _property_schema(inner: str) -> dict[str, object]:
    if inner in _LISTS:
        rows: dict[str, object] = {"type": "array", "items": _COUNT}
        return {**rows, "minItems": 1} if inner in _NOT_EMPTY_LISTS else rows
    if inner == "positions":
        pair = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": pair, "minItems": 1}
    if inner in _COUNTS:
        return _COUNT
    if inner == "item_type":
        return {"enum": list(_ITEM_TYPES)}
    if inner == "item_keys":
        return {"type": "array", "items": {"type": "string"}, "minItems": 1}
    if inner in _FLAGS:
        return {"type": "boolean"}
    lengths: dict[str, object] = {"minLength": 1} if inner in _NEVER_EMPTY else {}
    if inner in _SINGLE:
        lengths = {"minLength": 1, "maxLength": 1}
    return {"type": ["string", "null"] if inner in _OPTIONAL else "string", **lengths}


def _settled(inner: str, value: object) -> object:
    if inner in _LISTS or inner == "item_keys":
        return tuple(cast("list[object]", value))
    if inner == "positions":
        return tuple((first, last) for first, last in cast("list[list[int]]", value))
    return "" if value is None and inner == "quote_char" else value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_positions(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(map(_is_count, pair))
            and pair[0] <= pair[1]
            for pair in value
        )
    )
