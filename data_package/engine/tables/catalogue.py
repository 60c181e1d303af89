"""The tables, raw files and checks of a loaded project, for the rooms that build and report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import dagster as dg

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.sources.delivered import Delivered
from data_package.engine.sources.files import Deliveries
from data_package.engine.states import InPlace
from data_package.engine.storage import HashCache
from data_package.engine.tables import internals
from data_package.engine.tables.checks import CheckReports, OwnCheck, TableCheck, plan_checks
from data_package.engine.tables.table import Table, in_lists

_loaded: dict[Project, "Catalogue"] = {}


class Publication(Protocol):
    """The data package, as far as a build needs to know it."""

    def is_current(self) -> bool:
        """Whether publishing now would change nothing."""
        ...

    def in_place(self) -> InPlace:
        """What is in place, against what publishing the tables as they were built would make."""
        ...

    def faults(self) -> list[str]:
        """What is known to keep it from being published, whatever the tables hold."""
        ...

    def files(self) -> list[Path]:
        """The files that are in place."""
        ...


@dataclass(frozen=True)
class Catalogue:
    """The tables, raw files and contract checks of a project."""

    project: Project
    tables: Mapping[dg.AssetKey, Table]
    deliveries: Deliveries
    delivered: Delivered
    checks: Sequence[TableCheck]
    verdicts: CheckReports
    hashes: HashCache
    own_checks: Mapping[dg.AssetCheckKey, OwnCheck] = field(default_factory=dict)
    publications: list["Publication"] = field(default_factory=list)
    _taken: dict[tuple[dg.AssetKey, dg.AssetKey, str | None], tuple[str, ...]] = field(
        default_factory=dict
    )
    notes: list[str] = field(default_factory=list)

    @property
    def contracts(self) -> list[Contract]:
        """The contracts of tables and of raw files."""
        own = [table.contract for table in self.tables.values() if table.contract is not None]
        return [*own, *self.delivered.contracts.values()]

    @classmethod
    def of(
        cls,
        project: Project,
        tables: Mapping[dg.AssetKey, Table],
        delivered: Delivered,
        own_checks: Iterable[OwnCheck] = (),
    ) -> "Catalogue":
        """Make the catalogue of a project, and keep it for `catalogue_of`."""
        by_resource = {table.resource: table for table in tables.values()}
        hashes = HashCache(project.places.hashes)
        made = cls(
            project=project,
            tables=tables,
            deliveries=Deliveries(project.root, delivered.files, hashes),
            delivered=delivered,
            checks=plan_checks(by_resource),
            verdicts=CheckReports(project, by_resource, hashes),
            hashes=hashes,
            own_checks={check.key: check for check in own_checks},
        )
        _loaded[project] = made
        return made

    @cached_property
    def listed(self) -> list[Table]:
        """The tables in the order of lists."""
        return in_lists(self.tables)

    @cached_property
    def named(self) -> Mapping[str, Table]:
        """The tables by name."""
        return {table.name: table for table in self.tables.values()}

    @cached_property
    def across(self) -> frozenset[dg.AssetCheckKey]:
        """The checks of contracts that are made of all partitions together."""
        return frozenset(item.key for item in self.checks if not item.by_partition)

    @cached_property
    def keys(self) -> Mapping[str, frozenset[str]]:
        """The keys of those tables that are partitioned, by the table's name."""
        return {t.name: t.partitions.known for t in self.tables.values() if t.partitions}

    def taken(self, reader: Table, source: Table, partition: str | None) -> tuple[str, ...]:
        """The partitions of an input that a table, or a partition of it, takes, in order.

        Those that it needs and the input does not have are included.
        """
        assert source.partitions is not None
        place = reader.key, source.key, partition
        if place not in self._taken:
            definition = reader.partitions.definition if reader.partitions else None
            found, lacking = internals.partitions_taken(
                reader.mapping_of(source.key, source.partitions.definition),
                definition,
                source.partitions.definition,
                partition,
            )
            self._taken[place] = (*source.partitions.in_order(found), *lacking)
        return self._taken[place]

    def parts_taken(
        self, reader: Table, source: Table, partition: str | None
    ) -> tuple[str | None, ...]:
        """As `taken`, with None for an input without partitions."""
        return self.taken(reader, source, partition) if source.partitioned else (None,)

    def parts_of_check(self, key: dg.AssetCheckKey) -> tuple[str | None, ...]:
        """What a check of the user's own is made of at once: partitions, or the whole table.

        One that the table's own function makes is made with each partition.
        """
        check, table = self.own_checks.get(key), self.tables.get(key.asset_key)
        return table.parts if table and (check is None or check.by_partition) else (None,)

    def checks_of(self, table: Table) -> list[TableCheck]:
        """The contract checks of one table."""
        return self._checks.get(table.key, [])

    @cached_property
    def _checks(self) -> Mapping[dg.AssetKey, list[TableCheck]]:
        found: dict[dg.AssetKey, list[TableCheck]] = {}
        for item in self.checks:
            found.setdefault(item.table.key, []).append(item)
        return found


def catalogue_of(project: Project) -> Catalogue:
    """The catalogue of a loaded project. Raises ProjectError when its definitions are not ours."""
    try:
        return _loaded[project]
    except KeyError:
        raise ProjectError(
            f"{project.package}.definitions does not load this project's tables.\n"
            f"It must hold: defs = load_definitions({project.package})"
        ) from None
