"""`data-package status`."""

import json
import sys

import click

_COLOURS = {"fresh": "green", "failed": "red", "stale": "yellow", "missing": "yellow"}


@click.command("status")
@click.option("--check", is_flag=True, help="Exit with 1 when anything is not fresh.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option("--graph", is_flag=True, help="Draw it as a page, and open that; see graph.")
def command(check: bool, as_json: bool, graph: bool) -> None:
    """Say how every table stands, and why in a few words; run nothing.

    Example: data-package status --check
    """
    from rich.table import Table as Grid
    from rich.text import Text

    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.staleness.lock import lacks, read_lock
    from data_package.engine.staleness.status import status_of
    from data_package.engine.tables.loading import open_project

    project = find_project()
    lock = read_lock(project)
    with progress.loading():
        catalogue, _ = open_project(project)
        status = status_of(catalogue, lock)
    if graph:
        from data_package.engine.cli.graph import write_page
        from data_package.engine.graph.facts import graph_of

        write_page(graph_of(catalogue, status, lock, with_runs=True), project)
    elif as_json:
        click.echo(json.dumps(status.to_dict(), indent=2, ensure_ascii=False))
    else:
        grid = Grid(box=None, pad_edge=False, header_style="bold")
        for title in ("table", "group", "state", "contract", "why"):
            grid.add_column(title, no_wrap=title != "why")
        for table in status.tables:
            state = table.state
            colour = _COLOURS.get(str(state.state), "yellow")
            grid.add_row(
                state.name,
                Text(state.group, style="dim"),
                Text(str(state.state), style=colour),
                Text(table.contract, style="red" if table.contract == "failed" else "dim"),
                table.reason,
            )
        out = progress.console()
        out.print(grid)
        fresh = sum(table.is_fresh for table in status.tables)
        package = status.package
        about = "" if package == "none" else f" The data package is {package}."
        out.print(f"\n{fresh} of {len(status.tables)} tables are fresh.{about}")
        if status.unwritten:
            out.print(f"{lacks(status.unwritten)} `data-package build` writes it.")
        for update in status.libraries:
            out.print(f"Library updated since tables were built: {update}")
    if check and not status.is_fresh:
        sys.exit(1)
