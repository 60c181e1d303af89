"""What a column becomes in a file of a statistical program, which has numbers and texts only.

Booleans are 0 and 1 with labels; days and times are numbers that the program shows as such. What
no number of the program can stand for, such as a list or an integer beyond 2^53, makes the column
one of text; what a number cannot be, such as NaN, is missing. Notes count them.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import floor, isfinite
from string import ascii_lowercase
from typing import Literal

import polars as pl

from data_package.engine.export.content import ExportedTable, values
from data_package.engine.package.csvtwin import cell
from data_package.engine.schema.columns import column
from data_package.engine.schema.contract import Field

MOST_WHOLE = 2**53
_LATEST = dt.date(9999, 12, 31)
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_INT32 = (-(2**31) + 1, 2**31 - 28)


@dataclass(frozen=True)
class Limits:
    """What the files of a program hold.

    Attributes:
        program: its name.
        name: a pattern that the names of fields match; the program reserves those that `reserved`
            matches, whatever their case.
        name_length: the most characters of a name, or bytes, as `length_of` counts them.
        folds_case: whether names that differ in case only are the same.
        most_columns: the most fields of a table.
        text_bytes: the longest text.
        title_length: the longest label of a field, in the same unit as names.
        label_bytes: the longest label of a value; 0 where values have none.
        labels_texts: whether texts can have labels.
        earliest: the first day.
        largest: the largest number.
        smallest: the smallest number that is not 0.
        nanoseconds: the shortest time between two times.
        reasons: what stands for a missing number that has a reason: "numbers" that count as
            missing, "letters", or nothing.
    """

    program: str
    name: re.Pattern[str]
    reserved: re.Pattern[str]
    name_length: int
    length_of: Callable[[str], int]
    folds_case: bool
    most_columns: int
    text_bytes: int
    title_length: int
    label_bytes: int
    labels_texts: bool
    earliest: dt.date
    largest: float
    smallest: float = 0.0
    nanoseconds: int = 1_000_000
    reasons: Literal["numbers", "letters", ""] = ""


@dataclass(frozen=True)
class LabelledColumns:
    """The columns of a table as a program holds them.

    Attributes:
        select: an expression for each, in their order.
        as_text: those that are text only because the program has nothing else for them.
        labels: the labels of values, by column.
        missing: what stands for a missing number, by its reason, by column.
        notes: what is not the same there.
        faults: what cannot be held at all.
    """

    select: list[pl.Expr] = field(default_factory=list)
    as_text: list[str] = field(default_factory=list)
    labels: dict[str, dict[object, str]] = field(default_factory=dict)
    missing: dict[str, dict[str, int | str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def bytes_of(text: str) -> int:
    """The length of a text in UTF-8."""
    return len(text.encode())


def columns_of(table: ExportedTable, limits: Limits) -> LabelledColumns:
    """Look through a table for what a program can hold of it."""
    found = LabelledColumns()
    tests = {
        (name, kind): test
        for name, dtype in table.columns.items()
        for kind, test in _tests(name, dtype, limits)
    }
    keys = list(tests)
    counted = table.count({str(at): tests[key] for at, key in enumerate(keys)})
    counts = {keys[int(at)]: count for at, count in counted.items()}
    fields = {each.name: each for each in reversed(table.contract.fields)}
    for name, dtype in table.columns.items():
        own = {kind: counts[name, kind] for kind in _WORDS if (name, kind) in counts}
        for kind, count in own.items():
            words = f"{values(count, 'text' if kind in _OF_TEXT else 'value')} of {name}"
            what = _WORDS[kind].format(limits=limits)
            if kind in _REFUSED:
                found.faults.append(f"{table.name!r}: {words}, {what}")
            else:
                found.notes.append(f"{table.name}: {words}, {what}.")
        is_text = not _has_number(dtype) or any(kind in own for kind in _TO_TEXT)
        if is_text and dtype not in _TEXTS:
            found.as_text.append(name)
        value = _as_text(name, dtype) if is_text else _as_number(name, dtype, limits)
        reason = fields[name].missing_reason if name in fields else ""
        if dtype.is_numeric() and not is_text and table.columns.get(reason) in _TEXTS:
            codes = found.missing[name] = _codes(table, name, fields.get(reason), reason, limits)
            if codes:
                value = _with_codes(value, name, reason, codes)
        found.select.append(value)
        labels = _labels(fields.get(name), dtype, is_text=is_text)
        if labels:
            found.labels[name] = labels
    return found


def _tests(name: str, dtype: pl.DataType, limits: Limits) -> Iterator[tuple[str, pl.Expr]]:
    """Give the conditions under which a value is not held as it is, by what it then is."""
    value = column(name)
    if dtype.is_float():
        yield "beyond", ~_is_held(value.cast(pl.Float64), limits)
    elif dtype.is_integer():
        wide = pl.lit(MOST_WHOLE, dtype=pl.Int128)
        yield "wide", (value.cast(pl.Int128) > wide) | (value.cast(pl.Int128) < -wide)
    elif isinstance(dtype, pl.Decimal):
        again = value.cast(pl.Float64).cast(dtype, strict=False)
        yield "inexact", value.is_not_null() & ~again.eq_missing(value)
    elif dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None):
        yield "outside", ~value.cast(pl.Date).is_between(limits.earliest, _LATEST)
    if isinstance(dtype, pl.Datetime | pl.Time) and _has_number(dtype):
        yield "fine", value.dt.nanosecond() % limits.nanoseconds != 0
    if not _has_number(dtype):
        text = _as_text(name, dtype)
        yield "long", text.str.len_bytes() > limits.text_bytes
        yield "nul", text.str.contains("\0", literal=True)
        yield "empty", text == ""
        yield "blank", text.str.ends_with(" ") & (text.str.strip_chars_end(" ") != "")


# The note for the values that each test finds, in the order of the notes.
_WORDS = {
    "long": "longer than the {limits.text_bytes:,} bytes of a text in {limits.program}",
    "nul": "with the character NUL, at which a text ends there",
    "beyond": "NaN, infinite or out of bounds, which {limits.program} does not have: missing there",
    "wide": "beyond 2^53, where {limits.program} does not have every integer: the field is text",
    "inexact": "with more digits than {limits.program} has: the field is text",
    "outside": "before {limits.earliest}, where {limits.program} has no dates, or after the year "
    "9999: the field is text",
    "fine": "with fractions of a second that {limits.program} does not have: cut off there",
    "empty": "empty, which is a missing value there",
    "blank": "with blanks at the end, which are not kept",
}
_REFUSED = ("long", "nul")
_TO_TEXT = ("wide", "inexact", "outside")
_OF_TEXT = ("long", "nul", "empty", "blank")


def _is_held(value: pl.Expr, limits: Limits) -> pl.Expr:
    return value.is_finite() & (
        (value == 0) | value.abs().is_between(limits.smallest, limits.largest)
    )


def _has_number(dtype: pl.DataType) -> bool:
    """Whether a program has numbers for the values of a type."""
    if isinstance(dtype, pl.Datetime):
        return dtype.time_zone is None
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Date, pl.Time, pl.Null)


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
        return column(name).dt.to_string("%Y-%m-%dT%H:%M:%S%.f")
    return cell(name, dtype).cast(pl.String)


def _as_number(name: str, dtype: pl.DataType, limits: Limits) -> pl.Expr:
    value = column(name)
    if dtype.is_float():
        number = value.cast(pl.Float64)
        return pl.when(_is_held(number, limits)).then(number).alias(name)
    if dtype == pl.Boolean:
        return value.cast(pl.Int32)
    if dtype.is_integer():
        return value.cast(pl.Int64)
    if isinstance(dtype, pl.Decimal) or dtype == pl.Null:
        return value.cast(pl.Float64)
    if isinstance(dtype, pl.Datetime):
        return value.dt.truncate(f"{limits.nanoseconds // 1_000}us").cast(pl.Datetime("us"))
    if dtype == pl.Time:
        parts = pl.lit(limits.nanoseconds, dtype=pl.Int64)
        return (value.cast(pl.Int64) // parts * parts).cast(pl.Time)
    return value


def _codes(
    table: ExportedTable, name: str, each: Field | None, reason: str, limits: Limits
) -> dict[str, int | str]:
    """What stands for each reason why a number is missing: in the order of its categories."""
    if not limits.reasons:
        return {}
    words = column(reason).cast(pl.String)
    rows = table.scan().filter(column(name).is_null() & (words != "")).select(words.unique())
    held = set(rows.collect(engine="streaming").to_series().to_list())
    listed = [str(one) for one in (each.categories or ()) if str(one) in held] if each else []
    order = [*listed, *sorted(held.difference(listed))]
    if limits.reasons == "letters":
        return dict(zip(order, ascii_lowercase, strict=False)) if len(order) <= 26 else {}
    least = table.scan().select(column(name).cast(pl.Float64).fill_nan(None).min())
    lowest = least.collect(engine="streaming").item()
    below = min(0, floor(lowest)) if lowest is not None and isfinite(lowest) else 0
    return {word: below - at for at, word in enumerate(order, 1)} if below > -MOST_WHOLE else {}


def _with_codes(value: pl.Expr, name: str, reason: str, codes: Mapping[str, int | str]) -> pl.Expr:
    """A column with numbers for its reasons, or with a part for the letters."""
    words, held = list(codes), list(codes.values())
    cells = pl.when(value.is_null()).then(column(reason).cast(pl.String))
    if isinstance(held[0], int):
        numbers = cells.replace_strict(words, held, default=None, return_dtype=pl.Int64)
        return pl.coalesce(value, numbers).alias(name)
    letters = cells.replace_strict(words, held, default=None, return_dtype=pl.String)
    return pl.struct(value.alias("value"), letters.alias("letter")).alias(name)


def _labels(each: Field | None, dtype: pl.DataType, *, is_text: bool) -> dict[object, str]:
    """The labels of a column's values, by the value as the program has it."""
    if dtype == pl.Boolean:
        return {0: "false", 1: "true"}
    if each is None or not each.categories:
        return {}
    pairs = zip(each.categories, each.category_labels, strict=True)
    labelled = {value: label for value, label in pairs if label}
    if is_text:
        return {str(value): label for value, label in labelled.items()} if dtype in _TEXTS else {}
    return {
        number: label
        for value, label in labelled.items()
        if (number := _number(value)) is not None and dtype.is_numeric()
    }


