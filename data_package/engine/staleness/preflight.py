"""What is known to be wrong before a build runs anything."""

from collections.abc import Collection

from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.fitting import misfits
from data_package.engine.tables.table import Table


def faults_of(
    catalogue: Catalogue, tables: Collection[Table] | None, *, publish: bool
) -> list[str]:
    """All that keeps tables from being built, or what they make up from being published.

    `tables` are those that a build needs, all by default; `publish` is whether it publishes.
    """
    needed = set(catalogue.tables if tables is None else (table.key for table in tables))
    faults = [
        fault
        for table in catalogue.listed
        if table.key in needed
        for fault in misfits(table, catalogue.tables, catalogue.delivered)
    ]
    if publish:
        faults += [fault for one in catalogue.publications for fault in one.faults()]
    return faults
