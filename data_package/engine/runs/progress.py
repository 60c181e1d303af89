"""What a build shows on a terminal: what runs, what is done, what is left; then one table.

In a pipe nothing moves: only the table, in plain text. It is laid out here, because rich takes a
millisecond for each line, and its import as long as two small tables.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from data_package.engine.errors import some, visible
from data_package.engine.runs.memory import size
from data_package.engine.runs.result import BuildResult, TableResult, Tally
from data_package.engine.staleness.memo import are_fresh, nothing_to_do
from data_package.engine.states import Status
from data_package.engine.tables.asset_notes import Kept

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod

_NAMES_SHOWN = 3
_PLAIN_WIDTH = 200
# What lets rich draw where it would not.
_FORCED = {"FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
_RIGHT = ("rows", "columns", "size", "seconds", "peak memory")
_SPARED = ("peak memory", "columns", "group", "size", "seconds", "rows")
_TITLES = ("", "table", "group", *_RIGHT, "checks")

# A text of the table, and its style.
Cell = tuple[str, str]


def console() -> "Console":
    """Standard output; a pipe gets lines that are never wrapped."""
    from data_package.engine.runs.terminal import Terminal

    made = Terminal(highlight=False)
    return made if made.is_terminal else Terminal(width=_PLAIN_WIDTH, highlight=False)


def _terminal(stream: TextIO | None) -> "Console | None":
    """What can be drawn on; None for a pipe."""
    if stream is None or not (stream.isatty() or _FORCED & os.environ.keys()):
        return None
    from data_package.engine.runs.terminal import Terminal

    made = Terminal(file=stream, highlight=False)
    return made if made.is_terminal else None


def loading() -> AbstractContextManager[Callable[[str], None]]:
    """Say that the project is being loaded, while it is."""
    return working("loading the project")


@contextmanager
def working(on: str) -> Iterator[Callable[[str], None]]:
    """Say on a terminal what is being worked on, while it is; gives what to call on a change."""
    terminal = _terminal(sys.stderr)
    if terminal is None:
        yield lambda _: None
        return
    with terminal.status(on) as status:
        yield status.update


@contextmanager
def live(tally: Tally) -> Iterator[Callable[[], None]]:
    """A line that follows the build; gives what to call on each change."""
    terminal = _terminal(sys.stderr)
    if terminal is None:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Elapsed(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=terminal, transient=True) as progress:
        task = progress.add_task("", total=tally.steps)

        def changed() -> None:
            progress.update(task, completed=tally.finished_steps, description=_running(tally))

        yield changed


def show(result: BuildResult) -> None:
    """Print the table that ends a build."""
    rows = [_row(table) for table in result.tables]
    texts = [_TITLES, *([text for text, _ in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    terminal = _terminal(sys.stdout)
    if terminal is None:
        click.echo(visible(_aligned(texts, widths)))
        return
    from rich.table import Table as Grid
    from rich.text import Text

    shown = _that_fit(widths, terminal.width)
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for at in shown:
        title = _TITLES[at]
        justify: JustifyMethod = "right" if title in _RIGHT else "left"
        grid.add_column(title, justify=justify, no_wrap=True)
    for row in rows:
        grid.add_row(*(Text(row[at][0], style=row[at][1]) for at in shown))
    terminal.print(grid)


def _that_fit(widths: Sequence[int], width: int) -> list[int]:
    """The columns for a terminal of this width; on a narrow one what tells least is left out."""
    shown = list(range(len(_TITLES)))
    for title in _SPARED:
        if sum(2 + widths[at] for at in shown) <= width + 2:
            break
        shown.remove(_TITLES.index(title))
    return shown


def _row(table: TableResult) -> list[Cell]:
    outcome = table.outcome
    return [
        (outcome.symbol, outcome.colour),
        (table.name, ""),
        (table.group, "dim"),
        _rows(table),
        ("" if table.columns is None else f"{table.columns:,}", ""),
        (size(table.size_bytes), ""),
        ("" if table.seconds is None else f"{table.seconds:.2f}", ""),
        (size(table.peak_memory_bytes), ""),
        _checks(table),
    ]


def _rows(table: TableResult) -> Cell:
    if table.rows is not None:
        return f"{table.rows:,}", ""
    if table.outcome is Status.NOT_YIELDED:
        return str(table.outcome), "dim"
    kept = {Kept.FILE: "a file", Kept.NOTHING: "no table"}
    return kept.get(Kept(table.kept), ""), "dim"


def _aligned(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    right = [title in _RIGHT for title in _TITLES]
    lines = (
        "  ".join(
            text.rjust(width) if at_right else text.ljust(width)
            for text, width, at_right in zip(row, widths, right, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def closing_line(result: BuildResult) -> str:
    """One sentence on the whole."""
    if not result.tables and result.package is None:
        return nothing_to_do(result.fresh, result.seconds)
    count = Counter(table.outcome for table in result.tables)
    states = sorted(count, key=lambda status: (not status.is_good, list(Status).index(status)))
    parts = [f"{count[status]} {status.counted}" for status in states]
    if result.fresh and not result.tables:
        parts.append(are_fresh(result.fresh))
    text = f"{', '.join(parts)} in {result.seconds:.1f} s"
    if not result.ok:
        return f"The build failed: {text}."
    if result.package_path:
        return f"{text}; the data package is in {os.path.relpath(result.package_path)}"
    return f"{text}."


def unpublished_line(result: BuildResult) -> str:
    """That a build of a selection does not publish; empty where there is nothing to say."""
    if not result.ok or not result.unpublished:
        return ""
    return "The data package is not published: it was not selected. To publish: data-package build"


def _running(tally: Tally) -> str:
    if not tally.queued:
        return some(tally.running, _NAMES_SHOWN)
    jobs = [f"{step} {state}" for step, state in tally.queued.items()]
    return f"{len(jobs)} jobs: {some(jobs, _NAMES_SHOWN)}"


def _checks(table: TableResult) -> Cell:
    if table.failed_checks:
        return f"{len(table.failed_checks)} failed", "red"
    if table.warnings:
        count = len(table.warnings)
        return ("1 warning" if count == 1 else f"{count} warnings"), "yellow"
    if table.checks_expected == 0:
        return "none", "dim"
    if table.checks_made < table.checks_expected:
        return "not run", "yellow"
    return "passed", "green"
