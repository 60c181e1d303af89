"""Values written in a contract (bounds, enums, categories) as the logical values they stand for.

https://datapackage.org/standard/table-schema/#field-constraints: they may be JSON primitives, or
strings castable with the type and format of the field.
"""

from data_package.engine.schema.contract import Field
from data_package.engine.schema.lexical import canonical_json, read_geojson, read_geopoint, reader


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
            return value if is_number else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "array" | "list":
            return value if isinstance(value, list) else None
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
