"""A contract with every value in its field's own type, however a person wrote it.

A bound, an enum or a category may be written as text in the spelling of its field
(https://datapackage.org/standard/table-schema/#field-constraints). What is published has types:
there the values are JSON's own, as the standard's profile asks for, and those that JSON has no
type for are in the default form of their type.
"""

import json
from collections.abc import Mapping
from typing import cast

from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.literals import logical
from data_package.engine.schema.types import type_of
from data_package.engine.schema.types.field_type import BOUNDS


def plain(contract: Contract) -> Contract:
    """Return the contract with its values in the types of their fields.

    Properties without a value are gone, every field has a type, and the prefix of old formats is
    dropped.
    """
    schema = _without_nothing(contract.schema_descriptor)
    schema["fields"] = [plain_field(each) for each in contract.fields]
    descriptor = {**_without_nothing(contract.descriptor), "schema": schema}
    return Contract.from_descriptor(descriptor, name=contract.name, path=contract.path)


def plain_field(field: Field) -> dict[str, object]:
    """Return a field's descriptor with its values as JSON holds them."""
    made = _without_nothing(field.descriptor)
    made["type"] = field.type
    if "format" in made:
        made["format"] = field.format
    if "constraints" in made:
        made["constraints"] = plain_constraints(field)
    if "example" in made:
        made["example"] = _text(plain_value(field, made["example"]))
    if field.categories is not None:
        made["categories"] = _categories(field, cast("list[object]", made["categories"]))
    return made


def plain_value(field: Field, written: object) -> object:
    """Return a value of a field as JSON holds it; what is not a value of the field, as written."""
    meaning = logical(field, written)
    if meaning is None:
        return written
    return type_of(field).json_value(field, meaning, written)


def plain_constraints(field: Field) -> dict[str, object]:
    """Return a field's constraints with their values as JSON holds them."""
    made: dict[str, object] = {}
    for name, value in field.constraints.items():
        if name in BOUNDS:
            made[name] = plain_value(field, value)
        elif name == "enum" and isinstance(value, list):
            made[name] = _alike(field, [plain_value(field, item) for item in value])
        elif value is not None:
            made[name] = value
    return made


def _categories(field: Field, written: list[object]) -> list[object]:
    values = [plain_value(field, value) for value in field.categories or ()]
    if not any(isinstance(entry, dict) for entry in written):
        return values
    return [
        {**(_said(entry) if isinstance(entry, dict) else {}), "value": value}
        for entry, value in zip(written, values, strict=True)
    ]


def _said(entry: dict[str, object]) -> dict[str, object]:
    """The description of a category; an empty label is left out."""
    kept = _without_nothing(entry)
    return {name: value for name, value in kept.items() if (name, value) != ("label", "")}


def _alike(field: Field, values: list[object]) -> list[object]:
    """Return an enum of one JSON type: numbers beside `INF` are texts, as the profile asks."""
    if field.type == "number" and any(isinstance(value, str) for value in values):
        return [_text(value) for value in values]
    return values


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _without_nothing(descriptor: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in descriptor.items() if value is not None}
