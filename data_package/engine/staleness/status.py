"""How a project stands, and why: the facts behind `status` and `why`."""

import difflib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.schema import Report
from data_package.engine.staleness.assess import Cause, CauseKind, changed_libraries
from data_package.engine.staleness.lock import Lock, TableEntry, lock_of
from data_package.engine.staleness.moves import surveyed
from data_package.engine.staleness.own_checks import OwnVerdicts, due_checks
from data_package.engine.staleness.record import code_path
from data_package.engine.staleness.survey import (
    OWN,
    State,
    TableState,
    libraries_of,
    present_of,
)
from data_package.engine.tables import outside
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table


@dataclass(frozen=True)
class TableStatus:
    """One table: how it stands against the lock, and what its contract says of it.

    `contract` is `passed`, `failed`, `not checked`, or `none` where nothing is written down;
    `contracts` says it of each partition of a partitioned table, by its key. `raw_errors` counts
    what was wrong in the raw files whose rows it was made of. `due` names the user's own checks
    that failed, or that nobody has made of the table as it is.
    """

    state: TableState
    contract: str
    contracts: Mapping[str, str] = field(default_factory=dict)
    raw_errors: int = 0
    due: tuple[str, ...] = ()

    @property
    def is_fresh(self) -> bool:
        """Whether a build would leave it alone."""
        good = self.contract in ("passed", "none") and not self.due
        return self.state.state is State.FRESH and good

    @property
    def reason(self) -> str:
        """Why it is not as it should be, in a few words; empty where nothing is wrong."""
        failing = [key for key, verdict in self.contracts.items() if verdict == "failed"]
        if failing and not self.state.reason:
            return str(Cause(CauseKind.CONTRACT, partitions=tuple(failing)))
        if self.due and not self.state.reason:
            return f"its check {self.due[0]} failed or has not been made"
        if self.raw_errors and not self.state.reason:
            errors = "1 error" if self.raw_errors == 1 else f"{self.raw_errors:,} errors"
            return f"{errors} in its raw files"
        return self.state.reason

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        facts: dict[str, object] = {
            "name": self.state.name,
            "group": self.state.group,
            "state": str(self.state.state),
            "causes": [str(cause) for cause in self.state.causes],
            "contract": self.contract,
            "raw_errors": self.raw_errors,
            "error": self.state.error,
        }
        if self.state.parts:
            facts["partitions"] = [
                {
                    "key": part.partition,
                    "state": str(part.state),
                    "causes": [str(cause) for cause in part.causes],
                    "contract": self.contracts.get(part.partition or "", self.contract),
                    "error": part.error,
                }
                for part in self.state.parts
            ]
        return facts


@dataclass(frozen=True)
class ProjectStatus:
    """All tables, whether the data package is up to date, and what has changed beside the code.

    `libraries` are updates that do not count as a change by the project's settings, `unwritten` the
    tables that have been built and that the lock file on the disk lacks.
    """

    tables: Sequence[TableStatus]
    package: str
    libraries: Sequence[str]
    unwritten: Sequence[str] = ()

    @property
    def is_fresh(self) -> bool:
        """Whether a build would do nothing."""
        built = all(table.is_fresh for table in self.tables) and self.package != "out of date"
        return built and not self.unwritten

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "fresh": self.is_fresh,
            "package": self.package,
            "libraries": list(self.libraries),
            "unwritten": list(self.unwritten),
            "tables": [table.to_dict() for table in self.tables],
        }


def status_of(catalogue: Catalogue, lock: Lock) -> ProjectStatus:
    """Hold every table against the lock. Raises ProjectError when a raw file is not there."""
    states = surveyed(catalogue, lock)
    updates = {
        change
        for table in catalogue.tables.values()
        for part in table.parts
        if (entry := lock.entry(table.name, part))
        for change, _ in changed_libraries(entry, libraries_of(table))
    }
    current = all(publication.is_current() for publication in catalogue.publications)
    catalogue.hashes.save()
    return ProjectStatus(
        tables=[
            _status(state, catalogue.named[state.name], catalogue, lock)
            for state in states.values()
        ],
        package=("up to date" if current else "out of date") if catalogue.publications else "none",
        libraries=sorted(updates),
        unwritten=lock_of(catalogue.project).unfolded(),
    )


def explain(name: str, catalogue: Catalogue, lock: Lock) -> str:
    """Why a table, or a partition (`visits[2024]`), is as it is: every cause, with changed lines.

    Raises ProjectError for a name that is no table's, or a key that is none of its partitions.
    """
    table, part = _named(name, catalogue)
    states = surveyed(catalogue, lock)
    state = states[table.name]
    if part is not None:
        state = next(one for one in state.parts if one.partition == part)
    lines = [f"{name} is {state.state}{':' if state.causes else '.'}"]
    for cause in state.causes:
        first = part if part is not None else _first_with(cause, state)
        lines += _cause(cause, table, first, catalogue, lock)
    if any(cause.kind is CauseKind.UPSTREAM for cause in state.causes):
        lines += _roots(table.name, states, catalogue)
    if state.error is not None:
        lines += ["", "The last attempt, made on just this, failed:", _indent(state.error)]
    if state.parts:
        fresh = sum(one.state is State.FRESH for one in state.parts)
        lines += ["", f"{fresh} of its {len(state.parts)} partitions are fresh."]
    if table.fingerprint.unseen:
        lines += ["", "What cannot be seen in its code, and how it is treated:"]
        lines += [f"  {what}" for what in table.fingerprint.unseen]
    if used := outside.told(table):
        lines += ["", "What it used when it was built that is no input, and is not covered:"]
        lines += [f"  {use}" for use in used]
    if state.causes:
        of = f" --partition {shlex.quote(part)}" if part is not None else ""
        lines += ["", f"Build it: data-package build {table.name}{of}"]
    return "\n".join(lines)


