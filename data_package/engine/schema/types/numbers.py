"""What the types that are written as numbers share: marks, affixes, and what 64 bits hold."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field

if TYPE_CHECKING:
    import polars as pl

_NUMBER_WORD = r"(?i)\s*([+-]?inf(inity)?|[+-]?nan)\s*"


def prepare_number(text: str, field: Field) -> str:
    """Return a number's text with its affixes, group marks and decimal mark made plain.

    https://datapackage.org/standard/table-schema/#number: `bareNumber`, `groupChar`, `decimalChar`.
    """
    properties = field.descriptor
    if properties.get("bareNumber") is False and not re.fullmatch(_NUMBER_WORD, text):
        affixes = affixes_of(field)
        if affixes.doubtful and re.search(affixes.doubtful, text):
            return ""
        text = re.sub(affixes.before, r"\1", text, count=1)
        text = re.sub(affixes.after, "", text)
    group = properties.get("groupChar")
    if isinstance(group, str) and group:
        text = text.replace(group, "")
    decimal = _decimal_mark(field)
    if decimal != ".":
        # A full stop is then no decimal mark, and nothing else either.
        text = "" if "." in text else text.replace(decimal, ".")
    return text


@dataclass(frozen=True, slots=True)
class Affixes:
    """What may surround a number that is not bare, as expressions that Polars can run, too.

    `before` ends in a group with the number's first character, which stays; `doubtful` finds the
    texts that can be read in two ways.
    """

    before: str
    after: str
    doubtful: str | None


def affixes_of(field: Field) -> Affixes:
    """Return what is stripped from the cells of a field with `bareNumber: false`.

    A decimal mark before a digit belongs to the number: `$.50` is a half. Behind a letter it may
    end an abbreviation instead, so `kr.50` is not read at all.
    """
    after = r"\D*$"
    if not has_fraction(field):
        return Affixes(r"^[^-\d]*([-\d])", after, None)
    mark = re.escape(_decimal_mark(field))
    before = rf"^[^-\d]*?(-|(?:{mark})?\d)"
    return Affixes(before, after, rf"^[^-\d]*[^\W\d_]{mark}\d")


def read_integer(text: str) -> int | None:
    """Return a whole number of any size."""
    if len(text) > 4000:
        return None
    try:
        return int(text)
    except ValueError:
        return None


def read_number(text: str) -> float | None:
    """Return a number; NaN, INF and -INF in any case are numbers.

    None also for what 64 bits cannot hold: beyond the largest float, or nearer to 0 than any.
    """
    try:
        exact = Decimal(text)
        number = float(exact)
    except (InvalidOperation, ValueError, OverflowError):
        return None
    if not exact.is_finite():
        return number if re.fullmatch(_NUMBER_WORD, text) else None
    return None if math.isinf(number) or (number == 0 and exact) else number


def has_fraction(field: Field) -> bool:
    """Tell whether numbers of a field may have a decimal mark."""
    return field.type == "number"


def _decimal_mark(field: Field) -> str:
    decimal = field.descriptor.get("decimalChar")
    return decimal if has_fraction(field) and isinstance(decimal, str) and decimal else "."


def fits_a_float(value: object) -> bool:
    """Tell whether a number is no larger than every float."""
    try:
        float(value)  # type: ignore[arg-type]
    except OverflowError:
        return False
    return True


def is_number(value: object) -> bool:
    """Tell whether a value of a contract is a number as JSON has them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole_literal(_field: Field, value: object) -> object:
    """Return a whole number of a contract."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_number(value) and whole else None  # type: ignore[call-overload]


def plain_text(field: Field, column: "pl.Expr") -> "pl.Expr":
    """Return a column without group marks and with a full stop as its decimal mark."""
    import polars as pl

    text = column
    properties = field.descriptor
    if properties.get("bareNumber") is False:
        affixes = affixes_of(field)
        text = text.str.replace(affixes.before, "${1}").str.replace(affixes.after, "")
        if affixes.doubtful is not None:
            # Letters, not those of `\w`: what is passed over here is judged by the slow reader.
            text = pl.when(~column.str.contains(affixes.doubtful)).then(text)
    group = properties.get("groupChar")
    if isinstance(group, str) and group:
        text = text.str.replace_all(group, "", literal=True)
    decimal = _decimal_mark(field)
    if decimal != ".":
        text = pl.when(~text.str.contains(".", literal=True)).then(
            text.str.replace_all(decimal, ".", literal=True)
        )
    return text
