"""Errors as they are found: every one counted, the first rows of each kind kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from data_package.engine.schema.report import SHOWN_ROWS, Report, Total, itemise


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which one field, key or table can be wrong.

    `order` is its place among the totals: errors of the table, then fields in their order.
    """

    code: str
    rule: str
    field: str | None
    note: str
    order: int


@dataclass(slots=True)
class _Finding:
    count: int = 0
    rows: list[int] = field(default_factory=list)


class Findings:
    """What a check has found so far, in memory bounded by kinds times `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._found: dict[Kind, _Finding] = {}

    def room(self, kind: Kind) -> int:
        """Return how many more rows of this kind will be kept."""
        finding = self._found.get(kind)
        return max(self.limit, SHOWN_ROWS) - (len(finding.rows) if finding else 0)

    def add(self, kind: Kind, count: int, rows: pl.Series) -> None:
        """Count errors and keep their row numbers, as far as there is room for them."""
        finding = self._found.setdefault(kind, _Finding())
        finding.count += count
        finding.rows.extend(rows.head(max(0, self.room(kind))).to_list())

    def report(
        self,
        *,
        name: str,
        rows_checked: int,
        table_level: Sequence[Total],
        skipped: Sequence[str],
    ) -> Report:
        """Return all of it; `table_level` comes first."""
        itemised: list[tuple[Total, list[int | None]]] = [
            (total, [None] * total.count) for total in table_level
        ]
        for kind in sorted(self._found, key=lambda kind: kind.order):
            finding = self._found[kind]
            shown = tuple(finding.rows[:SHOWN_ROWS])
            total = Total(kind.code, kind.rule, kind.field, finding.count, shown, kind.note)
            itemised.append((total, list(finding.rows[: self.limit])))
        return Report(
            name=name,
            rows_checked=rows_checked,
            totals=tuple(total for total, _ in itemised),
            errors=itemise(itemised),
            limit=self.limit,
            skipped=tuple(skipped),
        )
