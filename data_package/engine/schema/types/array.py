"""https://datapackage.org/standard/table-schema/#array."""

from data_package.engine.schema.types.field_type import SIZED, FieldType
from data_package.engine.schema.types.json_text import read_json


def _only(value: object) -> object:
    return value if isinstance(value, list) else None


ARRAY = FieldType(
    "array",
    "List or Array, or String holding JSON",
    reader=lambda _: lambda text: _only(read_json(text)),
    holds=frozenset({"String", "List", "Array"}),
    literal=lambda _, value: _only(value),
    constraints=SIZED | {"jsonSchema"},
    lexical=True,
    items=True,
)
