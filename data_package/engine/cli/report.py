"""`data-package report`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.project import Project
    from data_package.engine.sender.report import SenderReport
    from data_package.engine.sources.files import RawFile
    from data_package.engine.tables.catalogue import Catalogue

_PAGE, _WORKBOOK = ".html", ".xlsx"


@click.command("report")
@click.argument("name", shell_complete=completing.raw_files)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the report here: a page (.html) or a workbook (.xlsx).",
)
@click.option("--values", is_flag=True, help="Include the wrong cells, and the keys of their rows.")
@click.option("--force", is_flag=True, help="Replace what is at --output.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(name: str, output: Path | None, values: bool, force: bool, as_json: bool) -> None:
    """Report what is wrong in a raw file, for its sender.

    For each file of NAME: its rows, the fields and rules that are broken, how often, and in which
    rows. Without --output the report is printed, with ten rows of each kind. Only you can read a
    written report, and it contains no cell without --values.

    Example: data-package report visits_files --output visits.xlsx
    """
    if output is not None and output.suffix not in (_PAGE, _WORKBOOK):
        raise click.UsageError(f"--output is a page or a workbook: name it {output.stem}{_PAGE}.")
    if values and output is None:
        raise click.UsageError("--values needs --output: cells go only into a file of yours.")
    from data_package.engine.errors import ProjectError
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.sender.report import report_of
    from data_package.engine.tables.loading import open_project

    project = find_project()
    with progress.loading():
        catalogue, _ = open_project(project)
    try:
        catalogue.delivered.require(name)
    except ProjectError as fault:
        raise click.UsageError(str(fault)) from None
    paths = catalogue.deliveries.paths(name)
    if output is not None:
        _look(output, project, catalogue, force=force)
    with progress.working(f"reading {name}") as working:
        made = report_of(catalogue.delivered, name, paths, values=values, progress=working)
        if output is not None:
            _write(made, output)
    if as_json:
        say(json.dumps(made.to_dict(), indent=2, ensure_ascii=False))
    elif output is None:
        say(made.render())
    else:
        say(f"{made.errors:,} error{'' if made.errors == 1 else 's'}: {output}")


def _look(output: Path, project: "Project", catalogue: "Catalogue", *, force: bool) -> None:
    """Raise UsageError where a report has no place."""
    from data_package.engine.storage import followed

    place = followed(output)
    for folder in (project.places.package, project.places.releases):
        if place.is_relative_to(folder.resolve()):
            raise click.UsageError(
                f"{output} is published with the data package. Name another place."
            )
    if not place.parent.is_dir():
        raise click.UsageError(f"There is no folder {place.parent} to write into.")
    if place.exists() and not force:
        raise click.UsageError(
            f"{output} exists already. Name another place, or replace it: --force."
        )
    files = catalogue.deliveries.files.values()
    if any(place in _places(file, project.root) for file in files):
        raise click.UsageError(f"{output} is a raw file, which is never changed.")


def _places(file: "RawFile", root: Path) -> list[Path]:
    from data_package.engine.errors import ProjectError

    try:
        return [path.resolve() for path in file.resolve(root)]
    except ProjectError:
        return []


def _write(report: "SenderReport", output: Path) -> None:
    from data_package.engine.storage import replacing

    with replacing(output.absolute()) as temporary:
        if output.suffix == _PAGE:
            from data_package.engine.sender.page import page_of

            temporary.write_text(page_of(report), encoding="utf-8")
        else:
            _workbook(report, temporary)


def _workbook(report: "SenderReport", path: Path) -> None:
    from data_package.engine.errors import ProjectError

    try:
        from data_package.engine.sender.workbook import write_workbook
    except ImportError:
        raise ProjectError(
            "A workbook needs a library that is not installed.\n"
            "Install it: pip install 'data-package[xlsx]', or name a page: --output NAME.html"
        ) from None
    write_workbook(report, path)
