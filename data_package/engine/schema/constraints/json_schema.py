"""https://datapackage.org/standard/table-schema/#jsonSchema."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_package.engine.schema.constraints.constraint import Constraint, Fault
from data_package.engine.schema.contract import Field

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.rules import Rule


def _faults(_field: Field, value: object) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield (), "jsonSchema must be a JSON Schema object"
        return
    from data_package.engine.schema.json_validation import fault_of

    if (fault := fault_of(value)) is not None:
        yield fault


def _rule(field: Field, dtype: "pl.DataType") -> "Rule":
    from data_package.engine.schema.rules import json_schema_rule

    return json_schema_rule(field, dtype)


JSON_SCHEMA = Constraint(
    "jsonSchema", _faults, _rule, {"type": "object"}, words="follows a JSON schema"
)
