"""What a build is asked for, and what of it is to be done."""

import json
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

import dagster as dg

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.project import Project
from data_package.engine.staleness.assess import CauseKind
from data_package.engine.staleness.lock import Lock, LockFile, lock_of
from data_package.engine.staleness.own_checks import OwnVerdicts, is_due
from data_package.engine.staleness.survey import (
    State,
    TableState,
    in_order,
    survey,
)
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.loading import dagster_quiet, open_project
from data_package.engine.tables.table import PACKAGE, Table

EntityKey = dg.AssetKey | dg.AssetCheckKey


@dataclass(frozen=True)
class Request:
    """What a build is asked for.

    Attributes:
        select: Dagster's asset selections; none for everything and the data package.
        force: run what is selected even where it is fresh.
        fail_fast: stop at the first failure instead of finishing the other branches.
        threads: how many tables are built at once.
    """

    select: tuple[str, ...] = ()
    force: bool = False
    fail_fast: bool = False
    threads: int = 1


@dataclass(frozen=True)
class Work:
    """What a build will do: tables and checks to run, and whether to publish.

    `fresh` counts the tables that the selection needs and that are left alone.
    """

    tables: frozenset[dg.AssetKey]
    forced: frozenset[dg.AssetKey]
    checks: frozenset[dg.AssetCheckKey]
    publish: bool
    states: dict[str, TableState]
    fresh: int

    def describe(self) -> str:
        """What would run, and why."""
        if self.is_nothing:
            return "Nothing to do: everything is fresh."
        names = {key.to_user_string() for key in self.tables}
        lines = []
        for name, state in self.states.items():
            if name in names:
                reason = state.reason or "it is forced"
                may_stop = state.causes and all(c.kind is CauseKind.UPSTREAM for c in state.causes)
                hint = "; may turn out not to be needed" if may_stop else ""
                lines.append(f"would build {name}: {reason}{hint}")
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
        document = {"tables": tables, "checks": checks, "publish": self.publish}
        return json.dumps(document, indent=2, ensure_ascii=False)

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.tables or self.checks or self.publish)


def plan_work(
    request: Request, job: dg.JobDefinition, catalogue: Catalogue, lock: LockFile
) -> Work:
    """Decide what is to be done: the stale tables of the selection and what they need."""
    states = survey(catalogue, lock.read())
    selected = select_tables(request.select, job)
    asked = selected & catalogue.tables.keys()
    if request.select and not asked and PACKAGE not in selected:
        name = min(selected).to_user_string()
        raise ProjectError(
            f"'{name}' is not made by this project's functions, so a build does not run it.\n"
            f"Dagster's command does: dagster asset materialize --select {name} "
            f"-m {catalogue.project.package}.definitions"
        )
    partitioned = {key for key, table in catalogue.tables.items() if table.partitioned}
    if asked and asked <= partitioned:
        raise ProjectError(_only_partitioned(min(asked).to_user_string(), catalogue))
    needed = _with_inputs(asked, catalogue) - partitioned
    stale = {key for key in needed if states[catalogue.tables[key].name].state is not State.FRESH}
    forced = frozenset(asked - partitioned if request.force else ())
    tables, checks = _what_runs(job, needed, stale | forced, catalogue, lock.read())
    publish = PACKAGE in selected and (
        bool(tables or checks) or not all(p.is_current() for p in catalogue.publications)
    )
    return Work(tables, forced, checks, publish, states, fresh=len(needed - tables))


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


def _only_partitioned(name: str, catalogue: Catalogue) -> str:
    return (
        f"'{name}' is partitioned, and a build chooses no partition. Dagster's command does:\n"
        f"dagster asset materialize --select {name} --partition KEY "
        f"-m {catalogue.project.package}.definitions"
    )


def _with_inputs(selected: set[dg.AssetKey], catalogue: Catalogue) -> set[dg.AssetKey]:
    needed: set[dg.AssetKey] = set()
    waiting = list(selected)
    while waiting:
        key = waiting.pop()
        if key not in needed and key in catalogue.tables:
            needed.add(key)
            waiting.extend(catalogue.tables[key].inputs.values())
    return needed


def _what_runs(
    job: dg.JobDefinition,
    needed: set[dg.AssetKey],
    tables: Set[dg.AssetKey],
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
    needed: Set[dg.AssetKey],
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
                known = catalogue.verdicts.known(contract[key])
                if known is None or not known.ok:
                    yield key
            elif is_due(key, catalogue, lock, verdicts):
                yield key
