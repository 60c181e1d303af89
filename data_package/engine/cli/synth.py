"""`data-package synth`."""

import json
import os
from pathlib import Path

import click

from data_package.engine.cli.say import say


@click.command("synth")
@click.option("--deliveries", is_flag=True, help="Make up raw files instead of a data package.")
@click.option(
    "--rows",
    type=click.IntRange(1, 1_000_000),
    default=50,
    show_default=True,
    help="Rows of each table or file.",
)
@click.option(
    *("--seed", "seed"),
    type=int,
    default=0,
    show_default=True,
    help="The same seed gives the same rows.",
)
@click.option(
    *("-o", "--out"),
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder; below storage/synthetic by default.",
)
@click.option("--force", is_flag=True, help="Replace a made-up data package at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(
    deliveries: bool, rows: int, seed: int, out: Path | None, force: bool, as_json: bool
) -> None:
    """Make up a data package, or deliveries, that satisfy the contracts.

    No row is read: the data come from the contracts and the seed alone, and are marked as made up.
    With --deliveries, each raw file that has a contract is written to its place below the folder,
    so that you can develop code where the data must not be. An existing delivery is never replaced.

    Example: data-package synth --rows 200
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.synthesis import made_up_deliveries, made_up_package
    from data_package.engine.tables.loading import open_project

    with progress.working("making up rows") as report:
        catalogue, _ = open_project(find_project())
        if deliveries:
            made = made_up_deliveries(catalogue, rows, seed, out, report=report)
        else:
            made = made_up_package(catalogue, rows, seed, out, force=force, report=report)
    if as_json:
        say(json.dumps(made.to_dict(), indent=2, ensure_ascii=False))
        return
    for note in made.notes:
        say(note)
    what = "files" if deliveries else "tables"
    say(f"{len(made.rows)} made-up {what}: {os.path.relpath(made.path)}")
