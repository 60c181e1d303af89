"""The results of the checks that a user wrote, each kept with what it was made on.

A check is made again when its table, its code or another table that it takes has changed, and as
long as it fails. One that only warns is kept: it warned, and nothing has changed since.
"""

from contextlib import suppress
from enum import StrEnum
from functools import cached_property

import dagster as dg

from data_package.engine.project import Project
from data_package.engine.sources.files import combine_hashes
from data_package.engine.staleness.ledger import ledger
from data_package.engine.staleness.lock import Lock
from data_package.engine.staleness.survey import data_version
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

# Between the name of a check and the partition that it was made of.
_OF = "\n"


class Outcome(StrEnum):
    """What a check came to; a warning does not fail a build."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"

    @staticmethod
    def of(*, passed: bool, severity: dg.AssetCheckSeverity) -> "Outcome":
        """The outcome that Dagster's evaluation of a check tells of."""
        if passed:
            return Outcome.PASSED
        warned = severity is dg.AssetCheckSeverity.WARN
        return Outcome.WARNED if warned else Outcome.FAILED


class OwnVerdicts:
    """The last verdict on each of a user's checks, and a hash of what each was made on."""

    def __init__(self, project: Project) -> None:
        """`project`: whose checks."""
        self._kept = ledger(project.places.own_checks)

    def known(self, key: dg.AssetCheckKey, basis: str, part: str | None = None) -> Outcome | None:
        """The outcome of a check of a table, or of a partition, on just this basis, if there is."""
        verdict = self._kept.get(_name(key, part))
        if verdict is None or verdict.get("basis") != basis:
            return None
        with suppress(ValueError):
            return Outcome(verdict.get("outcome", ""))
        return None

    def failed_with(self, table: Table) -> dict[str, set[str | None]]:
        """The checks that a table's own function made and that failed, and of which partitions."""
        failed: dict[str, set[str | None]] = {}
        there = table.partitions.known if table.partitions is not None else {None}
        for check, part in self._failed.get(table.name, ()):
            if part in there:
                failed.setdefault(check, set()).add(part)
        return failed

    @cached_property
    def _failed(self) -> dict[str, list[tuple[str, str | None]]]:
        """By the name of the table whose function made them."""
        found: dict[str, list[tuple[str, str | None]]] = {}
        for name, verdict in self._kept.all().items():
            whole, parted, key = name.partition(_OF)
            table, _, check = whole.rpartition(":")
            if verdict.get("outcome") == Outcome.FAILED and not verdict.get("basis"):
                found.setdefault(table, []).append((check, key if parted else None))
        return found

    def put(
        self, key: dg.AssetCheckKey, basis: str, outcome: Outcome, part: str | None = None
    ) -> None:
        """Remember the outcome of a check of a table, or of a partition."""
        self._kept.put(_name(key, part), {"basis": basis, "outcome": str(outcome)})


def _name(key: dg.AssetCheckKey, part: str | None) -> str:
    return key.to_user_string() if part is None else f"{key.to_user_string()}{_OF}{part}"


def basis_of(key: dg.AssetCheckKey, catalogue: Catalogue, lock: Lock, part: str | None) -> str:
    """A hash of what a check of the user's own would be made on now.

    A check that its table's own function makes depends on nothing but that: it is made with the
    table, and its verdict holds until the table is built again.
    """
    check = catalogue.own_checks.get(key)
    if check is None:
        return ""
    own = key.asset_key.to_user_string()
    parts = [
        (name, str(data_version(name, catalogue, lock)))
        for name in sorted({own, *check.takes})
        if part is None or name != own
    ]
    if part is not None:
        entry = lock.entry(own, part)
        parts.append((own, str(entry and entry.data_version)))
    return combine_hashes([("code", check.fingerprint), *parts])


def is_due(
    key: dg.AssetCheckKey,
    catalogue: Catalogue,
    lock: Lock,
    verdicts: OwnVerdicts,
    part: str | None,
) -> bool:
    """Whether a check of a fresh table, or partition, must be made: failed, or unknown."""
    outcome = verdicts.known(key, basis_of(key, catalogue, lock, part), part)
    if key not in catalogue.own_checks:
        return outcome is Outcome.FAILED
    return outcome in (None, Outcome.FAILED)


def due_checks(
    table: Table, catalogue: Catalogue, lock: Lock, verdicts: OwnVerdicts
) -> tuple[list[str], list[str]]:
    """The user's checks of a table that failed, and those that were not made since it was built."""
    own = [key for key in catalogue.own_checks if key.asset_key == table.key]
    known = {
        key.name: {
            verdicts.known(key, basis_of(key, catalogue, lock, part), part)
            for part in catalogue.parts_of_check(key)
        }
        for key in own
    }
    failed = {name for name, outcomes in known.items() if Outcome.FAILED in outcomes}
    return (
        sorted({*failed, *verdicts.failed_with(table)}),
        sorted(name for name, outcomes in known.items() if None in outcomes),
    )
