"""Built tables and raw files against their contracts, for notebooks and scripts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.project import find_project
from data_package.engine.schema import Report
from data_package.engine.staleness.plan import select_tables
from data_package.engine.staleness.survey import in_order
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.loading import open_project


@dataclass(frozen=True)
class Checks:
    """The reports of some tables and files, which hold no values.

    Attributes:
        reports: one for each table, and for each file of a raw file.
    """

    reports: tuple[Report, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(report.ok for report in self.reports)

    def __iter__(self) -> Iterator[Report]:
        """The reports."""
        return iter(self.reports)

    def __str__(self) -> str:
        """The reports as text."""
        return "\n".join(report.render() for report in self.reports)

    def _repr_html_(self) -> str:
        """The reports one after another, for notebooks."""
        return "".join(report._repr_html_() for report in self.reports)


def check(*what: str, project: Path | None = None) -> Checks:
    """Check built tables and raw files against their contracts.

    >>> check("subjects").ok                   # doctest: +SKIP
    True

    Args:
        what: names of raw files, and tables in Dagster's asset selection syntax; every table that
            has a contract by default.
        project: a folder of the project; by default the working directory.

    Raises:
        ProjectError: there is no such table or file, or it has no contract.
        BuildError: a table or a file cannot be read.
    """
    catalogue, job = open_project(find_project(project))
    files = [name for name in what if name in catalogue.deliveries.files]
    others = [name for name in what if name not in files]
    chosen = select_tables(others, job) if others or not files else set()
    tables = [table for table in in_order(catalogue) if table.key in chosen]
    without = [name for name in files if name not in catalogue.delivered.contracts]
    without += [table.name for table in tables if what and not catalogue.checks_of(table)]
    if without:
        raise ProjectError(
            f"'{without[0]}' has no contract. `data-package describe {without[0]} --write` makes "
            "a first one."
        )
    reports = [report for name in files for report in _of_file(name, catalogue)]
    try:
        reports += [
            catalogue.verdicts.of(item) for table in tables for item in catalogue.checks_of(table)
        ]
    except dg.Failure as failure:
        raise BuildError(failure.description) from None
    catalogue.hashes.save()
    return Checks(tuple(reports))


def _of_file(name: str, catalogue: Catalogue) -> list[Report]:
    paths = catalogue.deliveries.hand_out(name)
    return [outcome.report for outcome in catalogue.delivered.examine(name, paths)]
