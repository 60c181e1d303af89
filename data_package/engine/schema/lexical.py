"""One cell of text as the value it stands for, type by type, in Python.

The vectorised readers in `cells` take the common spellings; what they leave over, and the values
in a descriptor, are read here. A reader returns None for text that is not of its type, and never
raises: an exception's text could quote the cell.

https://datapackage.org/standard/table-schema/#field-types
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from types import UnionType
from typing import TypeAlias, cast

from data_package.engine.schema.contract import Field
from data_package.engine.schema.fieldtypes import DEFAULT_FALSE, DEFAULT_TRUE

Reader: TypeAlias = Callable[[str], object]

# The deepest nesting of JSON in a cell: more than any data have, less than Python can follow.
_DEEPEST = 200

# Each is compiled once a cell asks for it: all of them take longer than the rest of this module.
_NUMBER_WORD = r"(?i)\s*([+-]?inf(inity)?|[+-]?nan)\s*"
_EMAIL_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
_HOST_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_UUID = r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_URI = (
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(//([^\s/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#:@\[\]]*)(:[0-9]*)?)?"
    r"[^\s?#]*(\?[^\s#]*)?(#\S*)?"
)
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
class Span:
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


def reader(field: Field) -> Reader:  # noqa: C901
    """Return the function that reads a cell of this field."""
    properties = field.descriptor
    match field.type:
        case "string":
            return _STRING_READERS.get(field.format, _text)
        case "integer":
            return lambda text: read_integer(prepare_number(text.strip(), field))
        case "number":
            return lambda text: read_number(prepare_number(text.strip(), field))
        case "boolean":
            return boolean_words(field).get
        case "date":
            return _date_reader(field.format)
        case "datetime":
            return _datetime_reader(field.format)
        case "time":
            return _time_reader(field.format)
        case "year":
            return read_year
        case "yearmonth":
            return read_yearmonth
        case "duration":
            return read_duration
        case "object":
            return read_object
        case "array":
            return read_array
        case "list":
            item = Field(name=field.name, type=str(properties.get("itemType") or "string"))
            delimiter = str(properties.get("delimiter") or ",")
            return lambda text: read_list(text, delimiter, reader(item))
        case "geopoint":
            return lambda text: read_geopoint(text, field.format)
        case "geojson":
            return lambda text: read_geojson(text, field.format)
        case _:
            return _text


def boolean_words(field: Field) -> dict[str, bool]:
    """Return every spelling of true and false that the field knows."""
    words: dict[str, bool] = {}
    for value, key, default in (
        (True, "trueValues", DEFAULT_TRUE),
        (False, "falseValues", DEFAULT_FALSE),
    ):
        given = field.descriptor.get(key)
        for word in given if isinstance(given, list) else default:
            words[str(word)] = value
    return words


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
    decimal = properties.get("decimalChar")
    if field.type == "number" and isinstance(decimal, str) and decimal not in ("", "."):
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
    if field.type != "number":
        return Affixes(r"^[^-\d]*([-\d])", after, None)
    decimal = field.descriptor.get("decimalChar")
    mark = re.escape(decimal if isinstance(decimal, str) and decimal else ".")
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


def read_year(text: str) -> int | None:
    """Return a year of four characters, https://datapackage.org/standard/table-schema/#year."""
    year = read_integer(text) if len(text) == 4 else None
    return year if year is not None and 0 <= year <= 9999 else None


def read_yearmonth(text: str) -> int | None:
    """Return a month as months since year 0, so that months compare as they follow."""
    parts = text.split("-")
    if len(parts) != 2:
        return None
    year = read_integer(parts[0]) if "_" not in parts[0] else None
    month = read_integer(parts[1]) if re.fullmatch(r"\s*[0-9]{1,2}\s*", parts[1]) else None
    if year is None or month is None or not 1 <= month <= 12 or abs(year) > 999_999:
        return None
    return year * 12 + month - 1


def read_duration(text: str) -> Span | None:
    """Return a duration, https://www.w3.org/TR/xmlschema-2/#duration."""
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
    return Span(months * sign, seconds * sign)


def read_object(text: str) -> dict[str, object] | None:
    """Return a JSON object."""
    value = _json(text)
    return value if isinstance(value, dict) else None


def read_array(text: str) -> list[object] | None:
    """Return a JSON array."""
    value = _json(text)
    return value if isinstance(value, list) else None


def read_list(text: str, delimiter: str, item: Reader) -> list[object] | None:
    """Return the items of a delimited list, None when one of them is not of the item type."""
    items = [item(part) for part in text.split(delimiter)]
    return None if any(value is None for value in items) else items


def read_geopoint(text: str, format_name: str) -> tuple[float, float] | None:
    """Return longitude and latitude, https://datapackage.org/standard/table-schema/#geopoint."""
    pair: object
    if format_name == "array":
        pair = _json(text)
    elif format_name == "object":
        value = _json(text)
        both = isinstance(value, dict) and value.keys() == {"lon", "lat"}
        pair = [value["lon"], value["lat"]] if both and isinstance(value, dict) else None
    else:
        pair = [part.strip() for part in text.split(",")]
    if not isinstance(pair, list) or len(pair) != 2:
        return None
    written = str if format_name not in ("array", "object") else int | float
    longitude, latitude = (_coordinate(part, written) for part in pair)
    if longitude is None or latitude is None:
        return None
    inside = -180 <= longitude <= 180 and -90 <= latitude <= 90
    return (longitude, latitude) if inside else None


