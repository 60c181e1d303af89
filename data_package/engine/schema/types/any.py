"""https://datapackage.org/standard/table-schema/#any."""

from data_package.engine.schema.types.field_type import FieldType, as_text

ANY = FieldType(
    "any",
    "any type",
    reader=lambda _: as_text,
    holds=None,
    literal=lambda _, value: value,
    fast=lambda _, column: column,
    family="string",
)
