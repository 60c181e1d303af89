"""`data-package fetch`."""

import json
import sys
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.fetching.fetch import Fetched


@click.command("fetch")
@click.argument("names", metavar="[NAME]…", nargs=-1, shell_complete=completing.snapshots)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Fetch snapshots from databases and REDCap; without NAME, all of them.

    This is the only verb that opens a connection for data. Each answer is kept as a Parquet file
    below storage/snapshots/, and snapshots.toml records which one is used: commit it. The next
    build uses the new rows. Exits with 1 if a snapshot could not be fetched; the previous one is
    then kept.

    Example: data-package fetch visits_file
    """
    from data_package.engine.fetching.fetch import Came, fetch, wanted
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.tables.loading import open_project

    project = find_project()
    with progress.loading():
        catalogue, _ = open_project(project)
    files = wanted(catalogue.deliveries.files, names)
    done = []
    for one in fetch(files, project, progress.working):
        done.append(one)
        if not as_json:
            say(_line(one), err=one.came is Came.FAILED)
            for note in one.notes:
                say(f"  {note}", err=True)
    if as_json:
        facts = {"snapshots": [one.to_dict() for one in done]}
        say(json.dumps(facts, indent=2, ensure_ascii=False))
    if any(one.came is Came.FAILED for one in done):
        sys.exit(1)


def _line(one: "Fetched") -> str:
    from data_package.engine.fetching.fetch import Came
    from data_package.engine.runs.memory import size

    if one.came is Came.FAILED:
        return f"{one.name} was not fetched. {one.error}"
    assert one.rows is not None
    assert one.size_bytes is not None
    rows = "1 row" if one.rows == 1 else f"{one.rows:,} rows"
    facts = f"{rows}, {size(one.size_bytes)}, {one.seconds:.1f} s"
    match one.came:
        case Came.NEW:
            return f"{one.name}: {facts}; fetched for the first time"
        case Came.UNCHANGED:
            return f"{one.name}: {facts}; the same content as before"
    return f"{one.name}: {facts}; changed, {one.rows_before:,} before"
