"""The state of a project, and why: the facts behind `status` and `why`."""

import difflib
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.notebook import NamedParts, html_line, html_table
from data_package.engine.schema import Report
from data_package.engine.sources.newest import DeliveryReport
from data_package.engine.sources.reading_report import kept
from data_package.engine.staleness.assess import Cause, CauseKind, changed_libraries
from data_package.engine.staleness.lock import Lock, TableEntry, lock_of
from data_package.engine.staleness.moves import surveyed
from data_package.engine.staleness.own_checks import OwnVerdicts, due_checks
from data_package.engine.staleness.preflight import faults_of
from data_package.engine.staleness.recorder import code_path
from data_package.engine.staleness.roots import Root, roots_of
from data_package.engine.staleness.survey import (
    OWN,
    TableState,
    libraries_of,
    present_of,
    raw_not_as_locked,
)
from data_package.engine.states import PackageState, State, Verdict, package_state
from data_package.engine.tables import outside
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import PACKAGE, Table


@dataclass(frozen=True)
class TableStatus:
    """One table: what the lock says of it, and what its contract and other checks say.

    Attributes:
        by_lock: its state without regard to checks.
        contract: the verdict on it by its contract.
        contracts: the verdict on each partition of a partitioned table, by its key.
        raw_errors: how much was wrong in the raw files whose rows it was made of.
        failed: the user's own checks that failed.
        due: the user's own checks that were not made since the table was built.
        deliveries: what each of several deliveries brought to it.
    """

    by_lock: TableState
    contract: Verdict
    contracts: Mapping[str, Verdict] = field(default_factory=dict)
    raw_errors: int = 0
    failed: tuple[str, ...] = ()
    due: tuple[str, ...] = ()
    deliveries: tuple[DeliveryReport, ...] = ()

    @property
    def name(self) -> str:
        """The table's name."""
        return self.by_lock.name

    @property
    def state(self) -> State:
        """Its state; a check that has not been made has not passed."""
        if self.by_lock.state is not State.FRESH:
            return self.by_lock.state
        if self.contract is Verdict.FAILED or self.failed:
            return State.FAILED
        unknown = self.contract is Verdict.NOT_CHECKED or self.due
        return State.NOT_CHECKED if unknown else State.FRESH

    @property
    def is_fresh(self) -> bool:
        """Whether a build would leave it alone."""
        return self.state is State.FRESH

    @property
    def causes(self) -> list[Cause]:
        """Why it is not fresh: what its state says, then what its checks say."""
        return [*self.by_lock.causes, *(self._of_checks() if not self.by_lock.causes else ())]

    def _of_checks(self) -> Iterator[Cause]:
        if self.contract is Verdict.FAILED:
            keys = tuple(key for key, one in self.contracts.items() if one is Verdict.FAILED)
            yield Cause(CauseKind.CONTRACT, partitions=keys)
        yield from (Cause(CauseKind.CHECK, name) for name in self.failed)
        if self.contract is Verdict.NOT_CHECKED:
            yield Cause(CauseKind.NOT_CHECKED)
        yield from (Cause(CauseKind.NOT_CHECKED, name) for name in self.due)

    @property
    def reason(self) -> str:
        """Why it is not as it should be, in a few words; empty where nothing is wrong."""
        if causes := self.causes:
            more = len(causes) - 1
            return f"{causes[0]}{f' and {more} more' if more else ''}"
        if self.raw_errors:
            errors = "1 error" if self.raw_errors == 1 else f"{self.raw_errors:,} errors"
            return f"{errors} in its raw files"
        return ""

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        facts: dict[str, object] = {
            "name": self.name,
            "group": self.by_lock.group,
            "fresh": self.is_fresh,
            "state": str(self.by_lock.state),
            "causes": [str(cause) for cause in self.by_lock.causes],
            "contract": str(self.contract),
            "failed_checks": list(self.failed),
            "due_checks": list(self.due),
            "raw_errors": self.raw_errors,
            "deliveries": [asdict(one) for one in self.deliveries],
            "error": self.by_lock.error,
        }
        if self.by_lock.parts:
            facts["partitions"] = [
                {
                    "key": part.partition,
                    "state": str(part.state),
                    "causes": [str(cause) for cause in part.causes],
                    "contract": str(self.contracts.get(part.partition or "", self.contract)),
                    "error": part.error,
                }
                for part in self.by_lock.parts
            ]
        return facts


