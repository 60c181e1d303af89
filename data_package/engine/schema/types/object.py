"""https://datapackage.org/standard/table-schema/#object."""

from data_package.engine.schema.types.field_type import SIZED, FieldType
from data_package.engine.schema.types.json_text import read_json


def _only(value: object) -> object:
    return value if isinstance(value, dict) else None


OBJECT = FieldType(
    "object",
    "Struct, or String holding JSON",
    reader=lambda _: lambda text: _only(read_json(text)),
    holds=frozenset({"String", "Struct"}),
    literal=lambda _, value: _only(value),
    constraints=SIZED | {"jsonSchema"},
    lexical=True,
    items=True,
)
