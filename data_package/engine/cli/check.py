"""`data-package check`."""

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.delimited import dialect_of, dialect_option, refuse_lost_files
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.runs.checking import Checked


@click.command("check")
@click.argument(
    "what", nargs=-1, metavar="[TABLE…|FILE]", shell_complete=completing.tables_or_files
)
@click.option(
    "--schema",
    "contract",
    type=click.Path(path_type=Path),
    help="Check one delivered FILE against this contract.",
)
@click.option("--delimiter", help="The delimiter of a delivered file; a comma by default.")
@click.option("--encoding", help="The encoding of a delivered file; UTF-8 by default.")
@dialect_option
@click.option("--rows", is_flag=True, help="Show the offending rows, on this terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
def command(
    what: tuple[str, ...],
    contract: Path | None,
    delimiter: str | None,
    encoding: str | None,
    properties: tuple[str, ...],
    rows: bool,
    as_json: bool,
) -> None:
    """Check built tables, raw files or a delivered file against their contracts.

    Without TABLE, every table that has a contract is checked; a raw file that has one is checked
    by its name. Exits with 1 when anything is wrong.

    Example: data-package check delivery.csv --schema raw/persons.yaml
    """
    if rows and not sys.stdout.isatty():
        raise click.UsageError("--rows needs a terminal: values of rows are only shown there.")
    refuse_lost_files(what)
    if contract is not None:
        dialect = dialect_of(delimiter, properties)
        checked = [_delivered(what, contract, dialect, encoding)]
    elif files := [word for word in what if Path(word).suffix and Path(word).is_file()]:
        raise click.UsageError(
            f"{files[0]} is a file: name its contract with --schema. "
            f"`data-package describe {files[0]}` writes a first one."
        )
    elif delimiter or encoding or properties:
        raise click.UsageError("--delimiter, --encoding and --dialect go with --schema and a FILE.")
    else:
        checked = _built(what)
    if as_json:
        documents = [one.report.to_dict() for one in checked]
        say(json.dumps(documents, indent=2, ensure_ascii=False))
    for one in [] if as_json else checked:
        say(one.report.render())
        if rows and (offending := one.offending()).height:
            say(_as_text(offending))
    if not all(one.report.ok for one in checked):
        sys.exit(1)


def _delivered(
    what: tuple[str, ...],
    schema: Path,
    dialect: dict[str, object] | None,
    encoding: str | None,
) -> "Checked":
    from data_package.engine.runs.checking import Readers, check_delivered
    from data_package.engine.schema import load_contract

    if len(what) != 1:
        raise click.UsageError("--schema goes with exactly one FILE.")
    path = Path(what[0])
    if not path.is_file():
        raise click.UsageError(f"{path} is not a file.")
    contract = load_contract(schema)
    written = contract.descriptor.get("dialect")
    if dialect is not None and isinstance(written, dict):
        dialect = {**written, **dialect}
    readers = Readers(str(schema), options=True)
    return check_delivered(path, contract, path.name, readers, dialect, encoding)


def _built(what: tuple[str, ...]) -> "list[Checked]":
    from data_package.engine.project import find_project
    from data_package.engine.runs.checking import check_each

    return check_each(what, find_project())


def _as_text(rows: "pl.DataFrame") -> str:
    import polars as pl

    from data_package.engine.runs.checking import OFFENDING_SHOWN

    width = shutil.get_terminal_size().columns
    with pl.Config(
        tbl_rows=OFFENDING_SHOWN, tbl_cols=-1, fmt_str_lengths=60, tbl_width_chars=width
    ):
        return str(rows)
