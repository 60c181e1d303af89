"""`data-package export`."""

import json
import os
from pathlib import Path

import click


@click.command("export")
@click.option(
    "--to",
    "form",
    type=click.Choice(["sqlite", "duckdb", "xlsx", "csv"]),
    required=True,
    help="A database, an Excel workbook, or a folder of CSV files.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Where to; storage/exports by default."
)
@click.option("--force", is_flag=True, help="Replace what is at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.argument("source", required=False)
def command(form: str, out: Path | None, force: bool, as_json: bool, source: str | None) -> None:
    """Put the tables of the data package into a database, a workbook or CSV files.

    SOURCE is a folder, a zip file or the version of a release; by default it is the package that
    was built last. Primary and foreign keys, required fields, bounds and categories are declared
    where the form has a place for them, and titles and descriptions go along. The file is readable
    by you alone.

    Example: data-package export --to xlsx
    """
    from data_package.engine.export import export
    from data_package.engine.runs import progress

    with progress.working("exporting") as report:
        made = export(form, out, source, replace=force, report=report)
    if as_json:
        click.echo(json.dumps(made.to_dict(), indent=2, ensure_ascii=False))
        return
    for note in made.notes:
        click.echo(note)
    rows = sum(made.tables.values())
    click.echo(f"{len(made.tables)} tables, {rows:,} rows: {os.path.relpath(made.path)}")
