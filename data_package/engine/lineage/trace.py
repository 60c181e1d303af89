"""From a column up to the raw files' columns, and down to every column computed from it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from data_package.engine.lineage.column_lineage import NOTHING, Ref, Refs, TableLineage


@dataclass(frozen=True)
class TraceStep:
    """One column on the way, with what it is computed from, or what is computed from it."""

    column: Ref
    next: tuple[Ref, ...]


@dataclass(frozen=True)
class Trace:
    """What a column is computed from, and what is computed from it.

    Attributes:
        up: the columns that it is computed from, step by step; itself first.
        down: the columns that are computed from it, step by step; itself first.
        rows: the columns that determine the rows of its table.
        origins: the columns of raw files that it goes back to.
        unknown: the tables on the way up or down whose columns cannot be followed, and why.
    """

    column: Ref
    up: tuple[TraceStep, ...]
    down: tuple[TraceStep, ...]
    rows: tuple[Ref, ...]
    origins: tuple[Ref, ...]
    unknown: Mapping[str, str]

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "table": self.column[0],
            "field": self.column[1],
            "made_of": [_step(step) for step in self.up],
            "part_of": [_step(step) for step in self.down],
            "rows_shaped_by": [_column(one) for one in self.rows],
            "raw_columns": [_column(one) for one in self.origins],
            "table_level_only": dict(self.unknown),
        }


class Tracer:
    """Traces columns through the lineage of all tables."""

    def __init__(
        self, tables: Mapping[str, TableLineage], inputs: Mapping[str, Iterable[str]]
    ) -> None:
        """Trace within one project.

        Args:
            tables: the lineage of every table.
            inputs: the names of what each table takes, in any role.
        """
        self._tables = tables
        self._readers: dict[str, list[str]] = {}
        for name, taken in inputs.items():
            for one in taken:
                self._readers.setdefault(one, []).append(name)
        self._users: dict[Ref, set[Ref]] = {}
        for name, lineage in tables.items():
            for column, refs in lineage.columns.items():
                for ref in refs:
                    self._users.setdefault(ref, set()).add((name, column))

    def trace(self, column: Ref) -> Trace:
        """Everything about one column."""
        unknown: dict[str, str] = {}
        up = self._walk(column, self.made_of)
        down = self._walk(column, self.users_of)
        for step in up:
            self._note(step.column[0], unknown)
        for step in down:
            for reader in self._readers.get(step.column[0], ()):
                self._note(reader, unknown)
        lineage = self._tables.get(column[0])
        return Trace(
            column=column,
            up=up,
            down=down,
            rows=tuple(sorted(lineage.rows if lineage else NOTHING)),
            origins=tuple(sorted(s.column for s in up if s.column[0] not in self._tables)),
            unknown=dict(sorted(unknown.items())),
        )

    def made_of(self, column: Ref) -> Refs:
        """The columns that one is computed from, one step up."""
        lineage = self._tables.get(column[0])
        return lineage.columns.get(column[1], NOTHING) if lineage else NOTHING

    def users_of(self, column: Ref) -> Refs:
        """The columns that are computed from one, one step down."""
        return frozenset(self._users.get(column, ()))

    def origins(self, column: Ref) -> list[Ref]:
        """The columns of raw files that a column goes back to."""
        return sorted(
            step.column
            for step in self._walk(column, self.made_of)
            if step.column[0] not in self._tables
        )

    def _walk(self, start: Ref, following: Callable[[Ref], Refs]) -> tuple[TraceStep, ...]:
        """Every column that is reached, nearest first."""
        steps: dict[Ref, TraceStep] = {}
        waiting = [start]
        while waiting:
            further: list[Ref] = []
            for column in waiting:
                if column not in steps:
                    reached = tuple(sorted(following(column)))
                    steps[column] = TraceStep(column, reached)
                    further += reached
            waiting = further
        return tuple(steps.values())

    def _note(self, table: str, unknown: dict[str, str]) -> None:
        lineage = self._tables.get(table)
        if lineage is not None and lineage.reason is not None:
            unknown[table] = lineage.reason


def _column(ref: Ref) -> dict[str, str]:
    return {"table": ref[0], "field": ref[1]}


def _step(step: TraceStep) -> dict[str, object]:
    return {**_column(step.column), "next": [_column(ref) for ref in step.next]}
