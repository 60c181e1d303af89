"""`data-package check`."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.delimited import dialect_of, dialect_option
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema import Contract, Report
    from data_package.engine.schema.contract import Descriptor
    from data_package.engine.tables.catalogue import Catalogue

_ROWS_SHOWN = 20


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
@click.option("--delimiter", help="How a delivered file separates its cells; , by default.")
@click.option("--encoding", help="How a delivered file encodes its text; UTF-8 by default.")
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
    if contract is not None:
        judged = _delivered(what, contract, dialect_of(delimiter, properties), encoding)
    elif files := [word for word in what if Path(word).suffix and Path(word).is_file()]:
        raise click.UsageError(
            f"{files[0]} is a file: name its contract with --schema. "
            f"`data-package describe {files[0]}` writes a first one."
        )
    elif delimiter or encoding or properties:
        raise click.UsageError("--delimiter, --encoding and --dialect go with --schema and a FILE.")
    else:
        judged = _built(what)
    if as_json:
        documents = [report.to_dict() for report, _ in judged]
        say(json.dumps(documents, indent=2, ensure_ascii=False))
    for report, show in [] if as_json else judged:
        say(report.render())
        if rows and not report.ok:
            say(_as_text(show()))
    if not all(report.ok for report, _ in judged):
        sys.exit(1)


JudgedOne = tuple["Report", Callable[[], "pl.DataFrame"]]
Judged = list[JudgedOne]


def _delivered(
    what: tuple[str, ...],
    schema: Path,
    dialect: "Descriptor | None",
    encoding: str | None,
) -> Judged:
    from data_package.engine.schema import load_contract

    if len(what) != 1:
        raise click.UsageError("--schema goes with exactly one FILE.")
    path = Path(what[0])
    if not path.is_file():
        raise click.UsageError(f"There is no file {path}.")
    contract = load_contract(schema)
    written = contract.descriptor.get("dialect")
    if dialect is not None and isinstance(written, dict):
        dialect = {**written, **dialect}
    readers = _Readers(str(schema), options=True)
    return [_of_file(path, contract, path.name, readers, dialect, encoding)]


@dataclass(frozen=True)
class _Readers:
    """For whom a report is written: where the contract is, and whether options can be given."""

    place: str
    options: bool


def _of_file(
    path: Path,
    contract: "Contract",
    name: str,
    readers: _Readers,
    dialect: "Descriptor | None" = None,
    encoding: str | None = None,
) -> JudgedOne:
    """One file against a contract, under the name for messages."""
    from data_package.engine.runs import progress
    from data_package.engine.schema import (
        CheckError,
        check_file,
        offending_rows,
    )

    with progress.working(f"checking {path.name}"):
        try:
            found = check_file(path, contract, dialect=dialect, encoding=encoding)
        except CheckError as error:
            raise error.told(readers.place, options=readers.options) from None
        report = found.named(name, place=readers.place, options=readers.options)
    return report, lambda: offending_rows(
        path, report, contract=contract, dialect=dialect, encoding=encoding, limit=_ROWS_SHOWN
    )


def _built(names: tuple[str, ...]) -> Judged:
    import dagster as dg
    import polars as pl

    from data_package.engine.errors import BuildError
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.schema import Report, offending_rows
    from data_package.engine.staleness.plan import select_tables
    from data_package.engine.staleness.survey import in_order
    from data_package.engine.tables.loading import open_project

    with progress.loading():
        catalogue, job = open_project(find_project())
    files = [name for name in names if name in catalogue.deliveries.files]
    others = [name for name in names if name not in files]
    chosen = select_tables(others, job) if others or not files else set()
    tables = [table for table in in_order(catalogue) if table.key in chosen]
    without = [t.name for t in tables if names and not catalogue.checks_of(t)]
    without += [name for name in files if name not in catalogue.delivered.contracts]
    if without:
        raise click.UsageError(
            f"'{without[0]}' has no contract. `data-package describe "
            f"{without[0]} --write` makes a first one."
        )
    _refuse_missing(files, catalogue)
    judged = [one for name in files for one in _raw(name, catalogue)]
    for table in tables:
        for item in catalogue.checks_of(table):
            with progress.working(f"checking {table.name}"):
                try:
                    report = catalogue.verdicts.of(item)
                except dg.Failure as failure:
                    raise BuildError(failure.description) from None

            def show(report: Report = report, path: Path = table.path) -> pl.DataFrame:
                scan = pl.scan_parquet(path, glob=False)
                return offending_rows(scan, report, limit=_ROWS_SHOWN)

            judged.append((report, show))
    catalogue.hashes.save()
    return judged


def _refuse_missing(names: list[str], catalogue: "Catalogue") -> None:
    """Raise one ProjectError for all raw files that are not there."""
    from data_package.engine.errors import ProjectError
    from data_package.engine.sources.files import all_of

    faults = []
    for name in names:
        try:
            catalogue.deliveries.paths(name)
        except ProjectError as fault:
            faults.append(fault)
    if faults:
        raise all_of(faults)


def _raw(name: str, catalogue: "Catalogue") -> Judged:
    """A raw file against its own contract, a report for each of its files."""
    from data_package.engine.runs import progress

    delivered = catalogue.delivered
    readers = _Readers(delivered.place(name), options=False)
    paths = catalogue.deliveries.hand_out(name)
    judged = [
        _of_file(path, delivered.contracts[name], delivered.label(name, path), readers)
        for path in paths
    ]
    if len(judged) == 1:
        return judged
    with progress.working(f"checking the keys of {name}"):
        outcomes = delivered.examine(name, paths)
    return [(one.report, show) for one, (_, show) in zip(outcomes, judged, strict=True)]


def _as_text(rows: "pl.DataFrame") -> str:
    import polars as pl

    width = shutil.get_terminal_size().columns
    with pl.Config(tbl_rows=_ROWS_SHOWN, tbl_cols=-1, fmt_str_lengths=60, tbl_width_chars=width):
        return str(rows)
