"""`data-package history`."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.say import say
from data_package.engine.errors import some

if TYPE_CHECKING:
    from rich.table import Table as Grid

    from data_package.engine.runs.history import RunLine, TableLine

_NAMES_SHOWN = 3
_COLOURS = {"success": "green", "failure": "red", "canceled": "yellow"}


@click.command("history")
@click.argument("table", required=False, shell_complete=completing.tables)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="How many to show, the newest first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(table: str | None, limit: int, as_json: bool) -> None:
    """Show the last runs, or the last builds of TABLE: date, duration and memory.

    Example: data-package history subjects
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.runs.history import materializations, runs

    project = find_project()
    lines: Sequence[RunLine] | Sequence[TableLine]
    with progress.loading():
        if table is None:
            lines = made = runs(project, limit)
            grid = _runs(made)
        else:
            lines = times = materializations(table, project, limit)
            grid = _times(times)
    if as_json:
        facts = [line.to_dict() for line in lines]
        say(json.dumps(facts, indent=2, ensure_ascii=False))
    elif lines:
        progress.console().print(grid)
    else:
        say("Nothing has been run yet." if table is None else f"{table} has no history.")


def _runs(lines: Sequence["RunLine"]) -> "Grid":
    from rich.text import Text

    # If all were started in the same way, that column is left out.
    differ = len({line.started_by for line in lines}) > 1
    words = ["when", *(["started by"] if differ else []), "status"]
    grid = _grid(words, ["seconds", "built"], ["failed", "published"])
    for line in lines:
        grid.add_row(
            _moment(line.when),
            *([line.started_by] if differ else []),
            Text(line.status, style=_COLOURS.get(line.status, "")),
            "" if line.seconds is None else f"{line.seconds:.1f}",
            str(len(line.built)),
            Text(some(line.failed, _NAMES_SHOWN), style="red"),
            "yes" if line.published else "",
        )
    return grid


def _times(lines: Sequence["TableLine"]) -> "Grid":
    from data_package.engine.runs.memory import size

    words = ["when", *(["partition"] if any(line.partition for line in lines) else [])]
    numbers = ["rows", "columns", "size", "seconds", "peak memory"]
    grid = _grid(words, numbers, ["content"])
    for line in lines:
        content = (line.data_version or "")[:8]
        grid.add_row(
            _moment(line.when),
            *([line.partition or ""] if len(words) > 1 else []),
            "" if line.rows is None else f"{line.rows:,}",
            "" if line.columns is None else f"{line.columns:,}",
            size(line.size_bytes),
            "" if line.seconds is None else f"{line.seconds:.2f}",
            size(line.peak_memory_bytes),
            f"{content} as before" if line.changed is False else content,
        )
    return grid


def _grid(words: Sequence[str], numbers: Sequence[str], more: Sequence[str]) -> "Grid":
    from rich.table import Table as Grid

    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for title in words:
        grid.add_column(title, no_wrap=True)
    for title in numbers:
        grid.add_column(title, justify="right", no_wrap=True)
    for title in more:
        grid.add_column(title)
    return grid


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M")
