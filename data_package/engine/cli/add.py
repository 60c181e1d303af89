"""`data-package add`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.delimited import file_options
from data_package.engine.cli.new import report

if TYPE_CHECKING:
    from data_package.engine.schema import FileOptions


@click.command("add")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--codebook",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Titles, descriptions and labels of fields: CSV, a descriptor or REDCap's dictionary.",
)
@file_options
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(
    files: tuple[Path, ...], codebook: Path | None, options: "FileOptions", as_json: bool
) -> None:
    """Add a table for each delivered FILE to the project, as `new` does.

    Example: data-package add deliveries/visits.csv
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.scaffold import add_files

    project = find_project()
    with progress.working("reading the deliveries"):
        written = add_files(project, files, codebook=codebook, options=options)
    report(written, as_json=as_json)
