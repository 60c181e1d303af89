"""Where it begins that tables are not fresh, and what follows from it.

A changed constant may reach twenty tables, and a hundred are made of those: that is one cause.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from data_package.engine.errors import some
from data_package.engine.reach import reached
from data_package.engine.staleness.assess import Cause, CauseKind
from data_package.engine.states import State
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

_NAMED = 3
# What stops nothing: the rows of the table are the same.
_WITHOUT_CONSEQUENCE = (CauseKind.CONTRACT, CauseKind.CHECK, CauseKind.NOT_CHECKED)


class Explained(Protocol):
    """What is needed here of a table."""

    @property
    def name(self) -> str:
        """The table's name."""
        ...

    @property
    def state(self) -> State:
        """Its state."""
        ...

    @property
    def causes(self) -> list[Cause]:
        """Why it is not fresh."""
        ...


@dataclass(frozen=True)
class Root:
    """One cause.

    Attributes:
        cause: what has changed, or is wrong.
        tables: those that it is true of.
        consequences: those that are not fresh because these are not.
        place: file and line of the code that changed; empty for any other cause.
    """

    cause: Cause
    tables: tuple[str, ...]
    consequences: tuple[str, ...] = ()
    place: str = ""

    def __str__(self) -> str:
        """One line: the cause, how many tables, and the first of them."""
        names = [*self.tables, *self.consequences]
        count = f"{len(names)} tables: " if len(names) > 1 else ""
        return f"{self._words} → {count}{some(names, _NAMED, link=', … ')}"

    @property
    def _words(self) -> str:
        if self.place and self.cause.kind is CauseKind.CODE:
            return f"{self.cause.subject} in {self.place} changed"
        return str(self.cause)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "cause": str(self.cause),
            "place": self.place or None,
            "tables": list(self.tables),
            "consequences": list(self.consequences),
        }


def roots_of(
    tables: Sequence[Explained], catalogue: Catalogue, shown: Collection[str]
) -> list[Root]:
    """Every cause with the tables that it makes stale, those that concern most tables first.

    `tables` are all of them, in the order of lists; causes of those in `shown` are given.
    """
    own: defaultdict[tuple[Cause, str], list[str]] = defaultdict(list)
    readers: defaultdict[str, list[str]] = defaultdict(list)
    for table in tables:
        if table.state is State.FAILED and table.causes and _was_attempted(table.causes):
            own[Cause(CauseKind.FAILED), ""].append(table.name)
        for cause in table.causes:
            if cause.kind is CauseKind.UPSTREAM:
                readers[cause.subject].append(table.name)
            else:
                where = _place(cause, catalogue.named[table.name])
                own[replace(cause, partitions=()), where].append(table.name)
    place = {table.name: at for at, table in enumerate(tables)}
    roots = []
    for (cause, where), names in own.items():
        follow = after(names, readers) if cause.kind not in _WITHOUT_CONSEQUENCE else set()
        root = Root(
            cause,
            tuple(name for name in names if name in shown),
            tuple(name for name in sorted(follow, key=place.__getitem__) if name in shown),
            where,
        )
        if root.tables or root.consequences:
            roots.append(root)
    return sorted(roots, key=lambda root: -len(root.tables) - len(root.consequences))


def _was_attempted(causes: Sequence[Cause]) -> bool:
    return not all(cause.kind in _WITHOUT_CONSEQUENCE for cause in causes)


def after(names: Sequence[str], readers: Mapping[str, Sequence[str]]) -> set[str]:
    """What is not fresh because some tables are not, without these themselves."""
    return reached(names, lambda name: readers.get(name, ())) - set(names)


def _place(cause: Cause, table: Table) -> str:
    if cause.kind is not CauseKind.CODE:
        return ""
    found = (part.place for part in table.fingerprint.parts if part.name == cause.subject)
    return next(found, None) or ""
