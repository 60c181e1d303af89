"""What came of the checks that a user wrote, kept with what each was made on.

A check is made again when its table, its code or another table that it takes has changed, and as
long as it fails. One that only warns is kept: it warned, and nothing has changed since.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum

import dagster as dg

from data_package.engine.project import Project
from data_package.engine.sources.files import combine_hashes
from data_package.engine.staleness.lock import Lock
from data_package.engine.staleness.survey import data_version
from data_package.engine.storage import recalled, write_private
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table


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


@dataclass(frozen=True)
class OwnVerdict:
    """What came of a check, and a hash of what it was made on."""

    basis: str
    outcome: str


class OwnVerdicts:
    """The last verdict on each of a user's checks, by the name of the check."""

    def __init__(self, project: Project) -> None:
        """`project`: whose checks."""
        self._path = project.places.own_checks
        self._known: dict[str, OwnVerdict] = recalled(
            self._path, lambda known: {name: OwnVerdict(**one) for name, one in known.items()}, {}
        )

    def known(self, key: dg.AssetCheckKey, basis: str) -> Outcome | None:
        """What came of a check on just this basis, if it was made on it."""
        verdict = self._known.get(key.to_user_string())
        if verdict is None or verdict.basis != basis:
            return None
        with suppress(ValueError):
            return Outcome(verdict.outcome)
        return None

    def failed_with(self, table: str) -> list[str]:
        """The checks that a table's own function made and that failed."""
        failed = [
            name.removeprefix(f"{table}:")
            for name, verdict in self._known.items()
            if name.startswith(f"{table}:")
            and not verdict.basis
            and verdict.outcome == Outcome.FAILED
        ]
        return sorted(failed)

    def put(self, key: dg.AssetCheckKey, basis: str, outcome: Outcome) -> None:
        """Remember what came of a check."""
        verdict = OwnVerdict(basis, str(outcome))
        if self._known.get(key.to_user_string()) != verdict:
            self._known[key.to_user_string()] = verdict
            text = {name: asdict(one) for name, one in self._known.items()}
            write_private(self._path, json.dumps(text, indent=1, sort_keys=True))


def basis_of(key: dg.AssetCheckKey, catalogue: Catalogue, lock: Lock) -> str:
    """A hash of what a check of the user's own would be made on now.

    A check that its table's own function makes rests on nothing but that: it is made with the
    table, and its verdict stands until the table is built again.
    """
    check = catalogue.own_checks.get(key)
    if check is None:
        return ""
    names = sorted({key.asset_key.to_user_string(), *check.takes})
    parts = [(name, str(data_version(name, catalogue, lock))) for name in names]
    return combine_hashes([("code", check.fingerprint), *parts])


def is_due(key: dg.AssetCheckKey, catalogue: Catalogue, lock: Lock, verdicts: OwnVerdicts) -> bool:
    """Whether a check of a fresh table must be made: it failed, or nobody knows."""
    outcome = verdicts.known(key, basis_of(key, catalogue, lock))
    if key not in catalogue.own_checks:
        return outcome is Outcome.FAILED
    return outcome in (None, Outcome.FAILED)


def due_checks(
    table: Table, catalogue: Catalogue, lock: Lock, verdicts: OwnVerdicts
) -> tuple[list[str], list[str]]:
    """The user's checks of a table that failed, and those that nobody has made of it as it is."""
    own = [key for key in catalogue.own_checks if key.asset_key == table.key]
    known = {key.name: verdicts.known(key, basis_of(key, catalogue, lock)) for key in own}
    failed = {name for name, outcome in known.items() if outcome is Outcome.FAILED}
    return (
        sorted({*failed, *verdicts.failed_with(table.name)}),
        sorted(name for name, outcome in known.items() if outcome is None),
    )
