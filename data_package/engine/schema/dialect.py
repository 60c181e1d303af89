"""How a delimited file is written: delimiter, quotes, header, comments, encoding.

https://datapackage.org/standard/table-dialect/
"""

import codecs
import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from data_package.engine.errors import ProjectError
from data_package.engine.schema.spelling import misspelt

if TYPE_CHECKING:
    from data_package.engine.schema.contract import Contract

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
}
# Of formats that are not delimited text: a contract that asks for them must not be disobeyed.
_UNSUPPORTED = frozenset({"property", "itemType", "itemKeys", "sheetNumber", "sheetName", "table"})
# Says nothing about how a file is read; the others are what version 1 had and version 2 removed.
_SILENT = frozenset({"$schema", "title", "description", "caseSensitiveHeader", "csvddfVersion"})
_LISTS = frozenset({"header_rows", "comment_rows"})
_FLAGS = frozenset({"header", "double_quote", "skip_initial_space"})
_OPTIONAL = frozenset({"quote_char", "escape_char", "null_sequence"})
_NEVER_EMPTY = frozenset({"line_terminator", "comment_char"})
_SINGLE = frozenset({"delimiter", "quote_char", "escape_char"})


class DialectError(ProjectError):
    """A dialect that no file can be read with."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The properties of a Table Dialect for delimited text, and the encoding beside them.

    Row numbers in `header_rows` and `comment_rows` count from 1. `quote_char` may be empty: then
    nothing is quoted.
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

    @property
    def first_row(self) -> int:
        """The number of the first row that can be data."""
        return max(self.header_rows, default=0) + 1 if self.header else 1

    @property
    def conflict(self) -> str | None:
        """Which of its characters are the same and must not be."""
        if self.delimiter == self.quote_char:
            return "delimiter and quoteChar are the same character"
        if self.escape_char is not None and self.escape_char in (self.delimiter, self.quote_char):
            return "escapeChar is the delimiter or the quoteChar"
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
        dialect = cls(**given)  # type: ignore[arg-type]
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


def dialect_of_file(
    path: Path,
    contract: "Contract | None",
    dialect: Mapping[str, object] | None,
    encoding: str | None,
) -> Dialect:
    """Return how a file is written: as it is given, or as its contract says, or by its name."""
    properties = contract.descriptor if contract is not None else {}
    written, stated = properties.get("dialect"), properties.get("encoding")
    if dialect is None and isinstance(written, dict):
        dialect = written
    encoding = encoding or (stated if isinstance(stated, str) else None)
    name = path.name.removesuffix(".gz").removesuffix(".zip")
    if dialect is None and name.endswith((".tsv", ".tab")):
        dialect = {"delimiter": "\t"}
    return Dialect.from_descriptor(dialect, encoding=encoding)


def written_dialect(contract: "Contract | None") -> Mapping[str, object]:
    """Return the dialect that a contract states; empty where it states none."""
    written = contract.descriptor.get("dialect") if contract is not None else None
    return written if isinstance(written, dict) else {}


def property_fault(name: str, value: object) -> str | None:
    """Return what is wrong with a property of a dialect, and what to do; None when it is good."""
    if name in _UNSUPPORTED:
        return f"{name} is not supported: files are read as delimited text; remove it"
    if name not in _PROPERTIES:
        known = _PROPERTIES.keys() | _UNSUPPORTED | _SILENT
        return next((what for _, what in misspelt([name], known)), None)
    inner = _PROPERTIES[name]
    if inner in _LISTS:
        good = isinstance(value, list) and all(_is_row_number(row) for row in value)
        if good and not value and inner == "header_rows":
            return "headerRows names at least one row; for a file without one, header: false"
        return None if good else f"{name} must be row numbers"
    if inner in _FLAGS:
        return None if isinstance(value, bool) else f"{name} must be true or false"
    if value is None and inner in _OPTIONAL:
        return None
    one = inner in _SINGLE
    if not isinstance(value, str) or (one and len(value) != 1):
        return f"{name} must be text{', of one character' if one else ''}"
    if (not value and inner in _NEVER_EMPTY) or (one and value in "\r\n"):
        return f"{name} must be a character that is not a line end" if one else f"{name} is empty"
    return None


def dialect_properties() -> dict[str, dict[str, object] | bool]:
    """A JSON Schema for each property: what `property_fault` finds no fault in."""
    return {
        **{name: _property_schema(inner) for name, inner in _PROPERTIES.items()},
        **dict.fromkeys(sorted(_UNSUPPORTED), False),
    }


def _property_schema(inner: str) -> dict[str, object]:
    if inner in _LISTS:
        rows: dict[str, object] = {"type": "array", "items": {"type": "integer", "minimum": 1}}
        return {**rows, "minItems": 1} if inner == "header_rows" else rows
    if inner in _FLAGS:
        return {"type": "boolean"}
    lengths: dict[str, object] = {"minLength": 1} if inner in _NEVER_EMPTY else {}
    if inner in _SINGLE:
        lengths = {"minLength": 1, "maxLength": 1}
    return {"type": ["string", "null"] if inner in _OPTIONAL else "string", **lengths}


def _settled(inner: str, value: object) -> object:
    if inner in _LISTS:
        return tuple(cast("list[int]", value))
    return "" if value is None and inner == "quote_char" else value


def _is_row_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
