"""How two versions of a data package differ, and the same in words.

The words are for a terminal, for a notebook, and as Markdown for a changelog. What does not belong
here: finding the differences (`comparison`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from data_package.engine.notebook import NamedParts, html_line, html_table
from data_package.engine.package.markdown import line
from data_package.engine.versions.changes import Change
from data_package.engine.versions.level import Level
from data_package.engine.versions.rows import RowDifference
from data_package.engine.versions.wording import cells_of, columns, counts, plain

_HEADS = ("table", "rows", "added", "removed", "changed", "matched by")
_COARSE = "Counts are rounded as in the data dictionary; small ones are not shown."
Shown = Callable[[str, int], str]
# What a change of rows of each level is, in the words of the reference (`TableDifference.level`).
ROWS = {
    Level.MAJOR: "rows removed that another table's foreign key may point to",
    Level.MINOR: "rows added; other rows removed",
    Level.PATCH: "values changed in rows that stayed",
}


@dataclass(frozen=True)
class TableDifference:
    """How the content of a table differs.

    Attributes:
        rows: the counts; None where the rows could not be compared, or did not have to be.
        is_same_file: whether both versions hold the same bytes.
        is_referenced: whether another table's foreign key points here.
        words: why rows were not compared, or were not matched by the key; may be empty.
    """

    name: str
    rows: RowDifference | None
    is_same_file: bool
    is_referenced: bool
    words: str = ""

    @property
    def level(self) -> Level | None:
        """The level of the change of content; None where nothing changed."""
        if self.is_same_file or (self.rows is not None and self.rows.is_equal):
            return None
        if self.rows is None:
            return Level.PATCH
        if self.rows.removed and self.is_referenced:
            return Level.MAJOR
        return Level.MINOR if self.rows.added or self.rows.removed else Level.PATCH

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "name": self.name,
            "level": str(self.level) if self.level else None,
            "same_file": self.is_same_file,
            "rows": self.rows.to_dict() if self.rows else None,
            "words": self.words,
        }


@dataclass(frozen=True, repr=False)
class Difference(NamedParts[TableDifference]):
    """How one version of a data package differs from another, table by table.

    It is true when something differs.

    Attributes:
        old: the name of the old version.
        new: the name of the new version.
        changes: of the descriptor.
        tables: those that both versions have, in the order of the new one.
    """

    old: str
    new: str
    changes: Sequence[Change]
    tables: Sequence[TableDifference]

    @property
    def level(self) -> Level | None:
        """The largest change; None where nothing in the descriptor has changed."""
        levels = [change.level for change in self.changes]
        levels += [table.level for table in self.tables if table.level is not None]
        return max(levels, default=None)

    @property
    def parts(self) -> Sequence[TableDifference]:
        """The tables that both versions have."""
        return self.tables

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return self.level is not None

    def __str__(self) -> str:
        """The report as text; counts only."""
        return text_of(self)

    def _repr_html_(self) -> str:
        """The report as HTML, for notebooks; counts only."""
        return html_of(self)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types; counts only."""
        return {
            "old": self.old,
            "new": self.new,
            "level": str(self.level) if self.level else None,
            "changes": [change.to_dict() for change in self.changes],
            "tables": [table.to_dict() for table in self.tables],
        }


def text_of(difference: Difference) -> str:
    """The report as plain text: the descriptor, then the rows."""
    return "\n".join(_lines(difference))


def closing_line(difference: Difference) -> str:
    """One sentence on the whole."""
    if difference.level is None:
        return "The descriptors and the rows are the same."
    return f"In all: a {difference.level} change."