def _number(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def narrowed(frame: pl.DataFrame) -> pl.DataFrame:
    """Whole numbers as 32 bits where all of a column fit, and else as floats."""
    whole = [name for name, dtype in frame.schema.items() if dtype == pl.Int64]
    return frame.with_columns(
        frame[name].cast(
            pl.Int32 if frame[name].is_between(*_INT32).all(ignore_nulls=True) else pl.Float64
        )
        for name in whole
    )


def shortened(text: str, length: int, length_of: Callable[[str], int]) -> str:
    """A text on one line, cut to a length."""
    plain = " ".join(text.split())
    while length_of(plain) > length:
        plain = plain[: len(plain) - max(1, (length_of(plain) - length) // 4)]
    return plain


def faults_of_names(table: ExportedTable, limits: Limits) -> Iterator[str]:
    """Say which fields of a table the program cannot hold by their names."""
    if not table.columns:
        yield f"{table.name!r}: it has no fields"
    if len(table.columns) > limits.most_columns:
        yield (
            f"{table.name!r}: it has {len(table.columns):,} fields; {limits.program} holds "
            f"{limits.most_columns:,}"
        )
    for name in table.columns:
        if limits.length_of(name) > limits.name_length:
            unit = "bytes" if limits.length_of is bytes_of else "characters"
            yield f"the field {name!r} of {table.name!r} has more than {limits.name_length} {unit}"
        elif limits.reserved.fullmatch(name):
            yield f"the field {name!r} of {table.name!r}: {limits.program} reserves the name"
        elif not limits.name.fullmatch(name):
            yield f"the field {name!r} of {table.name!r} is not a name in {limits.program}"


def labels_for(
    columns: LabelledColumns, frame: pl.DataFrame, limits: Limits
) -> Mapping[str, dict[object, str]]:
    """The labels of values that the program holds, with values of the column's type."""
    kept: dict[str, dict[object, str]] = {}
    for name, dtype in frame.schema.items():
        reasons: dict[object, str] = {
            code: why for why, code in columns.missing.get(name, {}).items()
        }
        labels: dict[object, str] = {**columns.labels.get(name, {}), **reasons}
        is_text = dtype == pl.String
        if not labels or not limits.label_bytes or (is_text and not limits.labels_texts):
            continue
        is_float = dtype.is_float()
        kept[name] = {
            (float(value) if is_float and isinstance(value, int) else value): shortened(
                label, limits.label_bytes, bytes_of
            )
            for value, label in labels.items()
        }
    return kept
