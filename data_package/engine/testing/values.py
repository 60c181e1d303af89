"""Generated values of one field that satisfy its type, format and constraints."""

import datetime as dt
import json
import math
import random
import string
import uuid
from collections.abc import Callable
from typing import Any

from data_package.engine.errors import ProjectError
from data_package.engine.schema import Field
from data_package.engine.schema.literals import logical
from data_package.engine.schema.types import type_of

Maker = Callable[[], object]

_WORDS = ("alder", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "yew")
_DAY = dt.date(2020, 1, 1)
_SPAN_DAYS = 1461
_WIDTH = 100
_LONGEST = 40
_TRIES = 1000


def maker(field: Field, chance: random.Random) -> Maker:
    """A function that generates values of a field.

    Raises ProjectError for a field that no values can be generated for: a pattern without the
    extra that reads patterns, or a JSON Schema.
    """
    listed = _listed(field)
    if listed is not None:
        return lambda: chance.choice(listed)
    if "jsonSchema" in field.constraints:
        raise ProjectError(f"{field.name}: no values can be generated for a jsonSchema.")
    make = _MAKERS.get(field.type, _text)(field, chance)
    pattern = field.constraints.get("pattern")
    return _matching(field, str(pattern), chance) if pattern is not None else make


def _listed(field: Field) -> list[object] | None:
    values = field.constraints.get("enum", field.categories)
    if not isinstance(values, list | tuple) or not values:
        return None
    if type_of(field).lexical:
        return [value if isinstance(value, str) else json.dumps(value) for value in values]
    meant = [logical(field, value) for value in values]
    return [value for value in meant if value is not None] or None


def _matching(field: Field, pattern: str, chance: random.Random) -> Maker:
    try:
        from rstr import Rstr
    except ImportError:
        raise ProjectError(
            f"{field.name}: generating values for a pattern needs the extra 'testing'.\n"
            "Install it: pip install 'data-package[testing]'"
        ) from None
    rstr = Rstr(chance)
    shortest, longest = _lengths(field)

    def make() -> object:
        for _ in range(_TRIES):
            text = str(rstr.xeger(pattern.removeprefix("^").removesuffix("$")))
            if shortest <= len(text) <= longest and text not in field.missing_values:
                return text
        raise ProjectError(f"{field.name}: no text of an allowed length was found for its pattern.")

    return make


def _lengths(field: Field) -> tuple[int, float]:
    limits = field.constraints
    shortest, longest = limits.get("minLength", 0), limits.get("maxLength", math.inf)
    return (
        shortest if isinstance(shortest, int) else 0,
        longest if isinstance(longest, int) else math.inf,
    )


def _text(field: Field, chance: random.Random) -> Maker:
    shortest, longest = _lengths(field)
    match field.format:
        case "email":
            return lambda: f"{chance.choice(_WORDS)}{chance.randrange(10**6)}@example.org"
        case "uri":
            return lambda: f"https://example.org/{chance.choice(_WORDS)}/{chance.randrange(10**6)}"
        case "uuid":
            return lambda: str(uuid.UUID(int=chance.getrandbits(128), version=4))
        case "binary":
            return lambda: chance.choice(("ZGF0YQ==", "cm93cw==", "Zmlyc3Q="))

    def make() -> object:
        text = f"{chance.choice(_WORDS)} {chance.randrange(10**6)}"
        text = text[: int(min(longest, _LONGEST))]
        return text + "".join(chance.choices(string.ascii_lowercase, k=shortest - len(text)))

    return make


def _bounds(field: Field) -> tuple[Any, Any, bool, bool]:
    """The lowest and the highest value, None without one, and whether each is exclusive."""
    limits = field.constraints

    def bound(inclusive: str, exclusive: str) -> tuple[Any, bool]:
        if exclusive in limits:
            return logical(field, limits[exclusive]), True
        return (logical(field, limits[inclusive]) if inclusive in limits else None), False

    low, above = bound("minimum", "exclusiveMinimum")
    high, below = bound("maximum", "exclusiveMaximum")
    return low, high, above, below


def _range(field: Field, low: int, width: int) -> tuple[int, int]:
    """The integers within a field's bounds; without bounds, `width` of them from `low`."""
    first, last, above, below = _bounds(field)
    first = math.ceil(first) + (above and first == math.ceil(first)) if first is not None else None
    last = math.floor(last) - (below and last == math.floor(last)) if last is not None else None
    if first is None:
        first = low if last is None or last >= low else last - width
    last = first + width if last is None else last
    if last < first:
        raise ProjectError(f"{field.name}: no value is within its bounds.")
    return first, last


