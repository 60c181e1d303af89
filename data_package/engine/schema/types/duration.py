"""https://datapackage.org/standard/table-schema/#duration, https://www.w3.org/TR/xmlschema-2/#duration."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from data_package.engine.schema.types.field_type import BOUNDED, FieldType

_PART = r"(?:(?P<{0}>\d+(?:[.,]\d+)?){1})?"
_DATE_PARTS = (("years", "Y"), ("months", "M"), ("weeks", "W"), ("days", "D"))
_TIME_PARTS = (("hours", "H"), ("minutes", "M"), ("seconds", "S"))
_DURATION = (
    r"(?P<sign>[+-])?P"
    + "".join(_PART.format(*part) for part in _DATE_PARTS)
    + "(?P<clock>T"
    + "".join(_PART.format(*part) for part in _TIME_PARTS)
    + ")?"
)
# From the definition of the order of durations: https://www.w3.org/TR/xmlschema-2/#duration-order
_ORDER_STARTS = ((1696, 9), (1697, 2), (1903, 3), (1903, 7))


@dataclass(frozen=True, slots=True)
class WholeDuration:
    """A duration as XML Schema defines it: whole months, and seconds beside them."""

    months: Decimal
    seconds: Decimal

    def canonical(self) -> str:
        """Return one spelling for all spellings of the same duration."""
        return f"{_plain_decimal(self.months)}M{_plain_decimal(self.seconds)}S"

    def after(self) -> tuple[Decimal, ...]:
        """Return the seconds it lasts from each of the four instants that define the order."""
        whole = int(self.months)
        ends = (_months_later(year, month, whole) for year, month in _ORDER_STARTS)
        starts = (date(year, month, 1) for year, month in _ORDER_STARTS)
        return tuple(
            Decimal(days_to - start.toordinal()) * 86400 + self.seconds
            for days_to, start in zip(ends, starts, strict=True)
        )


def _read(text: str) -> WholeDuration | None:
    match = re.fullmatch(_DURATION, text, re.ASCII)
    # isodate, and so frictionless, take "PT" but not "P".
    if match is None or text.endswith("P"):
        return None
    part = {
        name: _decimal(value)
        for name, value in match.groupdict().items()
        if name not in ("sign", "clock")
    }
    sign = -1 if match["sign"] == "-" else 1
    months = part["years"] * 12 + part["months"]
    seconds = (
        ((part["weeks"] * 7 + part["days"]) * 24 + part["hours"]) * 60 + part["minutes"]
    ) * 60 + part["seconds"]
    return WholeDuration(months * sign, seconds * sign)


def _decimal(text: str | None) -> Decimal:
    return Decimal(text.replace(",", ".")) if text else Decimal(0)


def _plain_decimal(value: Decimal) -> str:
    return format(value.normalize(), "f") if value else "0"


def _months_later(year: int, month: int, months: int) -> int:
    """Return the day number of the first of a month so many months on, beyond year 9999 too."""
    later = year * 12 + month - 1 + months
    era, year_in_era = divmod(later // 12, 400)
    first = date(year_in_era + 400, later % 12 + 1, 1)
    return first.toordinal() + (era - 1) * 146_097


DURATION = FieldType(
    "duration",
    "Duration, or String in ISO 8601",
    reader=lambda _: _read,
    holds=frozenset({"String", "Duration"}),
    json_value=lambda _field, _meaning, written: written,
    constraints=BOUNDED,
    lexical=True,
)
