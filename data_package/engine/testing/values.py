"""Values proposed for one field, near its type, format and constraints.

What is proposed is judged in `pool`: a proposal may miss a constraint, not every one may.
"""

import base64
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
from data_package.engine.testing.written import cell

Maker = Callable[[], object]

_WORDS = ("alder", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "yew")
_DAY = dt.date(2020, 1, 1)
_SPAN_DAYS = 1461
_WIDTH = 100
_LONGEST = 40
_TRIES = 20
_MONTHS = 12
_FIRST_MONTH = 2000 * _MONTHS
_SPAN_MONTHS = 30 * _MONTHS


def maker(field: Field, chance: random.Random) -> Maker:
    """A function that proposes values of a field.

    Raises ProjectError for a field that no values can be proposed for: a pattern without the
    extra that reads patterns, or bounds that leave nothing between them.
    """
    listed = _listed(field)
    if listed is not None:
        return lambda: chance.choice(listed)
    try:
        make = _MAKERS.get(field.type, _text)(field, chance)
    except OverflowError:
        raise _nothing_between(field) from None
    pattern = field.constraints.get("pattern")
    if pattern is None:
        return make
    matching = _matching(field, str(pattern), chance)
    if field.format == "default":
        return matching
    return lambda: make() if chance.random() < 1 / 2 else matching()


def _nothing_between(field: Field) -> ProjectError:
    return ProjectError(f"{field.name}: no value is within its bounds.")


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

    def make() -> object:
        text = ""
        for _ in range(_TRIES):
            text = str(rstr.xeger(pattern.removeprefix("^").removesuffix("$")))
            # What a pattern leaves open should not be a control character.
            if text.isprintable():
                return text
        return text

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
            return lambda: f"{chance.choice(_WORDS)}{_number_of(chance)}@example.org"
        case "uri":
            return lambda: f"https://example.org/{_number_of(chance)}"
        case "uuid":
            return lambda: str(uuid.UUID(int=chance.getrandbits(128), version=4))
        case "binary":
            return lambda: base64.b64encode(chance.randbytes(_size(field, chance))).decode()

    def make() -> object:
        text = f"{chance.choice(_WORDS)} {chance.randrange(10**6)}"
        text = text[: int(min(longest, _LONGEST))]
        return text + "".join(chance.choices(string.ascii_lowercase, k=shortest - len(text)))

    return make


def _number_of(chance: random.Random) -> str:
    return str(chance.randrange(10 ** chance.randint(1, 6)))


def _size(field: Field, chance: random.Random) -> int:
    shortest, longest = _lengths(field)
    return chance.randint(shortest, max(shortest, int(min(longest, shortest + 4))))


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
        raise _nothing_between(field)
    return first, last


def _integer(field: Field, chance: random.Random) -> Maker:
    first, last = _range(field, 0, 10 * _WIDTH)
    return lambda: chance.randint(first, last)


def _year(field: Field, chance: random.Random) -> Maker:
    first, last = _range(field, 1950, 70)
    return lambda: chance.randint(first, last)


def _number(field: Field, chance: random.Random) -> Maker:
    low, high, _, _ = _bounds(field)
    if low is None:
        low = 0.0 if high is None or high > 0 else float(high) - _WIDTH
    low = float(low)
    high = low + _WIDTH if high is None else float(high)

    def make() -> object:
        value = chance.uniform(low, high)
        # Few decimals where the bounds leave room for them.
        return round(value, 2) if low <= round(value, 2) <= high else value

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
        first = start if last is None or last >= start else _earlier(last, span)
    if last is None:
        last = first + span if first <= type(first).max - span else type(first).max
    return first, last


def _earlier(last: Any, span: dt.timedelta) -> Any:
    return last - span if last >= type(last).min + span else type(last).min


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


def _yearmonth(field: Field, chance: random.Random) -> Maker:
    low, high, above, below = _bounds(field)
    # A month is known by how many there were before it, since the year 0.
    first = low + above if low is not None else None
    last = high - below if high is not None else None
    if first is None:
        first = _FIRST_MONTH if last is None else last - _SPAN_MONTHS
    last = first + _SPAN_MONTHS if last is None else last

    def make() -> object:
        year, month = divmod(chance.randint(first, max(first, last)), _MONTHS)
        return f"{year:04d}-{month + 1:02d}"

    return make


def _duration(field: Field, chance: random.Random) -> Maker:
    written = [value for name, value in field.constraints.items() if "imum" in name]

    def make() -> object:
        count = _number_of(chance)
        form = chance.choice(("P{}D", "P{}D", "P{}M", "PT{}H", "PT{}S", "P{}Y"))
        return chance.choice([*written, *[form.format(count)] * 8])

    return make


def _array(field: Field, chance: random.Random) -> Maker:
    return lambda: json.dumps([chance.randint(0, 99) for _ in range(_size(field, chance))])


def _object(field: Field, chance: random.Random) -> Maker:
    def make() -> object:
        names = ["value", *(f"value{at}" for at in range(2, _size(field, chance) + 1))]
        # An empty one where nothing longer is allowed.
        kept = names[: int(min(_lengths(field)[1], len(names)))]
        return json.dumps({name: chance.randint(0, 99) for name in kept})

    return make


def _geojson(_field: Field, chance: random.Random) -> Maker:
    return lambda: json.dumps(
        {"type": "Point", "coordinates": [round(chance.uniform(-180, 180), 4), 0.0]}
    )


def _list(field: Field, chance: random.Random) -> Maker:
    delimiter = str(field.descriptor.get("delimiter", ","))
    item = Field(field.name, type=str(field.descriptor.get("itemType", "string")))
    make = _MAKERS.get(item.type, _word)(item, chance)

    def joined() -> object:
        return delimiter.join(cell(item, make()) for _ in range(_size(field, chance)))

    return joined


def _word(_field: Field, chance: random.Random) -> Maker:
    return lambda: chance.choice(_WORDS)


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
    "duration": _duration,
    "array": _array,
    "object": _object,
    "list": _list,
    "geopoint": _geopoint,
    "geojson": _geojson,
}
