"""What a constraint is: a value that owns all that depends on it.

Each constraint, or a family of them, has its own module beside this one; `CONSTRAINTS` in the
package lists them. A contract is linted without Polars, so the rules, which are expressions of it,
are imported where they are made.
https://datapackage.org/standard/table-schema/#field-constraints
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from data_package.engine.schema.contract import Field
from data_package.engine.schema.document import Path

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.rules import Rule

Fault: TypeAlias = tuple[Path, str]


def _never(_old: object, _new: object) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint of the standard.

    Attributes:
        name: as contracts write it.
        lint: what is wrong with its value for a field, each with its path in the value.
        rule: what every row must satisfy, for a column of a Polars type; None for `unique`, which
            no row keeps by itself.
        editor: its value in JSON Schema, for editors; what this refuses, `lint` refuses too.
        words: what the data dictionary says, with `{}` for the value; empty where it has a form
            of its own for it.
        sql: the condition as SQL has it, with `{column}` and `{value}`; empty where it has none.
        loosens: whether values that kept the first keep the second, too; both are as JSON holds
            them.
    """

    name: str
    lint: Callable[[Field, object], Iterator[Fault]]
    rule: "Callable[[Field, pl.DataType], Rule] | None"
    editor: Mapping[str, object]
    words: str = ""
    sql: str = ""
    loosens: Callable[[object, object], bool] = _never


FLAG: Mapping[str, object] = {"type": "boolean"}


def true_or_false(name: str) -> Callable[[Field, object], Iterator[Fault]]:
    """Return the lint of a constraint that is on or off."""

    def faults(_field: Field, value: object) -> Iterator[Fault]:
        if not isinstance(value, bool):
            yield (), f"{name} must be true or false"

    return faults


def not_a_value(what: str, field: Field, value: object) -> str:
    """Say that something in a contract is not a value of its field, and what to do."""
    message = f"{what} is not a value of type {field.type}"
    if field.format != "default":
        message += f" ({field.format})"
    is_text = isinstance(value, str)
    if field.type == "string" and not is_text:
        return f"{message} as it is written; put it in quotes"
    return f"{message}; correct it or the type"


def rises(old: object, new: object) -> bool | None:
    """Whether a bound has gone up; None when that is not known."""
    if isinstance(old, int | float) and isinstance(new, int | float):
        return new > old
    # Dates and times of one length, as ISO 8601 writes them, are ordered as texts.
    if isinstance(old, str) and isinstance(new, str) and len(old) == len(new) and old[:4].isdigit():
        return new > old
    return None


def spelling(value: object) -> str:
    """Return one spelling for a value as JSON holds it."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
