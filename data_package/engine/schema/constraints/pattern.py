"""https://datapackage.org/standard/table-schema/#pattern."""

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_package.engine.schema.constraints.constraint import Constraint, Fault
from data_package.engine.schema.contract import Field
from data_package.engine.schema.xml_expressions import unsupported

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.rules import Rule


def _faults(_field: Field, value: object) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield (), "pattern must be text; put it in quotes"
    elif words := unsupported(value):
        yield (), f"pattern: {words}"
    elif not _is_expression(value):
        yield (), "pattern is not a regular expression that can be run; correct it"


def _is_expression(pattern: str) -> bool:
    """Tell whether one of the two engines can run a pattern; Polars is loaded only if need be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        from data_package.engine.schema.regular_expressions import pattern_test

        return pattern_test(pattern) is not None
    return True


def _rule(field: Field, dtype: "pl.DataType") -> "Rule":
    from data_package.engine.schema.rules import pattern_rule

    return pattern_rule(field, dtype)


PATTERN = Constraint("pattern", _faults, _rule, {"type": "string"}, words="matches {}")
