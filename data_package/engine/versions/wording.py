"""A difference in words: for a terminal, and as Markdown for a changelog."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from data_package.engine.notebook import html_line, html_table
from data_package.engine.package.markdown import line
from data_package.engine.versions.changes import Change
from data_package.engine.versions.difference import Difference, TableDifference
from data_package.engine.versions.rows import RowDifference

_FIELDS_SHOWN = 12
_HEADS = ("table", "rows", "added", "removed", "changed", "matched by")
_COARSE = "Counts are rounded as in the data dictionary; small ones are not shown."

Shown = Callable[[str, int], str]


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
    count is exact, and fields are named without counts.
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
            if table.rows is not None and table.rows.fields:
                fields = table.rows.fields
                names = ", ".join(sorted(fields)) if shown else counts(fields.items())
                parts.append(f"- {_code(table.name)}, values changed: {line(plain(names))}")
            if table.words:
                parts.append(f"- {_code(table.name)}: {line(plain(table.words))}")
    if not parts:
        parts.append("No change of the description, and the same rows.")
    return "\n".join(parts).strip() + "\n"


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


def plain(text: str) -> str:
    """A text from a descriptor without control characters."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


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


def cells_of(
    name: str, rows: RowDifference, count_shown: Callable[[int], str] = "{:,}".format
) -> tuple[str, ...]:
    """The name, and the counts in words: rows, added, removed, changed, and the key."""
    return (
        plain(name),
        f"{count_shown(rows.old)} → {count_shown(rows.new)}",
        count_shown(rows.added),
        count_shown(rows.removed),
        "–" if rows.changed is None else count_shown(rows.changed),
        plain(", ".join(rows.key)),
    )


def _row(table: TableDifference, shown: Shown | None) -> str:
    name, *numbers, key = _cells(table, shown)
    return " | ".join(("", _code(name), *numbers, line(plain(key)), "")).strip()


def counts(fields: Iterable[tuple[str, int]]) -> str:
    """Fields with their counts, the largest first."""
    ordered = sorted(fields, key=lambda item: -item[1])
    shown = ", ".join(f"{name} {count:,}" for name, count in ordered[:_FIELDS_SHOWN])
    more = len(ordered) - _FIELDS_SHOWN
    return f"{shown} and {more} more fields" if more > 0 else shown


def columns(
    head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()
) -> Iterator[str]:
    """The lines of a table with its head; columns at `right` are flushed right."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _weight(change: Change) -> tuple[int, str]:
    return -change.level, change.place


def _code(text: str) -> str:
    return f"`{plain(text).replace('`', chr(39)).replace('|', '¦')}`"
