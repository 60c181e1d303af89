"""What has changed between two locks, by its causes: for a review, where a lock's lines say little.

Pure: two locks in, facts out; the project is not loaded. A changed constant is one cause with the
tables that were built again for it, and with those that changed because these did.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from data_package.engine.errors import some
from data_package.engine.project import LibraryChanges
from data_package.engine.staleness.assess import Cause, CauseKind, Present, assess
from data_package.engine.staleness.lock import Lock, TableEntry
from data_package.engine.staleness.roots import after

_NAMED = 6
_ROWS_SHOWN = 20


@dataclass(frozen=True)
class LockCause:
    """One cause.

    Attributes:
        cause: what has changed, in a few words.
        tables: those that it has changed itself.
        consequences: those that changed because these have other content.
    """

    cause: str
    tables: tuple[str, ...]
    consequences: tuple[str, ...] = ()


@dataclass(frozen=True)
class LockDifference:
    """How one lock differs from an earlier one.

    Attributes:
        changes: what changed tables that both have; the widest first.
        added: tables, and partitions, that only the later one has.
        removed: those that only the earlier one has.
        renamed: names before and after, where all else is the same.
        rows: how many there were and are, of tables where that differs.
    """

    changes: tuple[LockCause, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    rows: Mapping[str, tuple[int, int]]

    @property
    def tables(self) -> list[str]:
        """The tables that both have and that changed, by name."""
        names = {name for one in self.changes for name in (*one.tables, *one.consequences)}
        return sorted(names)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "changes": [
                {"cause": c.cause, "tables": list(c.tables), "consequences": list(c.consequences)}
                for c in self.changes
            ],
            "added": list(self.added),
            "removed": list(self.removed),
            "renamed": [{"from": before, "to": now} for before, now in self.renamed],
            "rows": {name: {"before": b, "now": n} for name, (b, n) in self.rows.items()},
        }

    def describe(self, since: str) -> str:
        """The same as text, which is Markdown too."""
        facts = [
            _count(len(self.tables), "changed"),
            _count(len(self.added), "added"),
            _count(len(self.removed), "removed"),
            _count(len(self.renamed), "renamed"),
        ]
        if not any(facts):
            return f"No table has changed since {since}."
        lines = [f"Since {since}: {', '.join(filter(None, facts))}.", ""]
        for change in self.changes:
            lines.append(f"- {change.cause} → {_tables(change.tables)}")
            if change.consequences:
                lines.append(f"  - and so {_tables(change.consequences)}")
        lines += [f"- renamed: {before} → {now}" for before, now in self.renamed]
        lines += [f"- added: {_first(self.added)}"] if self.added else []
        lines += [f"- removed: {_first(self.removed)}"] if self.removed else []
        shown = list(self.rows.items())[:_ROWS_SHOWN]
        lines += ["", "| table | rows before | rows now |", "|---|---:|---:|"] if shown else []
        lines += [f"| {name} | {before:,} | {now:,} |" for name, (before, now) in shown]
        if len(self.rows) > len(shown):
            lines.append(f"\nRows of {len(self.rows) - len(shown)} more tables differ.")
        return "\n".join(lines)


def difference(before: Lock, now: Lock) -> LockDifference:
    """How a lock differs from an earlier one, by causes."""
    old, new = before.entries, now.entries
    renamed = dict(_renamed(before, now))
    own: defaultdict[str, list[str]] = defaultdict(list)
    readers: defaultdict[str, list[str]] = defaultdict(list)
    for place in sorted(old.keys() & new.keys(), key=_label):
        for cause in _causes(old[place], new[place], renamed):
            name = place[0]
            is_table = cause.subject in before.names | now.names
            if cause.kind is CauseKind.INPUT and is_table:
                _add(readers[cause.subject], name)
            else:
                _add(own[_words(cause)], name)
    changes = [
        LockCause(cause, tuple(tables), tuple(sorted(after(tables, readers))))
        for cause, tables in own.items()
    ]
    named = {name for one in changes for name in (*one.tables, *one.consequences)}
    # Their input is new, gone or of another name, or was built in a commit that is not compared.
    for subject, names in sorted(readers.items()):
        if rest := tuple(name for name in names if name not in named):
            follow = tuple(sorted(after(rest, readers)))
            changes.append(LockCause(f"{subject} has new content", rest, follow))
            named.update(rest, follow)
    made = [place for place in new.keys() - old.keys() if place[0] not in renamed.values()]
    gone = [place for place in old.keys() - new.keys() if place[0] not in renamed]
    return LockDifference(
        changes=tuple(
            sorted(changes, key=lambda c: (-len(c.tables) - len(c.consequences), c.cause))
        ),
        added=tuple(_whole_or_parts(made, before, now)),
        removed=tuple(_whole_or_parts(gone, now, before)),
        renamed=tuple(sorted(renamed.items())),
        rows=_rows(before, now),
    )


def _causes(old: TableEntry, new: TableEntry, renamed: Mapping[str, str]) -> Iterator[Cause]:
    inputs = {renamed.get(name, name): version for name, version in old.inputs.items()}
    present = Present(new.fingerprint, new.parts, new.inputs, new.libraries, old.data_version)
    found = assess(replace(old, inputs=inputs), present, LibraryChanges.PATCH)
    if not found and old.data_version != new.data_version:
        found = [Cause(CauseKind.CHANGED_OUTSIDE)]
    yield from found


def _words(cause: Cause) -> str:
    if cause.kind is CauseKind.CHANGED_OUTSIDE:
        return "other content from the same code and inputs"
    return str(cause)


def _renamed(before: Lock, now: Lock) -> Iterator[tuple[str, str]]:
    """Tables that only have another name."""
    gone = {n: e for n, e in before.tables.items() if n not in now.names}
    for name in sorted(now.tables.keys() - before.names):
        entry = now.tables[name]
        for other in sorted(gone):
            known = gone[other]
            alike = known.fingerprint == entry.fingerprint and known.columns == entry.columns
            if alike and known.data_version == entry.data_version:
                del gone[other]
                yield other, name
                break


def _rows(before: Lock, now: Lock) -> dict[str, tuple[int, int]]:
    found = {}
    for name in sorted(before.names & now.names):
        old, new = before.whole(name), now.whole(name)
        if old is not None and new is not None and old.rows != new.rows:
            found[name] = old.rows, new.rows
    return found


def _whole_or_parts(
    places: Sequence[tuple[str, str | None]], there: Lock, here: Lock
) -> Iterator[str]:
    """Tables, or those partitions of a table that the other lock has, too, that it lacks."""
    seen = set()
    for place in sorted(places, key=_label):
        name, part = place
        if part is not None and name in there.partitions and name in here.partitions:
            yield _label(place)
        elif name not in seen:
            seen.add(name)
            yield name


def _label(place: tuple[str, str | None]) -> str:
    name, part = place
    return name if part is None else f"{name}[{part}]"


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _count(number: int, verb: str) -> str:
    if not number:
        return ""
    return f"1 table {verb}" if number == 1 else f"{number} tables {verb}"


def _tables(names: Sequence[str]) -> str:
    return _first(names) if len(names) == 1 else f"{len(names)} tables: {_first(names)}"


def _first(names: Sequence[str]) -> str:
    return some(names, _NAMED, link=", … ")
