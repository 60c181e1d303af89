"""Contracts as a JSON Schema, for editors: what may be written where, from what the linter knows.

What the schema refuses, the linter refuses too. The linter knows more: slips in names, keys that
name no field, values that are not of their type.
https://json-schema.org/draft-07
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from data_package.engine.schema.constraints import CONSTRAINTS
from data_package.engine.schema.dialect import dialect_properties
from data_package.engine.schema.lint_field import CATEGORY, COMMON, SPECIFIC
from data_package.engine.schema.linting import FIELDS_MATCH, ITEM_TEXTS, RESOURCE, SCHEMA
from data_package.engine.schema.shared import REFERENCE
from data_package.engine.schema.types import FIELD_TYPES
from data_package.engine.schema.types.field_type import FieldType
from data_package.engine.schema.types.list import LIST_ITEM_TYPES

# The folder of a project that the JSON Schemas for editors are in.
SCHEMAS = ".schemas"

Rule: TypeAlias = dict[str, object]

_TEXT: Rule = {"type": ["string", "null"]}
_NAME: Rule = {"type": "string", "minLength": 1}
_FLAG: Rule = {"type": "boolean"}
_NAMES: Rule = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_KEY: Rule = {"anyOf": [_NAME, _NAMES]}
# A mapping that is a part of another file.
_REFERENCE: Rule = {"$ref": "#/definitions/part"}


def contract_schema() -> Rule:
    """The JSON Schema of a contract: a resource's properties with its Table Schema."""
    table: Rule = {"$ref": "#/definitions/table"}
    resource = {name: _resource_property(name) for name in sorted(RESOURCE)}
    resource["schema"] = {"anyOf": [table, {"type": "string"}, _REFERENCE]}
    return {
        "title": "A table's contract",
        "definitions": {
            "field": _field(),
            "table": _table_schema(),
            "part": {"type": "object", "required": [REFERENCE]},
        },
        "anyOf": [
            {"type": "object", "required": ["schema"], "properties": _linked(resource)},
            {"allOf": [{"not": {"required": ["schema"]}}, table]},
            _REFERENCE,
        ],
    }


def _table_schema() -> Rule:
    lists: dict[str, Rule] = {
        "fields": {
            "type": "array",
            "items": _shared({"$ref": "#/definitions/field"}),
            "minItems": 1,
        },
        "fieldsMatch": {
            "anyOf": [
                {"enum": [*FIELDS_MATCH]},
                {
                    "type": "array",
                    "items": {"enum": [*FIELDS_MATCH]},
                    "minItems": 1,
                    "maxItems": 1,
                },
            ]
        },
        "foreignKeys": {"type": "array", "items": _shared(_foreign_key())},
        "missingValues": _missing_values(),
        "primaryKey": _KEY,
        "uniqueKeys": {"type": "array", "items": _shared(_NAMES), "minItems": 1},
        "title": _TEXT,
        "description": _TEXT,
    }
    known = {name: lists.get(name, {}) for name in sorted(SCHEMA)}
    return {"type": "object", "required": ["fields"], "properties": _linked(known)}


def _field() -> Rule:
    own: dict[str, Rule] = {
        "name": _NAME,
        "type": {"enum": [*FIELD_TYPES]},
        "format": _NAME,
        "title": _TEXT,
        "description": _TEXT,
        "rdfType": _TEXT,
        "missingReason": _NAME,
        "missingValues": _missing_values(),
        "constraints": _mapping(
            {name: dict(one.editor) for name, one in CONSTRAINTS.items()}, closed=True
        ),
        "decimalChar": _NAME,
        "groupChar": _NAME,
        "delimiter": _NAME,
        "bareNumber": _FLAG,
        "itemType": {"enum": [*LIST_ITEM_TYPES]},
        "trueValues": _texts(),
        "falseValues": _texts(),
        "categoriesOrdered": _FLAG,
        "categories": {"type": "array", "minItems": 1, "items": _shared(_category())},
    }
    known = {name: own.get(name, {}) for name in sorted(COMMON | SPECIFIC)}
    return {
        "type": "object",
        "required": ["name"],
        "properties": {**_linked(known), **dict.fromkeys(sorted(CONSTRAINTS), False)},
        "allOf": [_of_type(kind) for kind in FIELD_TYPES.values()],
    }


