"""What a build shows on a terminal: what runs, what is done, what is left; then one table.

In a pipe nothing moves: only the table, in plain text.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table as Grid
from rich.text import Text

from data_package.engine.build.memo import nothing_to_do
from data_package.engine.build.result import BuildResult, Status, TableResult, Tally

_NAMES_SHOWN = 3
_PLAIN_WIDTH = 200
_TOLD = {
    Status.BUILT: "built",
    Status.FRESH: "not needed after all (their inputs came out as they were)",
    Status.CHECKED: "checked again",
    Status.FAILED: "failed",
    Status.NOT_BUILT: "not built",
}
_MARKS = {
    Status.BUILT: ("✓", "green"),
    Status.FAILED: ("✗", "red"),
    Status.NOT_BUILT: ("–", "yellow"),
    Status.FRESH: ("=", "dim"),
    Status.CHECKED: ("✓", "green"),
}


def console(*, stderr: bool = False) -> Console:
    """The terminal; a pipe gets lines that are never wrapped."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, width=_PLAIN_WIDTH, highlight=False)


def loading(terminal: Console) -> AbstractContextManager[Callable[[str], None]]:
    """Say that the project is being loaded, while it is."""
    return working(terminal, "loading the project")


@contextmanager
def working(terminal: Console, on: str) -> Iterator[Callable[[str], None]]:
    """Say on a terminal what is being worked on, while it is; gives what to call on a change."""
    if not terminal.is_terminal:
        yield lambda _: None
        return
    with terminal.status(on) as status:
        yield status.update


@contextmanager
def live(tally: Tally, terminal: Console) -> Iterator[Callable[[], None]]:
    """A line that follows the build; gives what to call on each change."""
    if not terminal.is_terminal:
        yield lambda: None
        return
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


def summary(result: BuildResult) -> Grid:
    """The table that ends a build."""
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    grid.add_column("")
    for title in ("table", "group"):
        grid.add_column(title, no_wrap=True)
    for title in ("rows", "columns", "size", "seconds", "peak memory"):
        grid.add_column(title, justify="right", no_wrap=True)
    grid.add_column("checks")
    for table in result.tables:
        mark, colour = _MARKS.get(table.status, ("?", "red"))
        if table.failed_checks:
            mark, colour = _MARKS[Status.FAILED]
        grid.add_row(
            Text(mark, style=colour),
            table.name,
            Text(table.group, style="dim"),
            "" if table.rows is None else f"{table.rows:,}",
            "" if table.columns is None else f"{table.columns:,}",
            size(table.size_bytes),
            "" if table.seconds is None else f"{table.seconds:.2f}",
            size(table.peak_memory_bytes),
            _checks(table),
        )
    return grid


def closing_line(result: BuildResult) -> str:
    """One sentence on the whole."""
    if not result.tables and result.package is None:
        return nothing_to_do(result.fresh, result.seconds)
    count = Counter(table.status for table in result.tables)
    told = [f"{count[status]} {words}" for status, words in _TOLD.items() if count[status]]
    if result.fresh and not result.tables:
        told.append(f"{result.fresh} tables are fresh")
    text = f"{', '.join(told)} in {result.seconds:.1f} s"
    if result.package_path:
        return f"{text}; the data package is in {os.path.relpath(result.package_path)}"
    return f"{text}."


def size(count: int | None) -> str:
    """`1.4 MB`, in powers of a thousand; empty where nothing is known."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


def _running(tally: Tally) -> str:
    names = tally.running
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _checks(table: TableResult) -> Text:
    if table.failed_checks:
        return Text(f"{len(table.failed_checks)} failed", style="red")
    if table.checks_planned == 0:
        return Text("none", style="dim")
    if len(table.checks) < table.checks_planned:
        return Text("not run", style="yellow")
    return Text("passed", style="green")
