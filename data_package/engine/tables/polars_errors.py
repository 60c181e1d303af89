"""Messages of Polars for a failed query, rewritten so that they quote no value.

Only messages that are known by their beginning are reported, in our own wording. A number, a type,
or a name that is in the code or in an input is copied from the message; nothing else is.
"""

import errno
import os
import re
import traceback
from pathlib import Path

import polars as pl

from data_package.engine.errors import did_you_mean
from data_package.engine.tables.own_words import OwnWords

_POLARS = Path(pl.__file__).parent

# Polars' own names of types, and nothing else: any other word could be a cell.
_TYPE = (
    r"(?:[iuf](?:8|16|32|64|128)|bool|str|binary|date|time|null|cat|enum|object|unknown|"
    r"dyn (?:int|float|str)|list|array|struct|decimal|duration|datetime|"
    r"(?:list|array|struct|decimal|duration|datetime)\[[\w\[\], μ/]{0,40}\])"
)
_CONVERSION = re.compile(
    rf"conversion from `({_TYPE})` to `({_TYPE})` failed in column '([^']*)' "
    r"for (\d+) out of \d+ "
)
_PARSE = re.compile(
    rf".*` as dtype `({_TYPE})` at column '(.*)' \(column number (\d+)\)", re.DOTALL
)
_KEYS = re.compile(rf"datatypes of join keys don't match - `(.*)`: ({_TYPE}) on left does not ")
_ARITHMETIC = re.compile(rf"arithmetic on dtypes ({_TYPE}) and ({_TYPE}) is not allowed")
_DUPLICATE = re.compile(r"projections contained duplicate output name '([^']*)'")

_MACHINE = re.compile(r"\(os error (\d{1,4})\)")

# By how a message begins.
_FIXED = {
    "invalid utf-8 sequence": (
        "the file is not UTF-8. Read it with pl.read_csv(…, encoding='cp1252'), or whatever its "
        "encoding is."
    ),
    "csv `encoding` must be one of": (
        "scan_csv reads only UTF-8. Use pl.read_csv(…, encoding=…) for this file."
    ),
    "found more fields than defined in 'Schema'": (
        "a line of the file has more cells than its header. Check separator= and quote_char=; "
        "truncate_ragged_lines=True drops the extra cells."
    ),
    "incomplete mapping specified for `replace_strict`": (
        "replace_strict found a value that it has no entry for. Give it a default=, or clean first."
    ),
    "strict integer parsing failed": (
        "a text is not an integer. Clean it first, or make it null with strict=False."
    ),
    "join keys did not fulfill": "keys of the join repeat although validate= forbids it.",
    "'union'/'concat' inputs should all have the same schema": (
        "the frames given to pl.concat differ in columns or types. Cast them first, or use "
        "how='diagonal_relaxed'."
    ),
    "cannot compare string with numeric type": "a text is compared with a number. Cast one first.",
    "could not find an appropriate format to parse": (
        "the format of the dates cannot be guessed. Give it, such as '%d.%m.%Y'."
    ),
    "parquet: File out of specification: Invalid thrift: transport error": (
        "the file cannot be written to its end. Is there room left on its disk?"
    ),
    "parquet: File out of specification": "the file is not a Parquet file, or not a whole one.",
    "regex error": "a pattern of the query is not a regular expression that Polars knows.",
    "empty CSV": "the file is empty.",
    "CSV format does not support nested data": "CSV cannot hold lists and structs.",
    "cannot cast 'Object' type": "a column of Python objects cannot be cast to another type.",
    "cannot write 'Object' datatype": (
        "a column holds Python objects, which a file cannot. Make them text, numbers or dates."
    ),
    "CSV malformed": (
        "the file cannot be read as CSV: a quote is opened and not closed, or a line is cut off. "
        "Check quote_char= and separator=, or read it by a contract."
    ),
    "relation '": "a query in SQL names a table that it has not been given.",
    "UDF called without return type": (
        "Polars does not know what map_elements or map_batches returns. Add return_dtype=."
    ),
    "casting from string to": (
        "Polars does not cast text to that type. Use str.to_date, str.to_datetime or str.to_time."
    ),
    "error deserializing JSON": "a text is not the JSON that it is read as.",
}


def known(message: str) -> str:
    """The part of a message that holds no value, or nothing."""
    return next((words for begin, words in _FIXED.items() if message.startswith(begin)), "")


def spoken(error: pl.exceptions.PolarsError, words: OwnWords) -> str:
    """The message that may be shown for a Polars error; empty if none may.

    Args:
        error: as it was raised.
        words: those of the code, and the columns of the inputs.
    """
    message = str(error)
    if not _is_raised_by_polars(error):
        return ""
    if found := _CONVERSION.match(message):
        origin, target, column, failed = found.groups()
        return (
            f"at least {failed} {'value' if failed == '1' else 'values'} cannot be converted from "
            f"{origin} to {target}{_in_column(column, words)}. Clean them first, or make them null "
            "with strict=False."
        )
    if message.startswith("could not parse `") and (found := _PARSE.match(message)):
        dtype, column, number = found.groups()
        return (
            f"a cell of column {number} of the file{_in_column(column, words, ',')} cannot be read "
            f"as {dtype}. Read it as text with infer_schema=False, and convert it then."
        )
    if found := _KEYS.match(message):
        return f"the keys of the join differ in type{_in_column(found.group(1), words)}. Cast one."
    if found := _ARITHMETIC.match(message):
        one, other = found.groups()
        return f"arithmetic between {one} and {other} is not possible. Cast them first."
    if (found := _DUPLICATE.match(message)) and words.have(found.group(1)):
        return f"two columns are called '{found.group(1)}'. Rename one with .alias(…)."
    if isinstance(error, pl.exceptions.ColumnNotFoundError):
        return _no_column(message, words)
    if (found := _MACHINE.search(message)) and int(found.group(1)) in errno.errorcode:
        return f"{os.strerror(int(found.group(1)))}."
    return known(message)


def _is_raised_by_polars(error: BaseException) -> bool:
    """Whether the message is Polars' own: a user's function may raise its exceptions too."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).is_relative_to(_POLARS)


def _in_column(name: str, words: OwnWords, before: str = " in column") -> str:
    return f"{before} '{name}'" if words.have(name) else ""


def _no_column(message: str, words: OwnWords) -> str:
    found = re.search(r'(?:unable to find column )?"([^"]+)"', message) or re.match(
        r"([\w .-]+)", message
    )
    if found and words.have(found.group(1)):
        return f"no column '{found.group(1)}'.{did_you_mean(found.group(1), words.names)}"
    return "a column that the query names does not exist."
