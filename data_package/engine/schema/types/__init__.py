"""The field types of Table Schema: a module and a value each, and all of them by name.

What only some types share is in `numbers`, `moments` and `json_text`. How a type is added:
CONTRIBUTING.
https://datapackage.org/standard/table-schema/#field-types
"""

from collections.abc import Mapping

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.any import ANY
from data_package.engine.schema.types.array import ARRAY
from data_package.engine.schema.types.boolean import BOOLEAN
from data_package.engine.schema.types.date import DATE
from data_package.engine.schema.types.datetime import DATETIME
from data_package.engine.schema.types.duration import DURATION
from data_package.engine.schema.types.field_type import FieldType, Reader
from data_package.engine.schema.types.geojson import GEOJSON
from data_package.engine.schema.types.geopoint import GEOPOINT
from data_package.engine.schema.types.integer import INTEGER
from data_package.engine.schema.types.list import LIST
from data_package.engine.schema.types.number import NUMBER
from data_package.engine.schema.types.object import OBJECT
from data_package.engine.schema.types.string import STRING
from data_package.engine.schema.types.time import TIME
from data_package.engine.schema.types.year import YEAR
from data_package.engine.schema.types.yearmonth import YEARMONTH

FIELD_TYPES: Mapping[str, FieldType] = {
    kind.name: kind
    for kind in (
        STRING,
        NUMBER,
        INTEGER,
        BOOLEAN,
        OBJECT,
        ARRAY,
        LIST,
        DATETIME,
        DATE,
        TIME,
        YEAR,
        YEARMONTH,
        DURATION,
        GEOPOINT,
        GEOJSON,
        ANY,
    )
}


def type_of(field: Field) -> FieldType:
    """Return the type of a field; `any` where the standard has no type of this name."""
    return FIELD_TYPES.get(field.type, ANY)


def reader(field: Field) -> Reader:
    """Return the function that reads a cell of this field."""
    return type_of(field).reader(field)
