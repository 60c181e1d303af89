"""The constraints of Table Schema: a value each, and all of them by name in the order of reports.

How a constraint is added: CONTRIBUTING.
https://datapackage.org/standard/table-schema/#field-constraints
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from data_package.engine.schema.constraints.bounds import (
    EXCLUSIVE_MAXIMUM,
    EXCLUSIVE_MINIMUM,
    MAXIMUM,
    MINIMUM,
)
from data_package.engine.schema.constraints.constraint import Constraint
from data_package.engine.schema.constraints.enum import ENUM
from data_package.engine.schema.constraints.json_schema import JSON_SCHEMA
from data_package.engine.schema.constraints.lengths import MAX_LENGTH, MIN_LENGTH
from data_package.engine.schema.constraints.pattern import PATTERN
from data_package.engine.schema.constraints.required import REQUIRED
from data_package.engine.schema.constraints.unique import UNIQUE
from data_package.engine.schema.contract import Field

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.rules import Rule

CONSTRAINTS: Mapping[str, Constraint] = {
    each.name: each
    for each in (
        REQUIRED,
        UNIQUE,
        MIN_LENGTH,
        MAX_LENGTH,
        MINIMUM,
        MAXIMUM,
        EXCLUSIVE_MINIMUM,
        EXCLUSIVE_MAXIMUM,
        PATTERN,
        JSON_SCHEMA,
        ENUM,
    )
}


def field_rules(field: Field, dtype: "pl.DataType", *, required: bool) -> "Iterator[Rule]":
    """Give the rules of a field for a column of `dtype`, in the order they are reported."""
    import polars as pl

    from data_package.engine.schema.rules import categories_rule

    asked = field.constraints.keys() - {"required"} | ({"required"} if required else set())
    for name, constraint in CONSTRAINTS.items():
        # Of nothing but nulls one thing can be wrong.
        if name in asked and constraint.rule and (dtype != pl.Null or name == "required"):
            yield constraint.rule(field, dtype)
    if field.categories is not None and dtype != pl.Null:
        yield categories_rule(field, dtype)
