"""How a project stands, and why: the facts behind `status` and `why`."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.staleness.assess import Cause, CauseKind, changed_libraries
from data_package.engine.staleness.lock import Lock, TableEntry, lock_of
from data_package.engine.staleness.record import code_path
from data_package.engine.staleness.survey import State, TableState, present_of, survey
from data_package.engine.tables import outside
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table


@dataclass(frozen=True)
class TableStatus:
    """One table: how it stands against the lock, and what its contract says of it.

    `contract` is `passed`, `failed`, `not checked`, or `none` where nothing is written down.
    """

    state: TableState
    contract: str

    @property
    def is_fresh(self) -> bool:
        """Whether a build would leave it alone."""
        return self.state.state is State.FRESH and self.contract in ("passed", "none")

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "name": self.state.name,
            "group": self.state.group,
            "state": str(self.state.state),
            "causes": [str(cause) for cause in self.state.causes],
            "contract": self.contract,
            "error": self.state.error,
        }


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
    states = survey(catalogue, lock)
    updates = {
        change
        for table in catalogue.tables.values()
        if (entry := lock.tables.get(table.name))
        for change, _ in changed_libraries(entry, present_of(table, catalogue, lock))
    }
    current = all(publication.is_current() for publication in catalogue.publications)
    catalogue.hashes.save()
    return ProjectStatus(
        tables=[
            TableStatus(state, _contract(catalogue.named[state.name], catalogue))
            for state in states.values()
        ],
        package=("up to date" if current else "out of date") if catalogue.publications else "none",
        libraries=sorted(updates),
        unwritten=lock_of(catalogue.project).unfolded(),
    )


def explain(name: str, catalogue: Catalogue, lock: Lock) -> str:
    """Why a table is as it is: every cause, with the lines of code that changed.

    Raises ProjectError for a name that is no table's.
    """
    table = catalogue.named.get(name)
    if table is None:
        raise ProjectError(
            f"There is no table '{name}'.{did_you_mean(name, catalogue.named)}\n"
            "`data-package status` lists them."
        )
    states = survey(catalogue, lock)
    state = states[name]
    lines = [f"{name} is {state.state}{':' if state.causes else '.'}"]
    for cause in state.causes:
        lines += _cause(cause, table, catalogue, lock)
    if any(cause.kind is CauseKind.UPSTREAM for cause in state.causes):
        lines += _roots(name, states, catalogue)
    if state.error is not None:
        lines += ["", "The last attempt, made on just this, failed:", _indent(state.error)]
    if table.fingerprint.unseen:
        lines += ["", "What cannot be seen in its code, and how it is treated:"]
        lines += [f"  {what}" for what in table.fingerprint.unseen]
    if used := outside.told(table):
        lines += ["", "What it used when it was built that is no input, and is not covered:"]
        lines += [f"  {use}" for use in used]
    if state.causes:
        lines += ["", f"Build it: data-package build {name}"]
    return "\n".join(lines)


def _cause(cause: Cause, table: Table, catalogue: Catalogue, lock: Lock) -> list[str]:
    entry = lock.tables.get(table.name)
    relative = catalogue.project.relative
    match cause.kind:
        case CauseKind.CODE if entry is not None:
            return _code(cause.subject, table, entry, catalogue)
        case CauseKind.INPUT if entry is not None:
            now = present_of(table, catalogue, lock).inputs.get(cause.subject)
            versions = f"{entry.inputs[cause.subject][:12]} → {(now or 'none')[:12]}"
            return [f"  {cause.subject} has new content ({versions})"]
        case CauseKind.MISSING | CauseKind.CHANGED_OUTSIDE:
            return [f"  {cause}: {relative(table.path)}"]
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


def _contract(table: Table, catalogue: Catalogue) -> str:
    checks = catalogue.checks_of(table)
    if not checks:
        return "none"
    known = [catalogue.verdicts.known(item) for item in checks]
    if any(report is None for report in known):
        return "not checked"
    return "passed" if all(report is not None and report.ok for report in known) else "failed"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
