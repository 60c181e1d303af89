"""`data-package diff`."""

import json
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.versions import Difference

_ROWS_SHOWN = 20


@click.command("diff")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--rows", is_flag=True, help="Show rows that differ, on this terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option("--markdown", is_flag=True, help="Print the report as Markdown.")
def command(old: str | None, new: str | None, rows: bool, as_json: bool, markdown: bool) -> None:
    """Show how two versions of the data package differ: the descriptor and the rows.

    OLD and NEW are each a folder, a zip file or the version of a release. By default the last
    release is compared with the package that was built last. Rows are matched by the primary key
    and counted; no value is shown without --rows.

    Example: data-package diff 1.0.0
    """
    if rows and not sys.stdout.isatty():
        raise click.UsageError("--rows needs a terminal: values of rows are only shown there.")
    if as_json and (markdown or rows):
        raise click.UsageError("--json goes with neither --markdown nor --rows.")
    from data_package.engine.runs import progress
    from data_package.engine.versions import diff
    from data_package.engine.versions.report import markdown_of, text_of

    with progress.working("comparing") as report:
        found = diff(old, new, rows=_ROWS_SHOWN if rows else 0, report=report)
    if as_json:
        say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
        return
    say(markdown_of(found) if markdown else text_of(found), nl=not markdown)
    for line in _rows(found) if rows else ():
        say(line)


def _rows(difference: "Difference") -> Iterator[str]:
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
        for table in difference.tables:
            for kind, frame in (table.rows.shown if table.rows else {}).items():
                names = {name: name.removeprefix("\0") for name in frame.columns}
                if len(set(names.values())) < len(names):
                    names = {name: name.replace("\0", "the ") for name in names}
                yield f"\n{table.name}, rows {kind}, the first {frame.height}:"
                yield str(frame.rename(names))
