"""https://datapackage.org/standard/table-schema/#boolean."""

from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import FieldType

if TYPE_CHECKING:
    import polars as pl

DEFAULT_TRUE = ("true", "True", "TRUE", "1")
DEFAULT_FALSE = ("false", "False", "FALSE", "0")


def boolean_words(field: Field) -> dict[str, bool]:
    """Return every spelling of true and false that the field knows."""
    words: dict[str, bool] = {}
    for value, key, default in (
        (True, "trueValues", DEFAULT_TRUE),
        (False, "falseValues", DEFAULT_FALSE),
    ):
        given = field.descriptor.get(key)
        for word in given if isinstance(given, list) else default:
            words[str(word)] = value
    return words


def _fast(field: Field, column: "pl.Expr") -> "pl.Expr":
    import polars as pl

    words = boolean_words(field)
    return column.replace_strict(
        list(words), list(words.values()), default=None, return_dtype=pl.Boolean
    )


BOOLEAN = FieldType(
    "boolean",
    "Boolean",
    reader=lambda field: boolean_words(field).get,
    holds=frozenset({"Boolean"}),
    literal=lambda _, value: value if isinstance(value, bool) else None,
    values="Boolean",
    fast=_fast,
    properties=frozenset({"trueValues", "falseValues"}),
    coded=True,
)
