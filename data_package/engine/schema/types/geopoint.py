"""https://datapackage.org/standard/table-schema/#geopoint."""

from types import UnionType
from typing import cast

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import FieldType, Reader
from data_package.engine.schema.types.json_text import canonical_json, json_number, read_json
from data_package.engine.schema.types.numbers import read_number


def _reader(field: Field) -> Reader:
    return lambda text: _read(text, field.format)


def _literal(_field: Field, value: object) -> object:
    return _read(canonical_json(value), "object" if isinstance(value, dict) else "array")


def _read(text: str, format_name: str) -> tuple[float, float] | None:
    """Return longitude and latitude."""
    pair: object
    if format_name == "array":
        pair = read_json(text)
    elif format_name == "object":
        value = read_json(text)
        both = isinstance(value, dict) and value.keys() == {"lon", "lat"}
        pair = [value["lon"], value["lat"]] if both and isinstance(value, dict) else None
    else:
        pair = [part.strip() for part in text.split(",")]
    if not isinstance(pair, list) or len(pair) != 2:
        return None
    written = str if format_name not in ("array", "object") else int | float
    longitude, latitude = (_coordinate(part, written) for part in pair)
    if longitude is None or latitude is None:
        return None
    inside = -180 <= longitude <= 180 and -90 <= latitude <= 90
    return (longitude, latitude) if inside else None


def _coordinate(part: object, written: type | UnionType) -> float | None:
    if isinstance(part, bool) or not isinstance(part, written):
        return None
    try:
        return read_number(part) if isinstance(part, str) else float(cast("float", part))
    except OverflowError:
        return None


def _json_value(field: Field, meaning: object, _written: object) -> object:
    longitude, latitude = (json_number(part) for part in cast("tuple[float, float]", meaning))
    if field.format == "array":
        return [longitude, latitude]
    if field.format == "object":
        return {"lon": longitude, "lat": latitude}
    return f"{longitude}, {latitude}"


GEOPOINT = FieldType(
    "geopoint",
    "List, Array or Struct of two numbers, or String",
    reader=_reader,
    holds=frozenset({"String", "List", "Array", "Struct"}),
    literal=_literal,
    json_value=_json_value,
    formats=frozenset({"array", "object"}),
    lexical=True,
)