@dataclass(frozen=True, repr=False)
class ProjectStatus(NamedParts[TableStatus]):
    """The tables that were asked for, the data package, and what has changed beside the code.

    `libraries` are updates that do not count as a change by the project's settings, `unwritten` the
    tables that have been built, and the raw files, that the lock file on the disk lacks. `roots`
    are where it begins that tables are not fresh. `with_package` says whether the data package was
    asked for, `faults` what is known to keep them from being built or published.
    """

    tables: Sequence[TableStatus]
    package: PackageState
    libraries: Sequence[str]
    unwritten: Sequence[str] = ()
    roots: Sequence[Root] = ()
    with_package: bool = True
    faults: Sequence[str] = ()

    @property
    def is_fresh(self) -> bool:
        """Whether a build of them would do nothing."""
        built = all(table.is_fresh for table in self.tables) and not self.unwritten
        built = built and not self.faults
        published = self.package in (PackageState.UP_TO_DATE, PackageState.NONE)
        return built and (published or not self.with_package)

    @property
    def parts(self) -> Sequence[TableStatus]:
        """The tables."""
        return self.tables

    def __bool__(self) -> bool:
        """Whether a build of them would do nothing."""
        return self.is_fresh

    def __str__(self) -> str:
        """How many tables are fresh, and why the others are not."""
        stale = [f"  {one.name}: {one.state}, {one.reason}" for one in self if not one.is_fresh]
        return "\n".join([self._first, *stale])

    @property
    def _first(self) -> str:
        fresh = sum(one.is_fresh for one in self)
        return f"{fresh} of {len(self)} tables fresh, data package {self.package}"

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        rows = [(one.name, one.by_lock.group, str(one.state), one.reason) for one in self]
        return html_table(("table", "group", "state", "why"), rows) + html_line(self._first)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "fresh": self.is_fresh,
            "package": self.package.in_json,
            "libraries": list(self.libraries),
            "unwritten": list(self.unwritten),
            "faults": list(self.faults),
            "roots": [root.to_dict() for root in self.roots],
            "tables": [table.to_dict() for table in self.tables],
        }


def status_of(
    catalogue: Catalogue, lock: Lock, only: Collection[str] | None = None
) -> ProjectStatus:
    """The state of every table by the lock, or of those named in `only`.

    Raises ProjectError when raw files are not there.
    """
    states = surveyed(catalogue, lock)
    updates = {
        change
        for table in catalogue.tables.values()
        for part in table.parts
        if (entry := lock.entry(table.name, part))
        for change, _ in changed_libraries(entry, libraries_of(table))
    }
    own = OwnVerdicts(catalogue.project)
    every = [
        _status(state, catalogue.named[name], catalogue, lock, own)
        for name, state in states.items()
    ]
    all_fresh = all(table.is_fresh for table in every)
    package = [package_state(one.in_place(), all_fresh=all_fresh) for one in catalogue.publications]
    catalogue.hashes.save()
    asked = None if only is None else [catalogue.named[n] for n in catalogue.named if n in only]
    with_package = only is None or PACKAGE.to_user_string() in only
    shown = every if only is None else [table for table in every if table.name in only]
    return ProjectStatus(
        tables=shown,
        package=package[0] if package else PackageState.NONE,
        libraries=sorted(updates),
        unwritten=sorted(
            {*lock_of(catalogue.project).unfolded(), *raw_not_as_locked(catalogue, lock, states)}
        ),
        roots=roots_of(every, catalogue, {table.name for table in shown}),
        with_package=with_package,
        faults=faults_of(catalogue, asked, publish=with_package),
    )


@dataclass(frozen=True)
class Explanation:
    """Why a table, or a partition (`visits[2024]`), is as it is.

    Attributes:
        causes: each with the lines that say more of it, such as changed code.
        roots: where the staleness of its inputs begins, in words.
        error: the message of the last attempt, when it was made from exactly what there is now.
        fresh_parts: how many of its partitions are fresh, and how many there are.
        unseen: what cannot be seen in its code.
        uses: what it used in the last build that is not an input.
        advice: what to do next.
    """

    name: str
    state: State
    causes: tuple[tuple[Cause, tuple[str, ...]], ...] = ()
    roots: tuple[str, ...] = ()
    error: str | None = None
    fresh_parts: tuple[int, int] | None = None
    unseen: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    def __str__(self) -> str:
        """All of it, as `why` prints it."""
        but = ", but:" if self.state is State.FRESH else ":"
        lines = [f"{self.name} is {self.state}{but if self.causes else '.'}"]
        for _, more in self.causes:
            lines += more
        if self.roots:
            lines += ["It begins with:", *(f"  {root}" for root in self.roots)]
        if self.error is not None:
            said = "The last attempt, with this code and these inputs, failed:"
            lines += ["", said, _indent(self.error)]
        if self.fresh_parts is not None:
            lines += ["", "{} of its {} partitions are fresh.".format(*self.fresh_parts)]
        if self.unseen:
            lines += ["", "What cannot be seen in its code, and how it is treated:"]
            lines += [f"  {what}" for what in self.unseen]
        if self.uses:
            said = "What it used in the last build that is not an input, so a change is not noticed"
            lines += ["", f"{said}:", *(f"  {use}" for use in self.uses)]
        if self.advice:
            lines += ["", *self.advice]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        facts: dict[str, object] = {
            "name": self.name,
            "state": str(self.state),
            "causes": [
                {"kind": str(cause.kind), "words": str(cause), "lines": list(lines)}
                for cause, lines in self.causes
            ],
            "roots": list(self.roots),
            "error": self.error,
            "unseen": list(self.unseen),
            "uses": list(self.uses),
            "advice": list(self.advice),
        }
        if self.fresh_parts is not None:
            facts["fresh_partitions"], facts["partitions"] = self.fresh_parts
        return facts