def _of_type(kind: FieldType) -> Rule:
    """What a field of a type may have; a field that names no type is of the type any."""
    not_its = sorted(SPECIFIC - kind.properties)
    wrong = sorted(CONSTRAINTS.keys() - kind.constraints)
    return {
        "if": {"properties": {"type": {"const": kind.name}}},
        "then": {
            "properties": {
                **dict.fromkeys(not_its, False),
                "format": _shared(_format(kind)),
                "constraints": {"properties": dict.fromkeys(wrong, False)},
            }
        },
    }


def _format(kind: FieldType) -> Rule:
    known = sorted({"default", *kind.formats})
    # Version 0 of the standard wrote formats behind this prefix; readers must drop it.
    forms: list[Rule] = [{"enum": known}, {"pattern": f"^fmt:({'|'.join(known)})$"}]
    return {"anyOf": [*forms, {"pattern": r"%[\s\S]"}] if kind.patterns else forms}


def _category() -> Rule:
    rules: dict[str, Rule] = {name: {} for name in sorted(CATEGORY)}
    rules["label"] = {"type": "string"}
    return {"if": {"type": "object"}, "then": {"properties": _linked(rules)}}


def _missing_values() -> Rule:
    labelled: Rule = {
        "type": "object",
        "required": ["value"],
        "properties": {"value": {"type": "string"}, "label": _TEXT},
    }
    return {
        "type": ["array", "null"],
        "items": {"anyOf": [{"type": "string"}, labelled, _REFERENCE]},
    }


def _foreign_key() -> Rule:
    reference: Rule = {
        "type": "object",
        "required": ["fields"],
        "properties": _linked({"resource": _TEXT, "fields": _KEY}),
    }
    return {
        "type": "object",
        "required": ["fields", "reference"],
        "properties": _linked({"fields": _KEY, "reference": reference}),
    }


def _resource_property(name: str) -> Rule:
    items: Rule = {
        "type": "object",
        "minProperties": 1,
        "properties": _linked({text: {"type": "string"} for text in sorted(ITEM_TEXTS)}),
    }
    known: dict[str, Rule] = {
        "title": _TEXT,
        "description": _TEXT,
        "homepage": _TEXT,
        "sources": {"type": ["array", "null"], "items": _shared(items)},
        "licenses": {"type": ["array", "null"], "items": _shared(items), "minItems": 1},
        "encoding": {"type": "string"},
        "dialect": {"anyOf": [_mapping(dialect_properties()), {"type": "string"}]},
    }
    return known.get(name, {})


def _texts() -> Rule:
    return {"type": ["array", "null"], "items": {"type": "string"}}


def _mapping(properties: Mapping[str, Rule | bool], *, closed: bool = False) -> Rule:
    made: Rule = {"type": ["object", "null"] if closed else "object"}
    return {
        **made,
        "properties": _linked(properties),
        **({"additionalProperties": False} if closed else {}),
    }


def _linked(properties: Mapping[str, Rule | bool]) -> dict[str, Rule | bool]:
    """Properties that may also be a part of another file."""
    return {
        name: rule if isinstance(rule, bool) or not rule else _shared(rule)
        for name, rule in properties.items()
    }


def _shared(rule: Rule) -> Rule:
    return {"anyOf": [rule, _REFERENCE]}


def modeline(file: Path, root: Path, what: str = "contract") -> str:
    """The comment at a YAML file's top that names its JSON Schema to editors.

    An empty string where the project has no such schema in `.schemas/`: a path to nothing would be
    an error in every editor.
    https://github.com/redhat-developer/yaml-language-server#using-inlined-schema
    """
    place = root / SCHEMAS / f"{what}.json"
    if not place.is_file():
        return ""
    path = Path(os.path.relpath(place, file.parent)).as_posix()
    return f"# yaml-language-server: $schema={path}\n"
