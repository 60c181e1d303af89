"""Built tables and raw files against their contracts, when somebody asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data_package.engine.errors import ProjectError
from data_package.engine.notebook import Parts
from data_package.engine.project import Project, find_project
from data_package.engine.runs import progress
from data_package.engine.schema import (
    CheckError,
    Contract,
    Report,
    check_file,
    offending_rows,
    unchecked,
)
from data_package.engine.schema.contract import Descriptor
from data_package.engine.sources.delivered import no_contract
from data_package.engine.sources.files import all_of
from data_package.engine.staleness.plan import select_tables
from data_package.engine.staleness.survey import in_order
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.checks import NotBuilt, TableCheck
from data_package.engine.tables.loading import open_project

OFFENDING_SHOWN = 20


@dataclass(frozen=True, repr=False)
class Checks(Parts[Report]):
    """The reports of some tables and files, which hold no values. They are true when all is well.

    Attributes:
        reports: one for each table, and for each file of a raw file.
    """

    reports: tuple[Report, ...]

    @property
    def ok(self) -> bool:
        """Whether all was checked, and nothing is wrong."""
        return all(report.ok for report in self.reports)

    @property
    def parts(self) -> Sequence[Report]:
        """The reports."""
        return self.reports

    def __bool__(self) -> bool:
        """Whether all was checked, and nothing is wrong."""
        return self.ok

    def __str__(self) -> str:
        """The reports as text."""
        return "\n".join(report.render() for report in self.reports)

    def _repr_html_(self) -> str:
        """The reports one after another, for notebooks."""
        return "".join(report._repr_html_() for report in self.reports)


@dataclass(frozen=True)
class Checked:
    """A report, and how to get the first rows that it is about."""

    report: Report
    offending: Callable[[], pl.DataFrame]


@dataclass(frozen=True)
class Readers:
    """For whom a report is written: where the contract is, and whether options can be given."""

    place: str
    options: bool


def check(*what: str, project: Path | None = None) -> Checks:
    """Check built tables and raw files against their contracts; a notebook shows the reports.

    >>> check("subjects").ok                   # doctest: +SKIP
    True

    Args:
        what: names of raw files, and tables in Dagster's asset selection syntax; by default every
            table that has a contract. A table that has not been built is reported, and is not ok.
        project: a folder of the project; by default the working directory.

    Raises:
        ProjectError: there is no such table or file, or it has no contract.
        BuildError: a file cannot be read.
    """
    return Checks(tuple(one.report for one in check_each(what, find_project(project))))


def check_each(what: Sequence[str], project: Project) -> list[Checked]:
    """As `check`, with the rows that break the contracts. Raises what `check` raises."""
    with progress.loading():
        catalogue, job = open_project(project)
    files = [name for name in what if name in catalogue.deliveries.files]
    others = [name for name in what if name not in files]
    chosen = select_tables(others, job) if others or not files else set()
    tables = [table for table in in_order(catalogue) if table.key in chosen]
    without = [table.name for table in tables if what and not catalogue.checks_of(table)]
    without += [name for name in files if name not in catalogue.delivered.contracts]
    if without:
        raise ProjectError(no_contract(without[0]))
    _refuse_missing(files, catalogue)
    found = [one for name in files for one in _raw_file(name, catalogue)]
    found += [_table(item, catalogue) for table in tables for item in catalogue.checks_of(table)]
    catalogue.hashes.save()
    return found


def check_delivered(
    path: Path,
    contract: Contract,
    name: str,
    readers: Readers,
    dialect: Descriptor | None = None,
    encoding: str | None = None,
) -> Checked:
    """Check one file against a contract, under the name for messages."""
    with progress.working(f"checking {path.name}"):
        try:
            found = check_file(path, contract, dialect=dialect, encoding=encoding)
        except CheckError as error:
            raise error.worded(readers.place, options=readers.options) from None
        report = found.named(name, place=readers.place, options=readers.options)
    return Checked(
        report,
        lambda: offending_rows(
            path,
            report,
            contract=contract,
            dialect=dialect,
            encoding=encoding,
            limit=OFFENDING_SHOWN,
        ),
    )


def _table(item: TableCheck, catalogue: Catalogue) -> Checked:
    table = item.table
    with progress.working(f"checking {table.name}"):
        try:
            report = catalogue.verdicts.of(item)
        except NotBuilt as fault:
            why = f"'{fault.needed}' has not been built"
            return Checked(unchecked(table.name, why), pl.DataFrame)
    return Checked(report, lambda: offending_rows(table.scan(), report, limit=OFFENDING_SHOWN))


def _raw_file(name: str, catalogue: Catalogue) -> list[Checked]:
    """A raw file against its own contract, a report for each of its files."""
    delivered = catalogue.delivered
    readers = Readers(delivered.place(name), options=False)
    paths = delivered.in_order(name, catalogue.deliveries.hand_out(name))
    each = [
        check_delivered(path, delivered.contracts[name], delivered.label(name, path), readers)
        for path in paths
    ]
    if len(each) == 1 and not delivered.files[name].newest_per:
        return each
    with progress.working(f"checking the keys of {name}"):
        outcomes = delivered.examine(name, paths)
    return [
        Checked(outcome.report, one.offending) for outcome, one in zip(outcomes, each, strict=True)
    ]


def _refuse_missing(names: Sequence[str], catalogue: Catalogue) -> None:
    """Raise one ProjectError for all raw files that are not there."""
    faults = []
    for name in names:
        try:
            catalogue.deliveries.paths(name)
        except ProjectError as fault:
            faults.append(fault)
    if faults:
        raise all_of(faults)
