"""https://datapackage.org/standard/table-schema/#required."""

from typing import TYPE_CHECKING

from data_package.engine.schema.constraints.constraint import FLAG, Constraint, true_or_false
from data_package.engine.schema.contract import Field

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.rules import Rule


def _rule(field: Field, _dtype: "pl.DataType") -> "Rule":
    from data_package.engine.schema.rules import required_rule

    return required_rule(field)


REQUIRED = Constraint("required", true_or_false("required"), _rule, FLAG)
