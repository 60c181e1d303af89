"""Values written in a contract (bounds, enums, categories) as the logical values they stand for.

https://datapackage.org/standard/table-schema/#field-constraints: they may be JSON primitives, or
strings castable with the type and format of the field.
"""

import math
from collections.abc import Hashable

from data_package.engine.schema.contract import Field
from data_package.engine.schema.lexical import (
    Span,
    canonical_json,
    read_geojson,
    read_geopoint,
    reader,
)


def logical(field: Field, value: object) -> object:
    """Return the logical value of a descriptor's `value`, or None when the field cannot hold it."""
    if isinstance(value, str):
        return reader(field)(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match field.type:
        case "integer" | "year":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return int(value) if is_number and whole else None  # type: ignore[call-overload]
        case "number":
            return value if is_number and _fits_a_float(value) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "array":
            return value if isinstance(value, list) else None
        case "list":
            return _items(field, value)
        case "object":
            return value if isinstance(value, dict) else None
        case "geojson":
            text = canonical_json(value)
            return read_geojson(text, field.format)
        case "geopoint":
            shape = "object" if isinstance(value, dict) else "array"
            return read_geopoint(canonical_json(value), shape)
        case "any":
            return value
        case _:
            return None


def identity(meaning: object) -> Hashable:
    """Return what tells logical values apart: equal for equal values, and never across types."""
    if isinstance(meaning, bool):
        return "boolean", meaning
    if isinstance(meaning, float) and math.isnan(meaning):
        return "number", "NaN"
    if isinstance(meaning, int | float):
        return "number", meaning
    if isinstance(meaning, Span):
        return "duration", meaning.canonical()
    if isinstance(meaning, dict | list):
        return "json", canonical_json(meaning)
    return type(meaning).__name__, meaning


def _fits_a_float(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except OverflowError:
        return False
    return True


def _items(field: Field, value: object) -> list[object] | None:
    """Return a list whose items are all of its field's item type."""
    if not isinstance(value, list):
        return None
    item = Field(name=field.name, type=str(field.descriptor.get("itemType") or "string"))
    items = [logical(item, each) for each in value]
    return None if any(each is None for each in items) else items
