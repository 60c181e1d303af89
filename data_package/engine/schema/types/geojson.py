"""The structure of GeoJSON and TopoJSON objects.

https://datapackage.org/standard/table-schema/#geojson, https://www.rfc-editor.org/rfc/rfc7946
The official JSON Schema of GeoJSON is slower for each cell, and lacks TopoJSON.
"""

from collections.abc import Callable, Mapping

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import FieldType, Reader
from data_package.engine.schema.types.json_text import canonical_json, read_json

_DEPTHS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


def _is_geojson(value: Mapping[str, object]) -> bool:
    """Tell whether a JSON object is a geometry, a feature or a collection of them."""
    match value.get("type"):
        case "Feature":
            return _is_feature(value)
        case "FeatureCollection":
            return _all(value.get("features"), _is_feature) and _has_good_box(value)
        case _:
            return _is_geometry(value)


def _is_topojson(value: Mapping[str, object]) -> bool:
    """Tell whether a JSON object is a topology, or a geometry of one."""
    if value.get("type") == "Topology":
        objects = value.get("objects")
        arcs = value.get("arcs")
        return (
            isinstance(objects, dict)
            and all(_is_topology_geometry(item) for item in objects.values())
            and _all(arcs, lambda arc: _all(arc, _is_position))
        )
    return _is_topology_geometry(value)


def _is_feature(value: object) -> bool:
    if not isinstance(value, dict) or value.get("type") != "Feature":
        return False
    geometry = value.get("geometry", False)
    properties = value.get("properties", False)
    return (
        (geometry is None or _is_geometry(geometry))
        and (properties is None or isinstance(properties, dict))
        and _has_good_box(value)
    )


def _is_geometry(value: object) -> bool:
    if not isinstance(value, dict) or not _has_good_box(value):
        return False
    kind = value.get("type")
    if kind == "GeometryCollection":
        return _all(value.get("geometries"), _is_geometry)
    coordinates = value.get("coordinates")
    depth = _DEPTHS.get(kind) if isinstance(kind, str) else None
    if depth is None or not _is_nested(coordinates, depth):
        return False
    if kind == "LineString":
        return _has_at_least(coordinates, 2)
    if kind == "MultiLineString":
        return _all(coordinates, lambda line: _has_at_least(line, 2))
    if kind == "Polygon":
        return _all(coordinates, lambda ring: _has_at_least(ring, 4))
    if kind == "MultiPolygon":
        return _all(coordinates, lambda polygon: _all(polygon, lambda ring: _has_at_least(ring, 4)))
    return True


def _is_topology_geometry(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    if kind == "GeometryCollection":
        return _all(value.get("geometries"), _is_topology_geometry)
    if kind in ("Point", "MultiPoint"):
        return _is_nested(value.get("coordinates"), _DEPTHS[str(kind)])
    return kind in _DEPTHS and isinstance(value.get("arcs"), list)


def _is_nested(value: object, depth: int) -> bool:
    if depth == 0:
        return _is_position(value)
    return _all(value, lambda item: _is_nested(item, depth - 1))


def _is_position(value: object) -> bool:
    return _has_at_least(value, 2) and _all(value, _is_number)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _has_good_box(value: Mapping[str, object]) -> bool:
    return "bbox" not in value or (
        _has_at_least(value["bbox"], 4) and _all(value["bbox"], _is_number)
    )


def _has_at_least(value: object, length: int) -> bool:
    return isinstance(value, list) and len(value) >= length


def _all(value: object, test: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and all(test(item) for item in value)


def _reader(field: Field) -> Reader:
    return lambda text: _read(text, field.format)


def _read(text: str, format_name: str) -> dict[str, object] | None:
    value = read_json(text)
    if not isinstance(value, dict):
        return None
    good = _is_topojson(value) if format_name == "topojson" else _is_geojson(value)
    return value if good else None


GEOJSON = FieldType(
    "geojson",
    "Struct, or String holding JSON",
    reader=_reader,
    holds=frozenset({"String", "Struct"}),
    literal=lambda field, value: _read(canonical_json(value), field.format),
    formats=frozenset({"topojson"}),
    lexical=True,
    items=True,
)