def _named(name: str, catalogue: Catalogue) -> tuple[Table, str | None]:
    """The table of a name, and the partition that the name has in brackets."""
    if name in catalogue.named:
        return catalogue.named[name], None
    whole, _, rest = name.partition("[")
    table, part = catalogue.named.get(whole), rest.removesuffix("]")
    if table is None or not rest.endswith("]"):
        raise ProjectError(
            f"There is no table '{name}'.{did_you_mean(name, catalogue.named)}\n"
            "`data-package status` lists them."
        )
    if table.partitions is None or part not in table.partitions.known:
        keys = table.partitions.keys if table.partitions else ()
        raise ProjectError(
            f"'{whole}' has no partition '{part}'.{did_you_mean(part, keys)}\n"
            f"`data-package why {whole}` says how it stands."
        )
    return table, part


def _first_with(cause: Cause, state: TableState) -> str | None:
    """A partition that a cause is true of; None for a table that has none."""
    if cause.partitions or not state.parts:
        return next(iter(cause.partitions), None)
    return state.parts[0].partition


def _cause(
    cause: Cause, table: Table, part: str | None, catalogue: Catalogue, lock: Lock
) -> list[str]:
    entry = lock.entry(table.name, part)
    relative = catalogue.project.relative
    match cause.kind:
        case CauseKind.CODE if entry is not None:
            return _code(cause.subject, table, entry, catalogue)
        case CauseKind.INPUT if entry is not None and len(cause.partitions) < 2:
            now = present_of(table, catalogue, lock, part).inputs.get(cause.subject)
            before = entry.inputs[cause.subject].removeprefix(OWN)
            versions = f"{before[:12]} → {(now or 'none').removeprefix(OWN)[:12]}"
            return [f"  {cause} ({versions})"]
        case CauseKind.MISSING | CauseKind.CHANGED_OUTSIDE:
            return [f"  {cause}: {relative(table.file(part))}"]
        case CauseKind.UPSTREAM:
            alone = f"; if it comes out as it was, {table.name} is left alone"
            return [f"  {cause}{alone if entry is not None else ''}"]
        case _:
            return [f"  {cause}"]


def _code(name: str, table: Table, entry: TableEntry, catalogue: Catalogue) -> list[str]:
    now = next((part for part in table.fingerprint.parts if part.name == name), None)
    before = entry.parts.get(name)
    if now is None:
        return [f"  {name} is no longer part of it"]
    through = f", reached through {' → '.join(now.path)}" if len(now.path) > 1 else ""
    place = f" ({now.place})" if now.place else ""
    if before is None:
        return [f"  {name} is new{place}{through}"]
    lines = [f"  {name} changed{place}{through}"]
    kept = code_path(catalogue, before)
    if kept.is_file() and now.code:
        diff = difflib.unified_diff(
            kept.read_text().splitlines(),
            now.code.splitlines(),
            "as built",
            "now",
            lineterm="",
            n=2,
        )
        lines += [f"      {line}" for line in diff]
    elif now.code:
        lines.append("      (the code that it was built by is not kept on this machine)")
    return lines


def _roots(name: str, states: dict[str, TableState], catalogue: Catalogue) -> list[str]:
    """Where the staleness of a table's inputs begins."""
    found: dict[str, TableState] = {}
    waiting = [name]
    while waiting:
        for key in catalogue.named[waiting.pop()].inputs.values():
            state = states.get(key.to_user_string())
            if state is not None and state.causes and state.name not in found:
                found[state.name] = state
                waiting.append(state.name)
    roots = [
        f"  {state.name}: {', '.join(map(str, own))}"
        for state in found.values()
        if (own := [c for c in state.causes if c.kind is not CauseKind.UPSTREAM])
    ]
    return ["It begins with:", *sorted(roots)] if roots else []


def _status(state: TableState, table: Table, catalogue: Catalogue, lock: Lock) -> TableStatus:
    entry = lock.whole(table.name)
    raw_errors = entry.raw_errors if entry is not None else 0
    checks = catalogue.checks_of(table)
    due = tuple(due_checks(table, catalogue, lock, OwnVerdicts(catalogue.project)))
    if not checks:
        return TableStatus(state, "none", raw_errors=raw_errors, due=due)
    known = catalogue.verdicts.known
    whole = [known(item) for item in checks if not item.by_partition]
    by_part = {
        part: [known(item, part) for item in checks if item.by_partition]
        for part in (table.parts if table.partitioned else ())
        if part is not None
    }
    everything = whole + [report for reports in by_part.values() for report in reports]
    return TableStatus(
        state,
        _verdict(everything),
        {part: _verdict(reports) for part, reports in by_part.items()},
        raw_errors,
        due,
    )


def _verdict(reports: Sequence[Report | None]) -> str:
    """One that failed says more than one that nobody has made."""
    if any(report is not None and not report.ok for report in reports):
        return "failed"
    return "passed" if all(report is not None for report in reports) else "not checked"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
