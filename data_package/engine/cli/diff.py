"""`data-package diff`."""

import json
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.versions.rows import RowDifference

_ROWS_SHOWN = 20
_DESCRIPTOR = "datapackage.json"


@click.command("diff")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option(
    "--raw",
    "name",
    metavar="NAME",
    shell_complete=completing.raw_files,
    help="OLD and NEW are deliveries of this raw file; by default its last two.",
)
@click.option("--rows", is_flag=True, help="Show rows that differ, on this terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option("--markdown", is_flag=True, help="Print the report as Markdown.")
def command(
    old: str | None,
    new: str | None,
    name: str | None,
    rows: bool,
    as_json: bool,
    markdown: bool,
) -> None:
    """Show how two versions of the data package differ: the descriptor and the rows.

    OLD and NEW are each a folder, a zip file or the version of a release. By default the last
    release is compared with the package that was built last. Rows are matched by the primary key
    and counted; no value is shown without --rows. Two files of a raw file are compared in the same
    way, as their contract reads them.

    Example: data-package diff 1.0.0
    """
    if rows and not sys.stdout.isatty():
        raise click.UsageError("--rows needs a terminal: values of rows are only shown there.")
    if as_json and (markdown or rows):
        raise click.UsageError("--json goes with neither --markdown nor --rows.")
    if name is not None or _are_deliveries(old, new):
        if markdown:
            raise click.UsageError("--markdown is for two versions of the data package.")
        _deliveries(name, old, new, rows=rows, as_json=as_json)
        return
    from data_package.engine.runs import progress
    from data_package.engine.versions import diff
    from data_package.engine.versions.difference import markdown_of, text_of

    with progress.working("comparing") as report:
        found = diff(old, new, rows=_ROWS_SHOWN if rows else 0, report=report)
    if as_json:
        say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
        return
    say(markdown_of(found) if markdown else text_of(found), nl=not markdown)
    tables = {table.name: table.rows for table in found.tables if table.rows}
    for line in _rows(tables) if rows else ():
        say(line)


def _are_deliveries(old: str | None, new: str | None) -> bool:
    """Whether two files are named, and none of them is a data package."""
    if old is None or new is None or not (Path(old).is_file() and Path(new).is_file()):
        return False
    return not any(map(_is_package, (old, new)))


def _is_package(path: str) -> bool:
    """Whether a file is a descriptor, or a zip file with one; workbooks are zip files, too."""
    if Path(path).name == _DESCRIPTOR:
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return any(Path(name).name == _DESCRIPTOR for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return zipfile.is_zipfile(path)


def _deliveries(
    name: str | None, old: str | None, new: str | None, *, rows: bool, as_json: bool
) -> None:
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.tables.loading import open_project
    from data_package.engine.versions.deliveries import diff_deliveries, raw_file_of

    named = [Path(each) for each in (old, new) if each is not None]
    if missing := [path for path in named if not path.is_file()]:
        raise click.UsageError(f"There is no file {missing[0]}.")
    with progress.loading():
        catalogue, _ = open_project(find_project())
    deliveries = catalogue.deliveries
    with progress.working("comparing") as report:
        found = diff_deliveries(
            catalogue.delivered,
            deliveries,
            name or raw_file_of(deliveries, named),
            *named,
            rows=_ROWS_SHOWN if rows else 0,
            report=report,
        )
    if as_json:
        say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
        return
    say(found.render())
    for line in _rows({found.name: found.rows}) if rows else ():
        say(line)


def _rows(differences: "Mapping[str, RowDifference]") -> Iterator[str]:
    import polars as pl

    width = shutil.get_terminal_size().columns
    with pl.Config(
        tbl_rows=3 * _ROWS_SHOWN,
        tbl_cols=-1,
        fmt_str_lengths=60,
        tbl_width_chars=width,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
    ):
        for table, difference in differences.items():
            for kind, frame in difference.shown.items():
                names = {name: name.removeprefix("\0") for name in frame.columns}
                if len(set(names.values())) < len(names):
                    names = {name: name.replace("\0", "the ") for name in names}
                yield f"\n{table}, rows {kind}, the first {frame.height}:"
                yield str(frame.rename(names))
