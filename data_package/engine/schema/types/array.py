"""https://datapackage.org/standard/table-schema/#array."""

from typing import TYPE_CHECKING

from data_package.engine.schema.types.field_type import SIZED, FieldType
from data_package.engine.schema.types.json_text import read_json

if TYPE_CHECKING:
    import polars as pl


def _only(value: object) -> object:
    return value if isinstance(value, list) else None


def _fits(dtype: "pl.DataType", _format: str) -> bool:
    import polars as pl

    return dtype in (pl.String, pl.List, pl.Array)


ARRAY = FieldType(
    "array",
    "List or Array, or String holding JSON",
    reader=lambda _: lambda text: _only(read_json(text)),
    fits=_fits,
    literal=lambda _, value: _only(value),
    constraints=SIZED | {"jsonSchema"},
    lexical=True,
    items=True,
)