def explain(name: str, catalogue: Catalogue, lock: Lock) -> str:
    """Why a table, or a partition, is as it is, as `why` prints it. Raises as `explanation`."""
    return str(explanation(name, catalogue, lock))


def explanation(name: str, catalogue: Catalogue, lock: Lock) -> Explanation:
    """Why a table, or a partition (`visits[2024]`), is as it is: every cause, with changed lines.

    Raises ProjectError for a name that is not a table's, or a key of a partition that it lacks.
    """
    table, part = _named(name, catalogue)
    states = surveyed(catalogue, lock)
    state = states[table.name]
    if part is not None:
        state = next(one for one in state.parts if one.partition == part)
    own = OwnVerdicts(catalogue.project)
    status = _status(states[table.name], table, catalogue, lock, own)
    causes = list(state.causes) if part is not None else status.causes
    firsts = [part if part is not None else _first_with(cause, state) for cause in causes]
    is_upstream = any(cause.kind is CauseKind.UPSTREAM for cause in state.causes)
    fresh = sum(one.state is State.FRESH for one in state.parts)
    advice = []
    if causes and part is not None:
        alone = f"{table.name} --partition {shlex.quote(part)}"
        advice.append(f"Build this partition alone: data-package build {alone}")
    if causes:
        publish = ", and publish the data package" if catalogue.publications else ""
        advice.append(f"Build it{publish}: data-package build")
    return Explanation(
        name,
        state.state,
        tuple(
            (cause, tuple(_cause(cause, table, first, catalogue, lock)))
            for cause, first in zip(causes, firsts, strict=True)
        ),
        tuple(_begins(table.name, states, catalogue)) if is_upstream else (),
        state.error,
        (fresh, len(state.parts)) if state.parts else None,
        tuple(table.fingerprint.unseen),
        tuple(outside.seen(table)),
        tuple(advice),
    )


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
            f"`data-package why {whole}` shows its state."
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
            alone = f"; if its content does not change, {table.name} is not built"
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
        lines.append("      (the code that it was built from is not kept on this machine)")
    return lines


def _begins(name: str, states: dict[str, TableState], catalogue: Catalogue) -> list[str]:
    """Where the staleness of a table's inputs begins."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for key in catalogue.named[waiting.pop()].inputs.values():
            state = states.get(key.to_user_string())
            if state is not None and state.causes and state.name not in found:
                found.add(state.name)
                waiting.append(state.name)
    return [
        f"{state.name}: {', '.join(map(str, own))}"
        for state in states.values()
        if state.name in found
        and (own := [c for c in state.causes if c.kind is not CauseKind.UPSTREAM])
    ]


def _status(
    state: TableState, table: Table, catalogue: Catalogue, lock: Lock, own: OwnVerdicts
) -> TableStatus:
    entry = lock.whole(table.name)
    raw_errors = entry.raw_errors if entry is not None else 0
    checks = catalogue.checks_of(table)
    failed, due = map(tuple, due_checks(table, catalogue, lock, own))
    deliveries = tuple(_deliveries(table, lock))
    if not checks:
        return TableStatus(state, Verdict.NONE, {}, raw_errors, failed, due, deliveries)
    known = catalogue.verdicts.known
    whole = [known(item) for item in checks if not item.by_partition]
    by_part = {
        part: [known(item, part) for item in checks if item.by_partition]
        for part in (table.parts if table.partitioned else ())
        if part is not None
    }
    everything = whole + [report for reports in by_part.values() for report in reports]
    verdicts = {part: _verdict(reports) for part, reports in by_part.items()}
    verdict = _verdict(everything)
    return TableStatus(state, verdict, verdicts, raw_errors, failed, due, deliveries)


def _deliveries(table: Table, lock: Lock) -> Iterator[DeliveryReport]:
    """What deliveries brought to a table, as it was built last."""
    for part in table.parts if table.reads else ():
        if (entry := lock.entry(table.name, part)) is not None:
            yield from kept(table.reading(part), entry.data_version)


def _verdict(reports: Sequence[Report | None]) -> Verdict:
    """One that failed says more than one that was not made."""
    if any(report is not None and not report.ok for report in reports):
        return Verdict.FAILED
    return Verdict.PASSED if all(report is not None for report in reports) else Verdict.NOT_CHECKED


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