def markdown_of(difference: Difference, shown: Shown | None = None) -> str:
    """The report as Markdown, without a heading.

    `shown` gives the text for a number of rows, for readers who may not see the tables: then no
    count is exact, and fields are named without counts, where they changed in more than a few rows.
    """
    parts: list[str] = []
    by_place = groupby(sorted(difference.changes, key=_weight), key=lambda change: change.level)
    for level, changes in by_place:
        parts.append(f"{str(level).capitalize()} changes of the description:\n")
        parts += [f"- {_code(change.place)}: {line(plain(change.words))}" for change in changes]
        parts.append("")
    differing = [table for table in difference.tables if table.level is not None]
    if differing:
        parts += ["| table | rows | added | removed | changed | matched by |"]
        parts += ["|---|--:|--:|--:|--:|---|"]
        parts += [_row(table, shown) for table in differing]
        parts.append("")
        if shown is not None:
            parts += [_COARSE, ""]
        for table in differing:
            fields = table.rows.fields if table.rows is not None else {}
            if names := _fields_named(table.name, fields, shown):
                parts.append(f"- {_code(table.name)}, values changed: {line(plain(names))}")
            if table.words:
                parts.append(f"- {_code(table.name)}: {line(plain(table.words))}")
    if not parts:
        parts.append("No change of the description, and the same rows.")
    return "\n".join(parts).strip() + "\n"


def _fields_named(table: str, fields: Mapping[str, int], shown: Shown | None) -> str:
    if shown is None:
        return counts(fields.items())
    # A field that changed for few would tell what is new about somebody.
    none = shown(table, 0)
    return ", ".join(sorted(name for name, n in fields.items() if shown(table, n) != none))


def html_of(difference: Difference) -> str:
    """The report as HTML for a notebook, without a heading."""
    changes = sorted(difference.changes, key=_weight)
    differing = [table for table in difference.tables if table.level is not None]
    fields = [
        f"{table.name}, values changed: {counts(table.rows.fields.items())}"
        for table in differing
        if table.rows is not None and table.rows.fields
    ]
    fields += [f"{table.name}: {table.words}" for table in differing if table.words]
    words = [(plain(c.place), plain(c.words), str(c.level)) for c in changes]
    return (
        html_line(f"{plain(difference.old)} → {plain(difference.new)}")
        + html_table(("description", "what changed", "level"), words)
        + html_table(_HEADS, [_cells(table) for table in differing])
        + "".join(html_line(plain(line)) for line in fields)
        + html_line(closing_line(difference))
    )


def _lines(difference: Difference) -> Iterator[str]:
    yield f"{plain(difference.old)} → {plain(difference.new)}"
    if difference.changes:
        yield ""
        rows = [(plain(c.place), plain(c.words), str(c.level)) for c in difference.changes]
        yield from columns(("description", "", ""), rows)
    differing = [table for table in difference.tables if table.level is not None]
    if differing:
        yield ""
        yield from columns(
            _HEADS,
            [_cells(table) for table in differing],
            right=range(1, 5),
        )
        for table in differing:
            if table.rows is not None and table.rows.fields:
                fields = plain(counts(table.rows.fields.items()))
                yield f"{plain(table.name)}, values changed: {fields}"
            if table.rows is not None and table.rows.not_compared:
                names = ", ".join(table.rows.not_compared)
                yield f"{plain(table.name)}: the types of {plain(names)} cannot be compared"
            if table.words:
                yield f"{plain(table.name)}: {plain(table.words)}"
    same = len(difference.tables) - len(differing)
    if same:
        yield ""
        yield f"{same} {'table has' if same == 1 else 'tables have'} the same rows."
    yield closing_line(difference)


def _cells(table: TableDifference, shown: Shown | None = None) -> tuple[str, ...]:
    def count_shown(count: int) -> str:
        return f"{count:,}" if shown is None else shown(table.name, count)

    if table.rows is None:
        return plain(table.name), "?", "?", "?", "?", ""
    return cells_of(table.name, table.rows, count_shown)


def _row(table: TableDifference, shown: Shown | None) -> str:
    name, *numbers, key = _cells(table, shown)
    return " | ".join(("", _code(name), *numbers, line(plain(key)), "")).strip()


def _weight(change: Change) -> tuple[int, str]:
    return -change.level, change.place


def _code(text: str) -> str:
    return f"`{plain(text).replace('`', chr(39)).replace('|', '¦')}`"
