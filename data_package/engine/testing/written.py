"""Rows as a file that is delivered: the text of each cell, and the lines of the whole.

Only delimited text is written; the room `schema` reads it back and decides.
https://datapackage.org/standard/table-dialect/
"""

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Literal

import polars as pl

from data_package.engine.errors import ProjectError
from data_package.engine.schema import Contract, Dialect, Field

MADE_UP = "MADE UP"
# What other endings name is not delimited text.
_TEXTS = ("", ".csv", ".tsv", ".tab", ".txt", ".dat", ".asc")


def is_text(name: str) -> bool:
    """Whether a file of this name is delimited text that is not packed."""
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return ending in _TEXTS


def cell(field: Field, value: object) -> str:
    """How a value of a field is written."""
    descriptor = field.descriptor
    if isinstance(value, bool):
        words = descriptor.get("trueValues" if value else "falseValues")
        first = words[0] if isinstance(words, list) and words else None
        return str(first) if first is not None else str(value).lower()
    if isinstance(value, dt.date | dt.time):
        is_pattern = field.format not in ("default", "any")
        # Not `strftime("%Y")`, which writes a year before 1000 with fewer digits.
        pattern = field.format.replace("%Y", f"{getattr(value, 'year', 0):04d}")
        return value.strftime(pattern) if is_pattern else value.isoformat()
    if isinstance(value, float):
        return repr(value).replace(".", str(descriptor.get("decimalChar", ".")))
    return str(value)


def delivery(frame: pl.DataFrame, contract: Contract, name: str = "data.csv") -> bytes:
    """Rows as the bytes of a delivered file, as the contract says that it is written.

    `name` is that of the file; by its ending it is separated by commas or tabs, as when it is read.
    Raises ProjectError when the file is not written as delimited text.
    """
    if not is_text(name):
        raise ProjectError(f"{name} is not delimited text, so no rows can be written into it.")
    descriptor = contract.descriptor
    written, encoding = descriptor.get("dialect"), descriptor.get("encoding")
    if not isinstance(written, dict):
        written = {"delimiter": "\t"} if name.endswith((".tsv", ".tab")) else None
    stated = encoding if isinstance(encoding, str) else None
    dialect = Dialect.from_descriptor(written, encoding=stated)
    try:
        return "".join(_lines(frame, contract, dialect)).encode(dialect.encoding)
    except (csv.Error, UnicodeEncodeError) as error:
        raise ProjectError(
            f"{contract.name}: a value cannot be written in its dialect and encoding "
            f"({type(error).__name__})."
        ) from None


def _lines(frame: pl.DataFrame, contract: Contract, dialect: Dialect) -> Iterator[str]:
    """The lines of the file, each with its end."""
    if dialect.header and len(dialect.header_rows) > 1:
        raise ProjectError(f"{contract.name}: a header of several rows cannot be written.")
    labels = [each.name for each in contract.fields]
    cells = [_cells(each, frame[each.name], dialect) for each in contract.fields]
    waiting = iter(zip(*cells, strict=True))
    end = dialect.line_terminator or "\n"
    for row in count(1):
        if row in dialect.header_rows and dialect.header:
            yield _record(labels, dialect) + end
        elif row in dialect.comment_rows or row < dialect.first_row:
            yield MADE_UP + end
        elif (values := next(waiting, None)) is not None:
            yield _record(values, dialect) + end
        else:
            return


def _cells(field: Field, column: pl.Series, dialect: Dialect) -> list[str]:
    if column.null_count():
        missing = dialect.null_sequence
        if missing is None:
            missing = next(iter(sorted(field.missing_values, key=len)), None)
        if missing is None:
            raise ProjectError(f"{field.name}: it has no missing value to be written when empty.")
    else:
        missing = ""
    return [missing if value is None else cell(field, value) for value in column]


def _record(values: Sequence[str], dialect: Dialect) -> str:
    plain = _joined(values, dialect, csv.QUOTE_MINIMAL if dialect.quote_char else csv.QUOTE_NONE)
    if dialect.comment_char is not None and plain.startswith(dialect.comment_char):
        return _joined(values, dialect, csv.QUOTE_ALL)
    return plain


def _joined(values: Sequence[str], dialect: Dialect, quoting: Literal[0, 1, 2, 3]) -> str:
    into = io.StringIO()
    csv.writer(
        into,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote_char or None,
        quoting=quoting,
        doublequote=dialect.double_quote,
        escapechar=dialect.escape_char,
        lineterminator="",
    ).writerow(values)
    return into.getvalue()
