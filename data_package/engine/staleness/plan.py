"""What a build is asked for, and what of it is to be done."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

import dagster as dg

from data_package.engine.errors import ProjectError, did_you_mean, some
from data_package.engine.project import Project
from data_package.engine.staleness.assess import CauseKind
from data_package.engine.staleness.lock import Lock, LockFile, RawEntry, lock_of
from data_package.engine.staleness.moves import surveyed
from data_package.engine.staleness.own_checks import OwnVerdicts, is_due
from data_package.engine.staleness.preflight import faults_of
from data_package.engine.staleness.survey import TableState, in_order, raw_not_as_locked
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.loading import dagster_quiet, open_project
from data_package.engine.tables.table import PACKAGE, Table

# What of a table is meant: keys of partitions, or None alone for one that has no partitions.
Parts = tuple[str | None, ...]
_NAMED = 6

EntityKey = dg.AssetKey | dg.AssetCheckKey


@dataclass(frozen=True)
class Request:
    """What a build is asked for.

    Attributes:
        select: Dagster's asset selections; none for everything and the data package.
        partitions: keys of partitions, or ranges of them (`2020...2024`); none for all.
        force: run what is selected even where it is fresh.
        fail_fast: stop at the first failure instead of finishing the other branches.
        threads: how many tables are built at once.
        processes: whether each of those is built in its own process.
        slurm: whether each of those is built in a job of Slurm instead.
    """

    select: tuple[str, ...] = ()
    force: bool = False
    fail_fast: bool = False
    threads: int = 1
    partitions: tuple[str, ...] = ()
    processes: bool = False
    slurm: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether the whole project is to be built."""
        return not self.select and not self.partitions


