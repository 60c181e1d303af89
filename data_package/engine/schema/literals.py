"""Values written in a contract (bounds, enums, categories) as the logical values they stand for.

https://datapackage.org/standard/table-schema/#field-constraints: they may be JSON primitives, or
strings castable with the type and format of the field.
"""

import math
from collections.abc import Hashable
from functools import lru_cache

from data_package.engine.schema.code_list import Vocabulary
from data_package.engine.schema.contract import Contract, Field
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


def logical_categories(field: Field) -> tuple[object, ...]:
    """Return the logical values of a field's categories; those of a vocabulary are read once."""
    if field.vocabulary is not None:
        return _of_vocabulary(field.vocabulary, *spelling(field))
    return tuple(logical(field, value) for value in field.categories or ())


def spelling(field: Field) -> tuple[str, str, bool, str | None]:
    """Return all that decides how a category of a field is read, and `field_of` takes."""
    group = field.descriptor.get("groupChar")
    bare = field.descriptor.get("bareNumber") is not False
    return field.type, field.format, bare, group if isinstance(group, str) else None


def field_of(
    vocabulary: Vocabulary, type_name: str, format_name: str, bare: bool, group: str | None
) -> Field:
    """Return a field with these categories, which reads them as its spelling says."""
    descriptor = {
        "name": vocabulary.name,
        "type": type_name,
        "format": format_name,
        "bareNumber": bare,
        "groupChar": group,
        "categories": vocabulary,
    }
    return Contract.from_descriptor({"fields": [descriptor]}).fields[0]


@lru_cache(256)
def _of_vocabulary(
    vocabulary: Vocabulary, type_name: str, format_name: str, bare: bool, group: str | None
) -> tuple[object, ...]:
    field = field_of(vocabulary, type_name, format_name, bare, group)
    return tuple(logical(field, value) for value in vocabulary.values)


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
