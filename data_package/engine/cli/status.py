"""`data-package status`."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from data_package.engine import garbage
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from rich.console import Console

    from data_package.engine.project import Project
    from data_package.engine.staleness.lock import Lock
    from data_package.engine.staleness.status import ProjectStatus, TableStatus

# With more tables than these that are not fresh, a line for each cause says more than one for each.
_LINE_EACH = 12


@click.command("status")
@click.argument("select", nargs=-1)
@click.option("--all", "every", is_flag=True, help="List the fresh tables, too.")
@click.option("--check", is_flag=True, help="Exit with 1 if anything is not fresh.")
@click.option(
    "--code",
    is_flag=True,
    help="Compare the lock file with code and contracts alone, without any data, as CI can. Exit "
    "with 1 if they do not match.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option("--graph", is_flag=True, help="Draw the graph as a page and open it; see `graph`.")
@click.option(
    "--since", metavar="REV", help="Summarise how the lock file differs from that of a commit."
)
def command(
    select: tuple[str, ...],
    every: bool,
    check: bool,
    code: bool,
    as_json: bool,
    graph: bool,
    since: str | None,
) -> None:
    """Show which tables are not fresh, and briefly why; run nothing.

    SELECT is as in `build`; without it, every table is examined. If many tables are not fresh,
    there is a line for each cause, with its consequences.

    Example: data-package status --check
    """
    garbage.put_off()
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.staleness.lock import read_lock
    from data_package.engine.staleness.plan import select_tables
    from data_package.engine.staleness.status import status_of
    from data_package.engine.tables.loading import open_project

    if code and (graph or since is not None):
        raise click.UsageError("--code goes with SELECT, --all and --json only.")
    project = find_project()
    if code:
        _of_code(select, project, every=every, as_json=as_json)
        return
    lock = read_lock(project)
    if since is not None:
        if select or every or check or graph:
            raise click.UsageError("--since goes with --json only: it examines no table.")
        _show_since(since, lock, project, as_json=as_json)
        return
    with progress.loading():
        catalogue, job = open_project(project)
        chosen = {key.to_user_string() for key in select_tables(select, job)}
        status = status_of(catalogue, lock, chosen if select else None)
    if graph:
        from data_package.engine.cli.graph import write_page
        from data_package.engine.graph.project_graph import graph_of

        write_page(graph_of(catalogue, status, lock, with_runs=True), project)
    elif as_json:
        say(json.dumps(status.to_dict(), indent=2, ensure_ascii=False))
    else:
        _show(status, progress.console(), every=every)
    if check and not status.is_fresh:
        sys.exit(1)


def _of_code(select: tuple[str, ...], project: "Project", *, every: bool, as_json: bool) -> None:
    from data_package.engine.places import LOCK
    from data_package.engine.runs import progress
    from data_package.engine.staleness.code_only import code_status
    from data_package.engine.staleness.plan import select_tables
    from data_package.engine.tables.loading import open_project

    with progress.loading():
        catalogue, job = open_project(project)
        chosen = {key.to_user_string() for key in select_tables(select, job)}
        status = code_status(catalogue, chosen if select else None)
    lines = [*map(str, status.roots)]
    lines += [f"{name} is in the lock file, and no longer in the project" for name in status.gone]
    lines += status.faults
    if every:
        lines += [f"{table.name} fits" for table in status.tables if table.is_fresh]
    if as_json:
        say(json.dumps(status.to_dict(), indent=2, ensure_ascii=False))
    elif status.fits:
        say("\n".join([*lines, f"{LOCK} fits the code of {len(status.tables)} tables."]))
    else:
        say("\n".join(lines))
        say(f"\n{LOCK} does not fit the code. Build, and commit it: data-package build")
    if not status.fits:
        sys.exit(1)


def _show_since(revision: str, lock: "Lock", project: "Project", *, as_json: bool) -> None:
    from data_package.engine.errors import shown
    from data_package.engine.staleness.committed import lock_at
    from data_package.engine.staleness.since import difference

    found = difference(lock_at(project, revision), lock)
    if as_json:
        say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    else:
        say(shown(found.describe(revision)))


def _show(status: "ProjectStatus", out: "Console", *, every: bool) -> None:
    from data_package.engine.staleness.lock import lacks

    stale = [table for table in status.tables if not table.is_fresh]
    noted = [table for table in status.tables if not table.is_fresh or table.reason]
    if not every and len(stale) > _LINE_EACH:
        say("\n".join(map(str, status.roots)) + "\n")
        noted = [table for table in noted if table.is_fresh]
    if shown := status.tables if every else noted:
        _list(shown, out)
        say()
    fresh = len(status.tables) - len(stale)
    counted = f"{fresh} of {len(status.tables)} tables are fresh." if status.tables else ""
    package = status.package.sentence if status.with_package else ""
    say(f"{counted} {package}".strip())
    if status.unwritten:
        say(f"{lacks(status.unwritten)} `data-package build` writes it.")
    if status.faults:
        say("\nA build stops before it runs anything:\n")
        say("\n\n".join(status.faults))
    for update in status.libraries:
        say(f"Library updated since tables were built: {update}")


def _list(tables: Sequence["TableStatus"], out: "Console") -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for title in ("table", "group", "state", "contract", "why"):
        grid.add_column(title, no_wrap=title != "why")
    for table in tables:
        state, contract = table.state, table.contract
        grid.add_row(
            Text(table.name),
            Text(table.by_lock.group, style="dim"),
            Text(str(state), style=state.colour),
            Text(str(contract), style=contract.colour),
            Text(table.reason),
        )
    out.print(grid)
