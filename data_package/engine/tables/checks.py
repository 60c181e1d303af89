"""A table's contract as blocking Dagster asset checks, and the verdicts they leave behind.

A verdict is kept with the hashes of all that it depends on: the table, its contract, the tables
that its foreign keys point to, and the code that judged. Whoever needs it again (the check, the
data package, the status) finds it or computes it, and never takes one that was about something
else.
"""

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from data_package.engine.edition import edition
from data_package.engine.fingerprint import Fingerprinter
from data_package.engine.project import Project
from data_package.engine.schema import Contract, ForeignKey, Report, check
from data_package.engine.storage import HashCache, recalled, remember
from data_package.engine.tables import failures, internals
from data_package.engine.tables.table import Table

CONTRACT_CHECK = "contract"
LATE_CHECK = "foreign_keys"


@dataclass(frozen=True)
class TableCheck:
    """One asset check of a table: its name and the part of the contract that it covers."""

    table: Table
    name: str
    contract: Contract
    blocking: bool

    @property
    def key(self) -> dg.AssetCheckKey:
        """Dagster's key of the check."""
        return dg.AssetCheckKey(self.table.key, self.name)


@dataclass(frozen=True)
class OwnCheck:
    """A check that the user wrote, in a function of its own.

    Attributes:
        fingerprint: the digest of what its function does.
        takes: the names of the assets that it receives, beside the one that it is about.
    """

    key: dg.AssetCheckKey
    fingerprint: str
    takes: tuple[str, ...]


class Verdicts:
    """Contract checks that have been made, each remembered with what it was made on."""

    def __init__(self, project: Project, tables: Mapping[str, Table], hashes: HashCache) -> None:
        """`tables`: all of the project, by name."""
        self._folder = project.places.verdicts
        self._tables = tables
        self._hashes = hashes

    def of(self, item: TableCheck) -> Report:
        """The report on the table as it now stands, from memory where nothing has changed.

        Raises dg.Failure when a table it rests on has not been built.
        """
        known = self.known(item)
        if known is not None:
            return known
        basis = self._basis(item)
        report = self._make(item)
        verdict = {"basis": basis, "report": report.to_dict()}
        remember(self._path(item), json.dumps(verdict, indent=1))
        return report

    def known(self, item: TableCheck) -> Report | None:
        """The report on the table as it now stands, if it has been made."""
        nothing: tuple[str, Report | None] = ("", None)
        basis, report = recalled(self._path(item), _verdict, nothing)
        with suppress(dg.Failure):
            if report is not None and basis == self._basis(item):
                return report
        return None

    def _path(self, item: TableCheck) -> Path:
        return self._folder / f"{item.table.resource}.{item.name}.json"

    def _basis(self, item: TableCheck) -> str:
        needed = [item.table, *(self._tables[name] for name in item.contract.references)]
        parts = [edition(__name__).digest(), item.contract.validation_digest()]
        for table in needed:
            files = table.files()
            if not files:
                raise dg.Failure(
                    f"The contract of '{item.table.name}' cannot be checked: the table "
                    f"'{table.name}' has not been built. Build it first."
                )
            # The names too: a partition that has moved to another is another table.
            parts += [f"{file.name}={self._hashes.hash(file)}" for file in files]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _make(self, item: TableCheck) -> Report:
        return check(
            _scan(item.table),
            item.contract,
            references={name: _scan(self._tables[name]) for name in item.contract.references},
        )


def _verdict(document: Mapping[str, Any]) -> tuple[str, Report | None]:
    return str(document["basis"]), Report.from_dict(document["report"])


