"""`data-package new`, and what `add` shares with it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.delimited import file_options
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.scaffold import WrittenFiles
    from data_package.engine.schema import FileOptions

_FILES = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("new")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("more", nargs=-1, type=_FILES, metavar="[FILE]...")
@click.option(
    *("--from", "deliveries"),
    type=_FILES,
    multiple=True,
    metavar="FILE...",
    help="Delivered files to make tables from, one or more.",
)
@click.option(
    "--codebook",
    type=_FILES,
    help="Titles, descriptions and labels of fields: CSV, a descriptor or REDCap's dictionary.",
)
@file_options
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(
    folder: Path,
    more: tuple[Path, ...],
    deliveries: tuple[Path, ...],
    codebook: Path | None,
    options: "FileOptions",
    as_json: bool,
) -> None:
    """Make a project in FOLDER that can be built at once, with a table for each delivered file.

    Each file gets a contract for reading it, a final table with its columns, that table's contract
    and a test. Deliveries from outside the folder are copied into it. Existing files are kept.
    The options for how files are written apply to all of them; `add` takes those that differ.

    Example: data-package new my-trial --from deliveries/*.csv
    """
    from data_package.engine.cli.schema import json_schema
    from data_package.engine.runs import progress
    from data_package.engine.scaffold import new_project

    with progress.working("reading the deliveries"):
        schemas = {what: json_schema(what) for what in ("contract", "datapackage")}
        written = new_project(
            folder,
            [*deliveries, *more],
            codebook=codebook,
            options=options,
            schemas=schemas,
        )
    report(written, as_json=as_json)
    if not as_json:
        go = "" if folder.resolve() == Path.cwd() else f"  cd {click.format_filename(folder)}\n"
        say(f"\nNext:\n{go}  data-package build")


def report(written: "WrittenFiles", *, as_json: bool) -> None:
    """Print what was written, and what is left to decide."""
    if as_json:
        say(json.dumps(written.to_dict(), indent=2, ensure_ascii=False))
        return
    for name in written.copied:
        say(f"copied   {name}")
    for name in written.files:
        say(f"written  {name}")
    for name in written.kept:
        say(f"kept     {name}")
    for draft in written.drafts:
        key = f"key {', '.join(draft.key)}" if draft.key else "no key found"
        say(f"{draft.name}: {draft.rows:,} rows, {len(draft.columns)} columns, {key}")
        for link in draft.links:
            orphans = f", {link.orphans} of {link.values} values not there" if link.orphans else ""
            say(f"  {link.field} refers to {link.table}.{link.key}{orphans}")
    for note in written.notes:
        say(f"note: {note}", err=True)
