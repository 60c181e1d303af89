"""Values of one field that a table may hold: the contract's own check is the judge of each."""

import random
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from data_package.engine import schema
from data_package.engine.errors import ProjectError
from data_package.engine.schema import Contract, Field
from data_package.engine.schema.cells import logical_dtype, read_column
from data_package.engine.schema.types import reader, type_of
from data_package.engine.testing.values import maker
from data_package.engine.testing.written import cell

_BATCH = 64
_BATCHES = 8


class Pool:
    """Values that satisfy a field's type and constraints, in the order they were made up."""

    def __init__(self, field: Field, chance: random.Random) -> None:
        """Raises ProjectError for a field that no values can be proposed for."""
        self.field = field
        self._make = maker(field, chance)
        self._read = reader(field)
        # Alone: nothing else of its table is asked for, and what is repeated is judged with keys.
        asked = {name: value for name, value in field.constraints.items() if name != "unique"}
        alone = replace(field, constraints=asked)
        self._contract = Contract(name=field.name, descriptor={}, fields=(alone,))
        self._is_free = not (asked.keys() - {"required"} or field.categories is not None)
        self._ready: list[object] = []
        self._meanings: dict[object, object] = {}

    def next(self) -> object:
        """The next value; raises ProjectError when none is found."""
        for _ in range(_BATCHES):
            if self._ready:
                return self._ready.pop()
            proposed = [self._make() for _ in range(_BATCH)]
            self._ready = list(reversed(self.allowed(proposed)))
        names = ", ".join(sorted({"type", *self.field.constraints} - {"required", "unique"}))
        raise ProjectError(
            f"{self.field.name}: no value was found that satisfies all of it: {names}.\n"
            "Write a few rows by hand, or loosen the contract."
        )

    def allowed(self, values: Sequence[object]) -> list[object]:
        """Those of some values that the field may hold."""
        known = [v for v in map(self._as_read, values) if v is not None]
        if not known:
            return []
        column = pl.Series(self.field.name, known, dtype=column_dtype(self.field))
        report = schema.check(column.to_frame(), self._contract, limit=len(known))
        wrong = {row - 2 for row in report.errors["row"].to_list() if row is not None}
        good = [value for at, value in enumerate(known) if at not in wrong]
        if type_of(self.field).lexical and good:
            meant = read_column(self.field, pl.Series(good, dtype=pl.String)).values.to_list()
            self._meanings.update(zip(good, meant, strict=True))
        return [] if report.of_whole else good

    def _as_read(self, value: object) -> object:
        """A value as it is read back, in a file of this contract; None for one that is not."""
        if value is None:
            return None
        text = cell(self.field, value)
        if text in self.field.missing_values:
            return None
        meaning = self._read(text)
        return value if type_of(self.field).lexical or meaning is None else meaning

    def may_hold(self, other: Field, value: object) -> bool:
        """Whether the field may hold a value of another one."""
        alike = (other.type, other.format) == (self.field.type, self.field.format)
        return (self._is_free and alike) or bool(self.allowed([value]))

    def meaning(self, value: object) -> object:
        """What decides whether a value is the same as another one."""
        return self._meanings.get(value, value)


def column_dtype(field: Field) -> pl.DataType:
    """The type of a column of made-up values: text where Polars has no type for the field's."""
    return pl.String() if type_of(field).lexical else logical_dtype(field)