@dataclass(frozen=True)
class Work:
    """What a build will do: tables and checks to run, and whether to publish.

    Attributes:
        publish: whether the data package is published; `may_publish`: whether it was selected.
        states: of every table, in the order of lists.
        parts: which partitions of those tables run that have any.
        checked: which partitions of a table each check of its contract is made on.
        fresh: how many tables the selection needs that are left alone.
        raw: entries of raw files that the lock is to have instead of its own.
    """

    tables: frozenset[dg.AssetKey]
    forced: frozenset[dg.AssetKey]
    checks: frozenset[dg.AssetCheckKey]
    publish: bool
    may_publish: bool
    states: dict[str, TableState]
    fresh: int
    parts: Mapping[dg.AssetKey, tuple[str, ...]] = field(default_factory=dict)
    checked: Mapping[dg.AssetCheckKey, tuple[str, ...]] = field(default_factory=dict)
    raw: Mapping[str, RawEntry] = field(default_factory=dict)

    def describe(self) -> str:
        """What would run, and why."""
        if self.is_nothing:
            return "Nothing to do: everything is fresh."
        names = {key.to_user_string() for key in self.tables}
        keys = {key.to_user_string(): parts for key, parts in self.parts.items()}
        lines = []
        for name, state in self.states.items():
            if name in names:
                reason = state.reason or "it is forced"
                may_stop = state.causes and all(c.kind is CauseKind.UPSTREAM for c in state.causes)
                hint = "; may turn out not to be needed" if may_stop else ""
                of = f" ({some(keys[name], _NAMED)})" if name in keys else ""
                verb = "move" if _is_only_moved(state) else "build"
                lines.append(f"would {verb} {name}{of}: {reason}{hint}")
        checked = {check.asset_key.to_user_string() for check in self.checks} - names
        lines += [f"would check {name} again" for name in sorted(checked)]
        if self.publish:
            lines.append("would publish the data package")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The same as JSON text."""
        tables = {
            name: [str(cause) for cause in state.causes]
            for name, state in self.states.items()
            if name in {key.to_user_string() for key in self.tables}
        }
        checks = sorted(check.to_user_string() for check in self.checks)
        parts = {key.to_user_string(): list(keys) for key, keys in sorted(self.parts.items())}
        document: dict[str, object] = {
            "tables": tables,
            "checks": checks,
            "publish": self.publish,
        }
        if parts:
            document["partitions"] = parts
        return json.dumps(document, indent=2, ensure_ascii=False)

    def parts_of(self, made: Iterable[EntityKey]) -> tuple[str, ...] | None:
        """The partitions that a step is carried out for; None for a step that has none."""
        for key in made:
            known = self.parts if isinstance(key, dg.AssetKey) else self.checked
            if key in known:
                return known[key]  # type: ignore[index]
        return None

    def takes(
        self,
        made: Sequence[EntityKey],
        part: str | None,
        before: Sequence[EntityKey],
        catalogue: Catalogue,
    ) -> Collection[str] | None:
        """The partitions of an earlier step's table that a step waits for; None for all.

        A contract's check of all partitions together holds back what takes more than one of them.
        """
        sources = {key.asset_key if isinstance(key, dg.AssetCheckKey) else key for key in before}
        # Which partition a user's check of the whole table is about is unknown.
        whole = all(isinstance(key, dg.AssetCheckKey) and key in catalogue.across for key in before)
        found: set[str] = set()
        for key in made:
            reader = catalogue.tables.get(
                key.asset_key if isinstance(key, dg.AssetCheckKey) else key
            )
            for source in map(catalogue.tables.get, sources):
                if reader is None or source is None or not source.partitions:
                    return None
                if isinstance(key, dg.AssetCheckKey) and source.key == reader.key:
                    if part is None:
                        return None
                    found.add(part)
                elif isinstance(key, dg.AssetCheckKey) or source.key not in reader.inputs.values():
                    return None
                else:
                    found.update(catalogue.taken(reader, source, part))
        return () if whole and len(found) == 1 and part is not None else found

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.tables or self.checks or self.publish)


def _is_only_moved(state: TableState) -> bool:
    """Whether all that a build has to do about a table is to put its file in its place."""
    return bool(state.causes) and all(cause.kind is CauseKind.MOVED for cause in state.causes)


def plan_work(
    request: Request, job: dg.JobDefinition, catalogue: Catalogue, lock: LockFile
) -> Work:
    """Decide what is to be done: the stale tables of the selection and what they need."""
    selected = select_tables(request.select, job)
    asked = selected & catalogue.tables.keys()
    if request.select and not asked and PACKAGE not in selected:
        name = min(selected).to_user_string()
        raise ProjectError(
            f"'{name}' is not made by this project's functions, so a build does not run it.\n"
            f"Dagster's command does: dagster asset materialize --select {name} "
            f"-m {catalogue.project.package}.definitions"
        )
    wanted = asked_parts(request, asked, catalogue)
    needed = with_inputs(wanted, catalogue)
    may_publish = PACKAGE in selected and not request.partitions
    states = _surveyed(catalogue, lock.read(), needed, publish=may_publish)
    stale: dict[dg.AssetKey, Parts] = {}
    verdicts = OwnVerdicts(catalogue.project)
    for key, parts in needed.items():
        table = catalogue.tables[key]
        not_fresh = set(states[table.name].stale)
        forced = set(wanted.get(key, ())) if request.force else set()
        if table.partitioned:
            # A check that its function makes is made again with the partition that it failed for.
            not_fresh.update(*verdicts.failed_with(table).values())
        if runs := tuple(p for p in parts if p in not_fresh or p in forced):
            stale[key] = runs
    tables, checks = _what_runs(job, needed, stale, catalogue, lock.read())
    made = {key: _made_together(job, key, stale, needed) for key in tables}
    raw = raw_not_as_locked(catalogue, lock.read(), states)
    publish = may_publish and (
        bool(tables or checks)
        or (bool(raw) and bool(catalogue.publications))
        or not all(p.is_current() for p in catalogue.publications)
    )
    return Work(
        tables,
        frozenset(wanted if request.force else ()),
        checks,
        publish,
        may_publish,
        states,
        fresh=len(needed.keys() - tables),
        parts={key: _keys(parts) for key, parts in made.items() if None not in parts},
        checked=_parts_checked(checks, needed, made, catalogue, lock.read()),
        raw=raw,
    )


def _surveyed(
    catalogue: Catalogue, lock: Lock, needed: Collection[dg.AssetKey], *, publish: bool
) -> dict[str, TableState]:
    """The state of every table. Raises ProjectError for all that is known to be wrong, at once."""
    tables = [catalogue.tables[key] for key in needed]
    faults = faults_of(catalogue, tables, publish=publish)
    states: dict[str, TableState] = {}
    try:
        states = surveyed(catalogue, lock)
    except ProjectError as fault:
        faults.insert(0, str(fault))
    if faults:
        raise ProjectError("\n\n".join(faults))
    return states


def asked_parts(
    request: Request, asked: Set[dg.AssetKey], catalogue: Catalogue
) -> dict[dg.AssetKey, Parts]:
    """What is asked for of each table. Raises ProjectError for a partition that none has."""
    tables = {key: catalogue.tables[key] for key in sorted(asked)}
    if not request.partitions:
        return {key: table.parts for key, table in tables.items()}
    found = {
        key: parts for key, table in tables.items() if (parts := _named(request.partitions, table))
    }
    known = [key for table in tables.values() if table.partitions for key in table.partitions.keys]
    for text in request.partitions:
        if not any(_named((text,), table) for table in tables.values()):
            raise ProjectError(
                f"No partition is called {text!r}.{did_you_mean(text, known)}\n"
                + (
                    "A range is written FIRST...LAST, and `data-package why TABLE` lists the keys."
                    if known
                    else "None of the tables that were asked for has partitions."
                )
            )
    return found


def _named(texts: Sequence[str], table: Table) -> Parts:
    """The partitions of a table that keys and ranges name, in the table's order."""
    if table.partitions is None:
        return ()
    keys = table.partitions.keys
    named: set[str] = set()
    for text in texts:
        first, dots, last = text.partition("...")
        if text in table.partitions.known:
            named.add(text)
        elif dots and {first, last} <= table.partitions.known:
            named.update(keys[keys.index(first) : keys.index(last) + 1])
    return tuple(key for key in keys if key in named)