def plan_checks(tables: Mapping[str, Table]) -> list[TableCheck]:
    """Which checks each table gets.

    A blocking check holds back whatever reads its table. A foreign key into a table that is
    itself made from this one can't do that without waiting for itself, so it becomes a second
    check that holds back nothing but the data package.
    """
    readers: dict[str, set[str]] = {f"table {name}": {f"check {name}"} for name in tables}
    for name, table in tables.items():
        for wanted in table.inputs.values():
            if (needed := wanted.to_user_string()) in tables:
                readers.setdefault(f"check {needed}", set()).add(f"table {name}")
    planned = []
    for name, table in sorted(tables.items()):
        if table.contract is None:
            continue
        early, late = [], []
        for key in table.contract.foreign_keys:
            other = key.resource
            if other and other != name and _reaches(readers, f"check {name}", f"table {other}"):
                late.append(key)
            else:
                early.append(key)
                if other and other != name:
                    readers[f"table {other}"].add(f"check {name}")
        contract = table.contract
        planned.append(_part(table, CONTRACT_CHECK, contract, tuple(early), blocking=True))
        if late:
            planned.append(_part(table, LATE_CHECK, _bare(contract), tuple(late), blocking=False))
    return planned


def asset_check(item: TableCheck, verdicts: Verdicts, project: Project) -> dg.AssetChecksDefinition:
    """The Dagster asset check that asks for a verdict."""
    table = item.table

    @dg.asset_check(
        asset=table.key,
        name=item.name,
        blocking=item.blocking,
        description=_describe(item),
        additional_deps=[dg.AssetKey(name.split("/")) for name in item.contract.references],
    )
    def contract() -> dg.AssetCheckResult:
        return _result(verdicts.of(item))

    return guarded(contract, table.name, project)


def own_checks(
    definition: dg.AssetChecksDefinition, fingerprinter: Fingerprinter
) -> Iterator[OwnCheck]:
    """The checks that a definition of the user's makes."""
    function = internals.function_of(definition)
    fingerprint = fingerprinter.fingerprint(function).digest if function else ""
    takes = tuple(sorted(key.to_user_string() for key in definition.keys_by_input_name.values()))
    for key in definition.check_keys:
        yield OwnCheck(key, fingerprint, takes)


def guarded(
    definition: dg.AssetChecksDefinition, name: str, project: Project
) -> dg.AssetChecksDefinition:
    """The same check, whose exceptions quote no value."""
    function = internals.function_of(definition)
    if function is None:
        return definition
    return internals.check_with_function(
        definition, failures.value_free(function, name=name, project=project)
    )


def _part(
    table: Table, name: str, contract: Contract, keys: tuple[ForeignKey, ...], *, blocking: bool
) -> TableCheck:
    part = dataclasses.replace(contract, foreign_keys=keys)
    return TableCheck(table=table, name=name, contract=part, blocking=blocking)


def _bare(contract: Contract) -> Contract:
    """The same table with nothing asked of it."""
    return dataclasses.replace(
        contract,
        fields=tuple(
            dataclasses.replace(field, constraints={}, categories=None) for field in contract.fields
        ),
        primary_key=(),
        unique_keys=(),
    )


def _reaches(readers: Mapping[str, Collection[str]], start: str, end: str) -> bool:
    seen, waiting = set(), [start]
    while waiting:
        one = waiting.pop()
        if one == end:
            return True
        if one not in seen:
            seen.add(one)
            waiting.extend(readers.get(one, ()))
    return False


def _result(report: Report) -> dg.AssetCheckResult:
    records = [
        dg.TableRecord(
            {
                "rule": total.rule,
                "field": total.field or "",
                "count": total.count,
                "rows": ", ".join(map(str, total.rows)),
            }
        )
        for total in report.totals
    ]
    metadata: dict[str, dg.MetadataValue] = {
        "rows_checked": dg.MetadataValue.int(report.rows_checked),
        "errors": dg.MetadataValue.int(sum(total.count for total in report.totals)),
    }
    if records:
        metadata["by_rule"] = dg.MetadataValue.table(records)
    return dg.AssetCheckResult(
        passed=report.ok,
        severity=dg.AssetCheckSeverity.ERROR,
        description=None if report.ok else report.render(),
        metadata=metadata,
    )


def _describe(item: TableCheck) -> str:
    place = item.table.project.relative(item.contract.path or item.table.name)
    if item.blocking:
        return f"The table satisfies its contract, {place}."
    return f"The foreign keys in {place} that point to tables made from this one hold."


def _scan(table: Table) -> pl.LazyFrame:
    return pl.scan_parquet(table.files(), glob=False, hive_partitioning=False)
