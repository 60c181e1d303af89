"""How a delimited file is written: delimiter, quotes, header, comments, encoding.

https://datapackage.org/standard/table-dialect/
"""

import codecs
import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from data_package.engine.errors import ProjectError, did_you_mean

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
_IGNORED = frozenset(
    {"$schema", "property", "itemType", "itemKeys", "sheetNumber", "sheetName", "table"}
)
_LISTS = frozenset({"header_rows", "comment_rows"})
_FLAGS = frozenset({"header", "double_quote", "skip_initial_space"})
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
    def is_plain(self) -> bool:
        """Whether quotes are doubled inside quotes, nothing is escaped, and signs are one byte."""
        signs = self.delimiter + self.quote_char
        return self.double_quote and self.escape_char is None and signs.isascii()

    def may_quote(self, data: bytes) -> bool:
        """Tell whether anything in the data can be quoted."""
        return bool(self.quote_char) and self.quote_char.encode() in data

    @property
    def is_utf8(self) -> bool:
        """Whether the file's bytes are UTF-8 as they stand."""
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

        Raises DialectError for a property that does not exist or cannot be used.
        """
        given: dict[str, object] = {}
        for name, value in (descriptor or {}).items():
            if name in _IGNORED:
                continue
            if name not in _PROPERTIES:
                hint = did_you_mean(name, _PROPERTIES)
                raise DialectError(f"dialect: unknown property {name!r}.{hint}")
            given[_PROPERTIES[name]] = _checked(name, _PROPERTIES[name], value)
        if encoding is not None:
            given.setdefault("encoding", encoding)
        dialect = cls(**given)  # type: ignore[arg-type]
        try:
            # Python has codecs that make no text, too, and a look-up finds them.
            "a".encode(dialect.encoding)
        except (LookupError, ValueError):
            raise DialectError(f"dialect: unknown encoding {dialect.encoding!r}") from None
        return dialect


def reads_utf8(encoding: str) -> bool:
    """Tell whether text in UTF-8 is read by this encoding as it stands."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")


def dialect_of_file(
    path: Path,
    contract: "Contract | None",
    dialect: Mapping[str, object] | None,
    encoding: str | None,
) -> Dialect:
    """Return how a file is written: as it is given, or as its contract says, or by its name."""
    told = contract.descriptor if contract is not None else {}
    written, stated = told.get("dialect"), told.get("encoding")
    if dialect is None and isinstance(written, dict):
        dialect = written
    encoding = encoding or (stated if isinstance(stated, str) else None)
    name = path.name.removesuffix(".gz").removesuffix(".zip")
    if dialect is None and name.endswith((".tsv", ".tab")):
        dialect = {"delimiter": "\t"}
    return Dialect.from_descriptor(dialect, encoding=encoding)


def _checked(written: str, name: str, value: object) -> object:
    if name in _LISTS:
        good = isinstance(value, list) and all(_is_row_number(row) for row in value)
        if good:
            return tuple(cast("list[int]", value))
    elif name in _FLAGS:
        if isinstance(value, bool):
            return value
    elif isinstance(value, str) and (name not in _SINGLE or len(value) == 1):
        return value
    elif value is None and name in ("quote_char", "escape_char", "null_sequence"):
        return "" if name == "quote_char" else None
    kind = "row numbers" if name in _LISTS else "true or false" if name in _FLAGS else "text"
    one = ", of one character" if name in _SINGLE else ""
    raise DialectError(f"dialect: {written} must be {kind}{one}")


def _is_row_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
