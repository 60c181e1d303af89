"""`data-package add`."""

from pathlib import Path

import click

from data_package.engine.cli.new import report


@click.command("add")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--codebook",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Titles, descriptions and labels of fields: CSV, a descriptor or REDCap's dictionary.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(files: tuple[Path, ...], codebook: Path | None, as_json: bool) -> None:
    """Add a table for each delivered FILE to the project, as `new` does.

    Example: data-package add deliveries/visits.csv
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.scaffold import add_files

    project = find_project()
    with progress.working("reading the deliveries"):
        written = add_files(project, files, codebook=codebook)
    report(written, as_json=as_json)
