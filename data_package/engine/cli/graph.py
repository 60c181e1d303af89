"""`data-package graph`, and what `status --graph` shares with it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.say import hand_out, say
from data_package.engine.places import GraphFormat

if TYPE_CHECKING:
    from data_package.engine.graph.nodes import Graph
    from data_package.engine.project import Project


@click.command("graph")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in GraphFormat]),
    help="html by default, or from the ending of the file.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where to write it; - for standard output. By default storage/graph.FORMAT, and "
    "standard output for mermaid and dot.",
)
@click.option(
    "--fold/--open",
    default=None,
    help="Draw each group as one, or every table. By default groups are folded from 120 tables on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(form: str | None, output: Path | None, fold: bool | None, as_json: bool) -> None:
    """Draw raw files and tables, their dependencies and their states.

    The html page is one file: zoom, fold groups, search, click a table to see its contract,
    fingerprint, inputs and last run. It is opened if there is a display.

    Example: data-package graph --format svg
    """
    from data_package.engine.graph.project_graph import graph_of
    from data_package.engine.graph.write import TEXTS, content_of, default_path, format_of, write
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.staleness.lock import read_lock
    from data_package.engine.staleness.status import status_of
    from data_package.engine.tables.loading import open_project

    if form is None and output is not None:
        form = format_of(output)
        if form is None and output.suffix:
            raise click.UsageError(f"No format has the ending {output.suffix}: add --format.")
    form = form or "html"
    project = find_project()
    lock = read_lock(project)
    with progress.loading():
        catalogue, _ = open_project(project)
        status = status_of(catalogue, lock)
        graph = graph_of(catalogue, status, lock, with_runs=as_json or form == "html")
    if as_json:
        say(json.dumps(graph.to_dict(), indent=2, ensure_ascii=False))
        return
    content = content_of(graph, form, title=_title(project), fold=fold)
    if str(output) == "-" or (output is None and form in TEXTS):
        _print(content)
        return
    path = output or default_path(form, project)
    write(content, path)
    _print_place(path, is_page=form == "html" and output is None)


def write_page(graph: "Graph", project: "Project") -> None:
    """Write the page to its default place, and show it."""
    from data_package.engine.graph.write import content_of, default_path, write

    path = default_path("html", project)
    write(content_of(graph, "html", title=_title(project)), path)
    _print_place(path, is_page=True)


def _title(project: "Project") -> str:
    from data_package.engine.errors import ProjectError
    from data_package.engine.package.metadata import read_metadata

    try:
        title = read_metadata(project).get("title")
    except ProjectError:
        title = None
    return title if isinstance(title, str) and title.strip() else project.package


def _print(content: str | bytes) -> None:
    if isinstance(content, bytes):
        if sys.stdout.isatty():
            raise click.UsageError(
                "A PNG is not text: name a file with -o, or redirect the output."
            )
        sys.stdout.buffer.write(content)
    else:
        hand_out(content)


def _print_place(path: Path, *, is_page: bool) -> None:
    from data_package.engine.graph.write import show

    shown = is_page and sys.stderr.isatty() and show(path)
    say(f"{path} is open in your browser." if shown else path, err=shown)