def _integer(field: Field, chance: random.Random) -> Maker:
    first, last = _range(field, 0, 10 * _WIDTH)
    return lambda: chance.randint(first, last)


def _year(field: Field, chance: random.Random) -> Maker:
    first, last = _range(field, 1950, 70)
    return lambda: chance.randint(first, last)


def _number(field: Field, chance: random.Random) -> Maker:
    low, high, above, below = _bounds(field)
    if low is None:
        low = 0.0 if high is None or high > 0 else float(high) - _WIDTH
    low = float(low)
    high = low + _WIDTH if high is None else float(high)

    def make() -> object:
        for _ in range(_TRIES):
            value = round(chance.uniform(low, high), 2)
            if (low < value if above else low <= value) and (
                value < high if below else value <= high
            ):
                return value
        return low if not above else (low + high) / 2

    return make


def _boolean(_field: Field, chance: random.Random) -> Maker:
    return lambda: chance.random() < 1 / 2


def _date(field: Field, chance: random.Random) -> Maker:
    low, high, above, below = _bounds(field)
    first = low + dt.timedelta(days=int(above)) if low is not None else None
    last = high - dt.timedelta(days=int(below)) if high is not None else None
    first, last = _between(first, last, _DAY, dt.timedelta(days=_SPAN_DAYS))
    return lambda: first + dt.timedelta(days=chance.randint(0, (last - first).days))


def _datetime(field: Field, chance: random.Random) -> Maker:
    low, high, above, below = _bounds(field)
    first = low + dt.timedelta(seconds=int(above)) if low is not None else None
    last = high - dt.timedelta(seconds=int(below)) if high is not None else None
    start = dt.datetime.combine(_DAY, dt.time())
    first, last = _between(first, last, start, dt.timedelta(days=_SPAN_DAYS))
    seconds = int((last - first).total_seconds())
    return lambda: first + dt.timedelta(seconds=chance.randint(0, seconds))


def _between(first: Any, last: Any, start: Any, span: dt.timedelta) -> tuple[Any, Any]:
    if first is None:
        first = start if last is None or last >= start else last - span
    return first, first + span if last is None else last


def _time(field: Field, chance: random.Random) -> Maker:
    low, high, above, below = _bounds(field)
    first = _seconds(low) + int(above) if low is not None else 0
    last = _seconds(high) - int(below) if high is not None else 24 * 3600 - 1

    def make() -> object:
        seconds = chance.randint(first, last)
        return dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60)

    return make


def _seconds(time: dt.time) -> int:
    return time.hour * 3600 + time.minute * 60 + time.second


def _yearmonth(_field: Field, chance: random.Random) -> Maker:
    return lambda: f"{chance.randint(2000, 2030)}-{chance.randint(1, 12):02d}"


def _json(make: Callable[[random.Random], object]) -> Callable[[Field, random.Random], Maker]:
    return lambda _field, chance: lambda: json.dumps(make(chance))


def _list(field: Field, chance: random.Random) -> Maker:
    delimiter = str(field.descriptor.get("delimiter", ","))
    item = Field(field.name, type=str(field.descriptor.get("itemType", "string")))
    shortest, longest = _lengths(field)
    make = _MAKERS.get(item.type, _word)(item, chance)

    def joined() -> object:
        count = chance.randint(max(shortest, 1), int(min(longest, max(shortest, 1) + 3)))
        return delimiter.join(_written(make()) for _ in range(count))

    return joined


def _word(_field: Field, chance: random.Random) -> Maker:
    return lambda: chance.choice(_WORDS)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def _geopoint(field: Field, chance: random.Random) -> Maker:
    def make() -> object:
        lon, lat = round(chance.uniform(-180, 180), 4), round(chance.uniform(-90, 90), 4)
        match field.format:
            case "array":
                return json.dumps([lon, lat])
            case "object":
                return json.dumps({"lon": lon, "lat": lat})
            case _:
                return f"{lon}, {lat}"

    return make


_MAKERS: dict[str, Callable[[Field, random.Random], Maker]] = {
    "integer": _integer,
    "year": _year,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "yearmonth": _yearmonth,
    "duration": lambda _field, chance: lambda: f"P{chance.randint(1, 400)}D",
    "array": _json(lambda chance: [chance.randint(0, 9) for _ in range(chance.randint(1, 4))]),
    "object": _json(lambda chance: {"value": chance.randint(0, 9)}),
    "list": _list,
    "geopoint": _geopoint,
    "geojson": _json(
        lambda chance: {"type": "Point", "coordinates": [chance.uniform(-180, 180), 0.0]}
    ),
}
