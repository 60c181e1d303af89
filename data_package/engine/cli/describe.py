"""`data-package describe`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.delimited import file_options, refuse_lost_files
from data_package.engine.cli.say import hand_out, say

if TYPE_CHECKING:
    from data_package.engine.describing import Draft
    from data_package.engine.project import Project
    from data_package.engine.schema import FileOptions
    from data_package.engine.tables.catalogue import Catalogue


@click.command("describe")
@click.argument(
    "what",
    metavar="TABLE|FILE…",
    nargs=-1,
    required=True,
    shell_complete=completing.tables_or_files,
)
@click.option("-w", "--write", is_flag=True, help="Write the contract where it belongs.")
@click.option(
    "--bounds", is_flag=True, help="Include minimum and maximum, which are values of rows."
)
@file_options
@click.option(
    "--codebook",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Titles, descriptions and labels, which replace all others: CSV, a descriptor or "
    "REDCap's dictionary.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the contracts and the notes as JSON.")
def command(
    what: tuple[str, ...],
    write: bool,
    bounds: bool,
    options: "FileOptions",
    codebook: Path | None,
    as_json: bool,
) -> None:
    """Infer contracts of built TABLES, raw files of the project or any FILES, and print them.

    Types, required and unique fields, small closed vocabularies and keys are inferred from the
    data; no value of a single row is written. Titles and descriptions come from the function's
    docstring, and from the contracts of raw files whose columns are copied; the rest is left for
    you. An existing contract keeps its comments and its order; only missing fields, titles,
    descriptions, categories with labels and foreign keys are added. Exits with 1, and reports why,
    if no contract can fit the data.

    Example: data-package describe subjects visits --write
    """
    refuse_lost_files(what)
    files = [name for name in what if Path(name).is_file()]
    if write and files:
        raise click.UsageError(
            f"--write goes with the name of a TABLE or a raw file: where should the contract of "
            f"{files[0]} be?"
        )
    from data_package.engine.describing import describe
    from data_package.engine.runs import progress
    from data_package.engine.schema.codebook import read_codebook
    from data_package.engine.schema.inference import SMALL_CELLS
    from data_package.engine.storage import write_source

    project = _project(only_files=len(files) == len(what))
    catalogue = _catalogue(project, what, options) if len(files) < len(what) else None
    drafts, refused = describe(
        what,
        catalogue,
        options,
        small_cells=project.packaging.small_cells if project else SMALL_CELLS,
        bounds=bounds,
        codebook=read_codebook(codebook) if codebook else None,
        working=progress.working,
    )
    if as_json:
        say(json.dumps([_facts(draft) for draft in drafts], indent=2, ensure_ascii=False))
    else:
        _print_drafts(drafts, project, write=write)
    if write:
        for draft in drafts:
            assert draft.place is not None
            write_source(draft.place, draft.text)
    for error in refused:
        say(str(error), err=True)
    if refused or any(draft.reports for draft in drafts):
        sys.exit(1)


def _project(*, only_files: bool) -> "Project | None":
    """The project; a file needs none, but the settings of an existing one apply."""
    from data_package.engine.errors import ProjectError
    from data_package.engine.project import find_project

    try:
        return find_project()
    except ProjectError:
        if only_files:
            return None
        raise


def _catalogue(
    project: "Project | None", what: tuple[str, ...], options: "FileOptions"
) -> "Catalogue":
    """The project's catalogue; options for reading files are refused for tables."""
    from data_package.engine.runs import progress
    from data_package.engine.tables.loading import open_project

    assert project is not None
    with progress.loading():
        catalogue, _ = open_project(project)
    tables = [name for name in what if name in catalogue.named and not Path(name).is_file()]
    if tables and options:
        raise click.UsageError(
            "--delimiter, --encoding, --header-row, --no-header, --comment, --skip and --dialect "
            f"go with a file; {tables[0]} is a table."
        )
    return catalogue


def _print_drafts(drafts: "list[Draft]", project: "Project | None", *, write: bool) -> None:
    for at, draft in enumerate(drafts):
        for note in draft.notes:
            say(note, err=True)
        for report in draft.reports:
            say(report.render(), err=True)
        if write:
            place = project.relative(draft.place) if project and draft.place else draft.place
            say(f"Written: {place}. What is left to write: data-package todo")
            continue
        if len(drafts) > 1:
            say("---" if at else "", nl=bool(at))
            say(f"# {draft.place or draft.name}")
        hand_out(draft.text)


def _facts(draft: "Draft") -> dict[str, object]:
    return {
        "name": draft.name,
        "path": str(draft.place) if draft.place is not None else None,
        "contract": draft.descriptor,
        "notes": list(draft.notes),
        "reports": [report.to_dict() for report in draft.reports],
    }
