"""The field types of Table Schema: formats, constraints, properties, and the Polars types that fit.

https://datapackage.org/standard/table-schema/#field-types
"""

from dataclasses import dataclass

DEFAULT_TRUE = ("true", "True", "TRUE", "1")
DEFAULT_FALSE = ("false", "False", "FALSE", "0")

COMMON_CONSTRAINTS = frozenset({"required", "unique", "enum"})
LENGTHS = frozenset({"minLength", "maxLength"})
BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})

LIST_ITEM_TYPES = ("string", "integer", "boolean", "number", "datetime", "date", "time")


@dataclass(frozen=True, slots=True)
class FieldType:
    """One type of the standard.

    `formats` names the formats beside `default`; `patterns` tells that a strptime pattern is a
    format too. `dtypes` says in words which Polars types fit; `lexical` that a String column is
    read as the type's text form, because Polars has no type of its own for it.
    """

    name: str
    dtypes: str
    formats: frozenset[str] = frozenset()
    patterns: bool = False
    constraints: frozenset[str] = COMMON_CONSTRAINTS
    properties: frozenset[str] = frozenset()
    lexical: bool = False


_BOUNDED = COMMON_CONSTRAINTS | BOUNDS
_SIZED = COMMON_CONSTRAINTS | LENGTHS
_TEMPORAL_FORMATS = frozenset({"any"})

FIELD_TYPES = {
    kind.name: kind
    for kind in (
        FieldType(
            "string",
            "String, Enum or Categorical",
            formats=frozenset({"email", "uri", "binary", "uuid"}),
            constraints=_SIZED | {"pattern"},
            properties=frozenset({"categories", "categoriesOrdered"}),
        ),
        FieldType(
            "number",
            "a float, a Decimal or an integer",
            constraints=_BOUNDED,
            properties=frozenset({"decimalChar", "groupChar", "bareNumber"}),
        ),
        FieldType(
            "integer",
            "an integer",
            constraints=_BOUNDED,
            properties=frozenset({"groupChar", "bareNumber", "categories", "categoriesOrdered"}),
        ),
        FieldType("boolean", "Boolean", properties=frozenset({"trueValues", "falseValues"})),
        FieldType(
            "object",
            "Struct, or String holding JSON",
            constraints=_SIZED | {"jsonSchema"},
            lexical=True,
        ),
        FieldType(
            "array",
            "List or Array, or String holding JSON",
            constraints=_SIZED | {"jsonSchema"},
            lexical=True,
        ),
        FieldType(
            "list",
            "List or Array, or delimited String",
            constraints=_SIZED,
            properties=frozenset({"delimiter", "itemType"}),
            lexical=True,
        ),
        FieldType(
            "datetime",
            "Datetime",
            formats=_TEMPORAL_FORMATS,
            patterns=True,
            constraints=_BOUNDED,
        ),
        FieldType("date", "Date", formats=_TEMPORAL_FORMATS, patterns=True, constraints=_BOUNDED),
        FieldType("time", "Time", formats=_TEMPORAL_FORMATS, patterns=True, constraints=_BOUNDED),
        FieldType("year", "an integer", constraints=_BOUNDED),
        FieldType("yearmonth", "String as YYYY-MM", constraints=_BOUNDED, lexical=True),
        FieldType(
            "duration", "Duration, or String in ISO 8601", constraints=_BOUNDED, lexical=True
        ),
        FieldType(
            "geopoint",
            "List, Array or Struct of two numbers, or String",
            formats=frozenset({"array", "object"}),
            lexical=True,
        ),
        FieldType(
            "geojson",
            "Struct, or String holding JSON",
            formats=frozenset({"topojson"}),
            lexical=True,
        ),
        FieldType("any", "any type"),
    )
}