def _made_together(
    job: dg.JobDefinition,
    key: dg.AssetKey,
    stale: Mapping[dg.AssetKey, Parts],
    needed: Mapping[dg.AssetKey, Parts],
) -> Parts:
    """The partitions that run of a table that runs: those of all that its function makes."""
    graph = job.asset_layer.asset_graph
    keys = graph.get_execution_set_asset_and_check_keys(key)
    wanted = {
        part for other in keys if isinstance(other, dg.AssetKey) for part in stale.get(other, ())
    }
    parts = needed.get(key) or tuple(wanted)
    return tuple(part for part in parts if part in wanted) or parts


def _parts_checked(
    checks: Set[dg.AssetCheckKey],
    needed: Mapping[dg.AssetKey, Parts],
    made: Mapping[dg.AssetKey, Parts],
    catalogue: Catalogue,
    lock: Lock,
) -> dict[dg.AssetCheckKey, tuple[str, ...]]:
    """The partitions on which each check by partition is made: what runs, and what is not good."""
    found = {}
    verdicts = OwnVerdicts(catalogue.project)
    for key, check in catalogue.own_checks.items():
        if key in checks and check.by_partition:
            runs = set(made.get(key.asset_key, ()))
            parts = catalogue.parts_of_check(key)
            of = needed.get(key.asset_key, parts)
            found[key] = _keys(
                part
                for part in parts
                if part in runs or (part in of and is_due(key, catalogue, lock, verdicts, part))
            )
    for item in catalogue.checks:
        if item.key in checks and item.by_partition:
            runs = set(made.get(item.table.key, ()))
            of = needed.get(item.table.key, item.parts)
            found[item.key] = _keys(
                part
                for part in item.parts
                if part in runs or (part in of and not catalogue.verdicts.is_good(item, part))
            )
    return found


