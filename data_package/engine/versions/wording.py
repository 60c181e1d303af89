"""Words and tables that reports of differences share."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from data_package.engine.versions.rows import RowDifference

_FIELDS_SHOWN = 12


def plain(text: str) -> str:
    """A text from a descriptor without control characters."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


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