def read_geojson(text: str, format_name: str) -> dict[str, object] | None:
    """Return a GeoJSON or TopoJSON object, judged by its structure."""
    from data_package.engine.schema.geojson import is_geojson, is_topojson

    value = _json(text)
    if not isinstance(value, dict):
        return None
    good = is_topojson(value) if format_name == "topojson" else is_geojson(value)
    return value if good else None


def canonical_json(value: object) -> str:
    """Return one spelling for all JSON texts of the same value."""
    return json.dumps(_even(value), sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _text(text: str) -> str:
    return text


def _email(text: str) -> str | None:
    local, at, host = text.rpartition("@")
    if not at or len(host) > 253 or not re.fullmatch(_EMAIL_LOCAL, local):
        return None
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return None
    labels = host.split(".")
    whole = len(labels) > 1 and all(re.fullmatch(_HOST_LABEL, label) for label in labels)
    return text if whole and re.fullmatch(r"[A-Za-z]{2,63}|xn--[A-Za-z0-9-]+", labels[-1]) else None


def _uuid(text: str) -> str | None:
    return text if re.fullmatch(_UUID, text) else None


def _uri(text: str) -> str | None:
    return text if re.fullmatch(_URI, text) else None


def _binary(text: str) -> str | None:
    # Nothing but padding is nothing, as every decoder reads it.
    return text if re.fullmatch(_BASE64, text) or text == "====" else None


_STRING_READERS: dict[str, Reader] = {
    "email": _email,
    "uuid": _uuid,
    "uri": _uri,
    "binary": _binary,
}


def _date_reader(format_name: str) -> Reader:
    if format_name == "any":
        return lambda text: _date_of(_parse_any(text))
    pattern = "%Y-%m-%d" if format_name == "default" else format_name
    return lambda text: _date_of(_strptime(text, pattern))


def _datetime_reader(format_name: str) -> Reader:
    if format_name == "default":
        return _iso_datetime
    if format_name == "any":
        return lambda text: instant(_parse_any(text))
    return lambda text: instant(_strptime(text, format_name))


def _time_reader(format_name: str) -> Reader:
    if format_name == "default":
        return _iso_time
    if format_name == "any":
        return lambda text: _time_of(_parse_any(text))
    return lambda text: _time_of(_strptime(text, format_name))


def instant(value: datetime | None) -> datetime | None:
    """Return a moment without its offset, in UTC when it had one."""
    if value is None or value.tzinfo is None:
        return value
    try:
        return value.astimezone(UTC).replace(tzinfo=None)
    except (OverflowError, ValueError):
        return None


def _iso_datetime(text: str) -> datetime | None:
    if len(text) < 19 or text[16] != ":" or text[10] not in "Tt ":
        return None
    return instant(_isoparse(text))


def _iso_time(text: str) -> time | None:
    if len(text) < 8 or text[5] != ":":
        return None
    return _time_of(_isoparse(f"2000-01-01T{text}"))


def _isoparse(text: str) -> datetime | None:
    from dateutil.parser import isoparse

    try:
        return isoparse(text)
    except Exception:  # noqa: BLE001  dateutil raises what its parts raise, cell text included
        return None


def _parse_any(text: str) -> datetime | None:
    from dateutil.parser import parse

    try:
        # A fixed day in place of today's for what the text leaves out: the same file must read
        # the same tomorrow.
        return parse(text, default=datetime(2000, 1, 1))  # noqa: DTZ001
    except Exception:  # noqa: BLE001  as above
        return None


def _strptime(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007
    except (ValueError, OverflowError, re.error):
        return None


def _date_of(value: datetime | None) -> date | None:
    return None if value is None else value.date()


def _time_of(value: datetime | None) -> time | None:
    moment = instant(value)
    return None if moment is None else moment.time()


def _json(text: str) -> object:
    """Return what a JSON text holds; None where it is not one, or is nested too deep.

    How deep Python can follow differs by version; what a cell is must not.
    """
    try:
        value = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    opened = text.count("[") + text.count("{")
    return None if opened > _DEEPEST and _depth(value) > _DEEPEST else value


def _depth(value: object) -> int:
    """How deep lists and objects are nested, counted without recursion."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, list | dict)]:
        depth += 1
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def _no_json(word: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(word)


def _even(value: object) -> object:
    """Return a value as JSON holds it, whole floats as integers, since 1.0 equals 1."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_even(item) for item in value]
    if isinstance(value, dict):
        return {key: _even(item) for key, item in value.items()}
    return value


def _coordinate(part: object, written: type | UnionType) -> float | None:
    if isinstance(part, bool) or not isinstance(part, written):
        return None
    try:
        return read_number(part) if isinstance(part, str) else float(cast("float", part))
    except OverflowError:
        return None


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
