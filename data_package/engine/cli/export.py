"""`data-package export`."""

import json
import os
from pathlib import Path

import click

from data_package.engine.cli.say import say
from data_package.engine.export.formats import ExportFormat


@click.command("export")
@click.option(
    "--to",
    "form",
    type=click.Choice([str(each) for each in ExportFormat]),
    required=True,
    help=f"What to make: {', '.join(each.traits.brief for each in ExportFormat)}.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="The target; storage/exports by default."
)
@click.option("--force", is_flag=True, help="Replace what is at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.argument("source", required=False)
def command(form: str, out: Path | None, force: bool, as_json: bool, source: str | None) -> None:
    """Export the tables of the data package to databases, workbooks or files.

    SOURCE is a folder, a zip file or the version of a release; by default it is the package that
    was built last. Primary and foreign keys, required fields, bounds and categories are declared
    where the format supports them, and titles and descriptions are included. Only you can read
    the file.

    Example: data-package export --to xlsx
    """
    from data_package.engine.export import export
    from data_package.engine.runs import progress

    with progress.working("exporting") as report:
        made = export(form, out, source, replace=force, report=report)
    if as_json:
        say(json.dumps(made.to_dict(), indent=2, ensure_ascii=False))
        return
    for note in made.notes:
        say(note)
    rows = sum(made.tables.values())
    say(f"{len(made.tables)} tables, {rows:,} rows: {os.path.relpath(made.path)}")
