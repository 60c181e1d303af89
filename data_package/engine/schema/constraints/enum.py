"""https://datapackage.org/standard/table-schema/#enum."""

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING

from data_package.engine.schema.constraints.constraint import (
    Constraint,
    Fault,
    not_a_value,
    spelling,
)
from data_package.engine.schema.contract import Field
from data_package.engine.schema.literals import identity, logical

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.rules import Rule


def _faults(field: Field, value: object) -> Iterator[Fault]:
    if not isinstance(value, list) or not value:
        yield (), "enum must be a list of values"
    seen: set[Hashable] = set()
    for i, item in enumerate(value if isinstance(value, list) else []):
        meaning = logical(field, item)
        if meaning is None:
            yield (i,), not_a_value("this enum value", field, item)
        elif identity(meaning) in seen:
            yield (i,), "this enum value is here twice; keep one"
        seen.add(identity(meaning))


def _rule(field: Field, dtype: "pl.DataType") -> "Rule":
    from data_package.engine.schema.rules import enum_rule

    return enum_rule(field, dtype)


def _loosens(old: object, new: object) -> bool:
    if not isinstance(old, list) or not isinstance(new, list):
        return False
    return set(map(spelling, old)) <= set(map(spelling, new))


ENUM = Constraint(
    "enum",
    _faults,
    _rule,
    {"type": "array", "minItems": 1},
    sql="{column} IN ({value})",
    loosens=_loosens,
)
