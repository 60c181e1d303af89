"""https://datapackage.org/standard/table-schema/#minLength and #maxLength."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from data_package.engine.schema.constraints.constraint import Constraint, Fault, rises
from data_package.engine.schema.contract import Field

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.rules import Rule


def faults_between(written: dict[str, object]) -> Iterator[Fault]:
    """Give what is wrong with the two lengths together."""
    shortest, longest = written.get("minLength"), written.get("maxLength")
    if isinstance(shortest, int) and isinstance(longest, int) and shortest > longest:
        yield ("constraints", "minLength"), "minLength is above maxLength: nothing can be right"


def _faults(name: str, _field: Field, value: object) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        yield (), f"{name} must be a whole number, zero or more"


def _rule(name: str, field: Field, dtype: "pl.DataType") -> "Rule":
    from data_package.engine.schema.rules import length_rule

    return length_rule(field, dtype, name)


def _length(name: str, words: str, sign: str, *, is_least: bool) -> Constraint:
    return Constraint(
        name,
        partial(_faults, name),
        partial(_rule, name),
        {"type": "integer", "minimum": 0},
        words=words,
        sql=f"length({{column}}) {sign} {{value}}",
        loosens=lambda old, new: rises(old, new) is (not is_least),
    )


MIN_LENGTH = _length("minLength", "at least {} characters", ">=", is_least=True)
MAX_LENGTH = _length("maxLength", "at most {} characters", "<=", is_least=False)
