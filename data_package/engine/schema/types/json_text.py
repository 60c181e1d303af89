"""JSON in cells: read, in one spelling, and as JSON holds values that Python has types for."""

import json
import math
from datetime import date, datetime, time

# The deepest nesting of JSON in a cell: more than any data have, less than Python can follow.
_DEEPEST = 200
_WHOLE = 2**53


def read_json(text: str) -> object:
    """Return what a JSON text holds; None where it is not one, or is nested too deep.

    How deep Python can follow differs by version; what a cell is must not.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    opened = text.count("[") + text.count("{")
    return None if opened > _DEEPEST and _depth(value) > _DEEPEST else value


def canonical_json(value: object) -> str:
    """Return one spelling for all JSON texts of the same value."""
    return json.dumps(_even(value), sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def plain_json(value: object) -> object:
    """Return a value as JSON's types hold it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float):
        return json_number(value)
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    return value


def json_number(value: float) -> object:
    """Return a number as JSON holds it, in words where it cannot."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return int(value)
    return value


def _depth(value: object) -> int:
    """How deep lists and objects are nested, counted without recursion."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, list | dict)]:
        depth += 1
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def _no_constant(word: str) -> None:
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
