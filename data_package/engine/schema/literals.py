"""Values written in a contract (bounds, enums, categories) as the logical values they stand for.

https://datapackage.org/standard/table-schema/#field-constraints: they may be JSON primitives, or
strings castable with the type and format of the field.
"""

import math
from collections.abc import Hashable
from functools import lru_cache

from data_package.engine.schema.code_list import Vocabulary
from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.types import reader, type_of
from data_package.engine.schema.types.duration import WholeDuration
from data_package.engine.schema.types.json_text import canonical_json


def logical(field: Field, value: object) -> object:
    """Return the logical value of a descriptor's `value`, or None when the field cannot hold it."""
    if isinstance(value, str):
        return reader(field)(value)
    return type_of(field).literal(field, value)


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
    if isinstance(meaning, WholeDuration):
        return "duration", meaning.canonical()
    if isinstance(meaning, dict | list):
        return "json", canonical_json(meaning)
    return type(meaning).__name__, meaning
