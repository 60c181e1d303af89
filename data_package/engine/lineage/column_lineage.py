"""The lineage of a table's columns, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Ref = tuple[str, str]
"""A column of an input: the name of the table or raw file, and that of the column."""

Refs = frozenset[Ref]
NOTHING: Refs = frozenset()

COMPUTED: Ref = ("", "")
"""Among what a column is made of, while it is followed: its values are not those of an input."""


class CannotFollow(Exception):
    """The columns of a table cannot be followed; the message gives the reason, and no value."""


@dataclass(frozen=True)
class TableLineage:
    """What the columns of one table are made of.

    Attributes:
        columns: for each column, the input columns that its values are computed from.
        rows: the input columns that determine which rows there are, or their order: those of
            filters, join and group keys, sorting and removal of duplicates.
        copies: the columns whose values are those of one input column, at most of another type.
        reason: why no column can be followed; None where all are.
    """

    columns: Mapping[str, Refs] = field(default_factory=dict)
    rows: Refs = NOTHING
    reason: str | None = None
    copies: frozenset[str] = frozenset()

    @classmethod
    def of(cls, made_of: Mapping[str, Refs], rows: Refs) -> "TableLineage":
        """The lineage of columns that are made of input columns, and of `COMPUTED`."""
        return cls(
            {name: refs - {COMPUTED} for name, refs in made_of.items()},
            rows - {COMPUTED},
            copies=frozenset(
                name for name, refs in made_of.items() if len(refs) == 1 and COMPUTED not in refs
            ),
        )

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types, in a fixed order."""
        if self.reason is not None:
            return {"reason": self.reason}
        return {
            "columns": {name: listed(refs) for name, refs in self.columns.items()},
            "rows": listed(self.rows),
            "copies": sorted(self.copies),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, object]) -> "TableLineage":
        """What `to_dict` wrote. Raises LookupError, TypeError or ValueError for anything else."""
        reason = document.get("reason")
        if isinstance(reason, str):
            return cls(reason=reason)
        columns, copies = document["columns"], document["copies"]
        if not isinstance(columns, dict) or not isinstance(copies, list):
            raise TypeError
        return cls(
            {name: _refs(refs) for name, refs in columns.items()},
            _refs(document["rows"]),
            copies=frozenset(map(str, copies)),
        )


def listed(refs: Refs) -> list[list[str]]:
    """References in a fixed order, as JSON's types."""
    return [list(ref) for ref in sorted(refs)]


def _refs(document: object) -> Refs:
    if not isinstance(document, list):
        raise TypeError
    return frozenset((str(table), str(column)) for table, column in document)