def _keys(parts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(part for part in parts if part is not None)


def preview(request: Request, project: Project) -> Work:
    """What `run_build` would do now."""
    catalogue, job = open_project(project)
    return plan_work(request, job, catalogue, lock_of(project))


def select_tables(select: Sequence[str], job: dg.JobDefinition) -> set[dg.AssetKey]:
    """The tables, and perhaps the data package, that a selection names.

    Raises ProjectError, with a guess at what was meant, for a selection that is empty.
    """
    graph = job.asset_layer.asset_graph
    executable = set(graph.executable_asset_keys)
    if not select:
        return executable
    chosen: set[dg.AssetKey] = set()
    for text in select:
        try:
            with dagster_quiet(verbose=False):
                found = dg.AssetSelection.from_string(text).resolve(graph) & executable
        except dg.DagsterError:
            found = set()
        if not found:
            names = [key.to_user_string() for key in executable]
            raise ProjectError(
                f"{text!r} selects no table.{did_you_mean(text.strip('+*'), names)}\n"
                "Select by name (subjects), with what it needs (+subjects), with what needs it "
                "(subjects+), by group (group:raw) or by pattern (key:*visits)."
            )
        chosen |= found
    return chosen


def selected_tables(select: Sequence[str], project: Project) -> tuple[Catalogue, list[Table]]:
    """The catalogue of a project, and the tables that a selection names, inputs first."""
    catalogue, job = open_project(project)
    chosen = select_tables(select, job)
    return catalogue, [table for table in in_order(catalogue) if table.key in chosen]


def selected_parts(
    select: Sequence[str], partitions: tuple[str, ...], project: Project
) -> tuple[Catalogue, list[tuple[Table, Parts]]]:
    """The catalogue of a project, and what a selection names of each table, inputs first."""
    catalogue, tables = selected_tables(select, project)
    asked = {table.key for table in tables}
    parts = asked_parts(Request(tuple(select), partitions=partitions), asked, catalogue)
    return catalogue, [(table, parts[table.key]) for table in tables if table.key in parts]


def with_inputs(
    wanted: Mapping[dg.AssetKey, Parts], catalogue: Catalogue
) -> dict[dg.AssetKey, Parts]:
    """What is wanted, and what of their inputs it takes, table by table."""
    needed: dict[dg.AssetKey, set[str | None]] = {k: set(parts) for k, parts in wanted.items()}
    for table in reversed(in_order(catalogue)):
        for part in tuple(needed.get(table.key, ())):
            for key in table.inputs.values():
                source = catalogue.tables.get(key)
                if source is not None:
                    needed.setdefault(key, set()).update(catalogue.parts_taken(table, source, part))
    return {
        key: tuple(part for part in catalogue.tables[key].parts if part in parts)
        for key, parts in needed.items()
    }


def _what_runs(
    job: dg.JobDefinition,
    needed: Mapping[dg.AssetKey, Parts],
    tables: Iterable[dg.AssetKey],
    catalogue: Catalogue,
    lock: Lock,
) -> tuple[frozenset[dg.AssetKey], frozenset[dg.AssetCheckKey]]:
    """The tables and checks that run, with those that the same functions make in one go."""
    graph = job.asset_layer.asset_graph

    def together(keys: Iterable[EntityKey]) -> set[EntityKey]:
        return {
            other for key in keys for other in graph.get_execution_set_asset_and_check_keys(key)
        }

    whole = together(tables)
    while True:
        running = frozenset(key for key in whole if isinstance(key, dg.AssetKey))
        more = whole | together(_checks(job, needed, running, catalogue, lock))
        if more == whole:
            break
        whole = more
    return running, frozenset(key for key in whole if isinstance(key, dg.AssetCheckKey))


def _checks(
    job: dg.JobDefinition,
    needed: Mapping[dg.AssetKey, Parts],
    tables: frozenset[dg.AssetKey],
    catalogue: Catalogue,
    lock: Lock,
) -> Iterator[dg.AssetCheckKey]:
    """The checks of what runs, and those of fresh tables that have no good verdict."""
    contract = {item.key: item for item in catalogue.checks}
    verdicts = OwnVerdicts(catalogue.project)
    for key in job.asset_layer.asset_graph.asset_check_keys:
        if key.asset_key in tables:
            yield key
        elif key.asset_key in needed:
            if key in contract:
                item = contract[key]
                parts = needed[key.asset_key] if item.by_partition else (None,)
                if not all(catalogue.verdicts.is_good(item, part) for part in parts):
                    yield key
            elif any(
                is_due(key, catalogue, lock, verdicts, part)
                for part in catalogue.parts_of_check(key)
                if part is None or part in needed[key.asset_key]
            ):
                yield key
