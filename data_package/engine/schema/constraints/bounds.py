"""https://datapackage.org/standard/table-schema/#minimum and the other bounds."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from data_package.engine.schema.constraints.constraint import (
    Constraint,
    Fault,
    not_a_value,
    rises,
)
from data_package.engine.schema.contract import Field
from data_package.engine.schema.literals import logical
from data_package.engine.schema.types.duration import WholeDuration

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.rules import Rule


def faults_between(field: Field, written: dict[str, object]) -> Iterator[Fault]:
    """Give what is wrong with a lower and an upper bound together."""
    for low in ("minimum", "exclusiveMinimum"):
        for high in ("maximum", "exclusiveMaximum"):
            if low not in written or high not in written:
                continue
            bottom, top = logical(field, written[low]), logical(field, written[high])
            if bottom is None or top is None:
                continue
            touching = low == "minimum" and high == "maximum"
            if _above(bottom, top, touching):
                yield ("constraints", low), f"the {low} is above the {high}: nothing can be right"


def _above(bottom: object, top: object, touching: bool) -> bool:
    if isinstance(bottom, WholeDuration) and isinstance(top, WholeDuration):
        pairs = list(zip(bottom.after(), top.after(), strict=True))
        return all(low > high if touching else low >= high for low, high in pairs)
    low, high = cast("float", bottom), cast("float", top)
    return low > high if touching else low >= high


def _faults(name: str, field: Field, value: object) -> Iterator[Fault]:
    bound = logical(field, value)
    if bound is None:
        yield (), not_a_value(f"the {name}", field, value)
    elif bound != bound:  # noqa: PLR0124  as NaN alone
        yield (), f"the {name} is not a number: nothing can be right"


def _rule(name: str, broken: str, field: Field, dtype: "pl.DataType") -> "Rule":
    from data_package.engine.schema.rules import bound_rule

    return bound_rule(field, dtype, name, broken)


def _bound(name: str, words: str, sign: str, broken: str) -> Constraint:
    return Constraint(
        name,
        partial(_faults, name),
        partial(_rule, name, broken),
        {"not": {"type": "null"}},
        words=words,
        sql=f"{{column}} {sign} {{value}}",
        # One that goes up asks for more from below, and for less from above.
        loosens=lambda old, new: rises(old, new) is (sign in ("<", "<=")),
    )


MINIMUM = _bound("minimum", "≥ {}", ">=", "below the minimum")
MAXIMUM = _bound("maximum", "≤ {}", "<=", "above the maximum")
EXCLUSIVE_MINIMUM = _bound("exclusiveMinimum", "> {}", ">", "not above the exclusive minimum")
EXCLUSIVE_MAXIMUM = _bound("exclusiveMaximum", "< {}", "<", "not below the exclusive maximum")
