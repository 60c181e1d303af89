"""One build: what is stale runs, in one process and one Dagster run, and the rest is left alone."""

import importlib
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from data_package.engine.build import executor, memo
from data_package.engine.build.guard import building
from data_package.engine.build.instance import project_instance
from data_package.engine.build.lock import LockFile, lock_of
from data_package.engine.build.result import BuildResult, Tally
from data_package.engine.build.staleness import CauseKind, assess
from data_package.engine.build.survey import (
    Failures,
    State,
    TableState,
    in_order,
    present_of,
    survey,
)
from data_package.engine.errors import BuildError, ProjectError, did_you_mean
from data_package.engine.project import Project, find_project
from data_package.engine.storage import remove_folder, sweep
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.discovery import import_module
from data_package.engine.tables.table import PACKAGE, Table

Watch = Callable[[Tally], AbstractContextManager[Callable[[], None]]]


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


@dataclass(frozen=True)
class Loaded:
    """The definitions that Dagster loads for a project, and where they stand."""

    module: str
    attribute: str
    definitions: dg.Definitions

    def job(self) -> dg.JobDefinition:
        """Everything as one job.

        Raises ProjectError for what Dagster does not allow and nothing here has noticed.
        """
        try:
            return self.definitions.resolve_implicit_global_asset_job_def()
        except dg.DagsterError as error:
            raise ProjectError(f"Dagster does not take these definitions: {error}") from None


class BuildFailed(BuildError):
    """A table or a check failed.

    Attributes:
        result: what was built all the same, and what failed.
    """

    def __init__(self, result: BuildResult) -> None:
        """`result`: of the build."""
        self.result = result
        super().__init__(result.explain())


def build(
    *select: str,
    project: Path | None = None,
    force: bool = False,
    fail_fast: bool = False,
    threads: int = 1,
) -> BuildResult:
    """Build what is stale and publish the data package.

    >>> result = build()                       # doctest: +SKIP
    >>> result["subjects"].rows                # doctest: +SKIP
    306

    Args:
        select: what to build, in Dagster's asset selection syntax; everything by default.
        project: a folder of the project; by default the working directory.
        force: run what is selected even where it is fresh.
        fail_fast: stop at the first failure.
        threads: how many tables are built at once.

    Returns:
        The facts of every table that was stale, when all were built and every check passed.

    Raises:
        BuildFailed: a table or a check failed; its `result` holds the facts of every table.
        ProjectError: the project or the selection is wrong; nothing was run.
    """
    request = Request(select, force=force, fail_fast=fail_fast, threads=threads)
    result = run_build(request, find_project(project))
    if not result.ok:
        raise BuildFailed(result)
    return result


def run_build(
    request: Request,
    project: Project,
    *,
    watch: Watch | None = None,
    say: Callable[[str], object] = lambda _: None,
    verbose: bool = False,
    began: float | None = None,
) -> BuildResult:
    """Build, and return what came of it whether or not all went well.

    `watch` gets the state of the build before it starts, and gives what to call on each change;
    `say` gets what is worth a line; `began` is when the user's waiting began (`time.time`).
    """
    began = time.time() if began is None else began
    with building(project, say), _dagster_quiet(verbose=verbose):
        sweep(project.storage)
        sources = memo.sources_of(project)
        loaded = load_project(project)
        catalogue = catalogue_of(project)
        if memo.sources_of(project).own(project) != sources.own(project):
            # What was imported would run under the fingerprint of what has been written since.
            raise ProjectError("A file of the project changed while it was read. Build again.")
        lock = lock_of(project)
        job = loaded.job()
        work = plan_work(request, job, catalogue, lock)
        if not request.select:
            lock.keep_only(catalogue.deliveries.files, catalogue.named)
        if work.is_nothing:
            result = BuildResult((), None, time.time() - began, None, fresh=work.fresh)
        else:
            tally, run_id = _run(loaded, job, work, request, catalogue, lock, watch)
            tally.end()
            published = tally.package is not None and tally.package.ok
            result = BuildResult(
                tables=tuple(tally.tables),
                package=tally.package,
                seconds=time.time() - began,
                package_path=str(project.published) if published else None,
                fresh=work.fresh,
                run_id=run_id,
            )
        catalogue.hashes.save()
        if result.ok and not request.select:
            if catalogue.tables and not catalogue.publications:
                _withdraw(project, say)
            _remember(catalogue, sources)
    return result


def _withdraw(project: Project, say: Callable[[str], object]) -> None:
    """Take away the data package of a project that has no final table any more."""
    if (project.published / "datapackage.json").is_file():
        remove_folder(project.published)
        folder = project.relative(project.published)
        say(f"{folder} is removed: the project has no final table any more.")


def _remember(catalogue: Catalogue, sources: memo.Sources) -> None:
    """Note that everything is fresh, for the path that need not look again."""
    project = catalogue.project
    globs, paths = {}, []
    for file in catalogue.deliveries.files.values():
        base = file.base(project.root)
        for pattern in file.patterns:
            globs[str(base / pattern)] = memo.matches(str(base / pattern))
        paths += file.resolve(project.root)
    for table in catalogue.tables.values():
        paths += table.files()
    folders = set()
    for publication in catalogue.publications:
        paths += publication.files()
        folders |= {str(path.parent) for path in publication.files()}
    stamps = {str(path): catalogue.hashes.stamp_of(path) for path in paths}
    known = {path: stamp for path, stamp in stamps.items() if stamp is not None}
    if any(table.partitioned for table in catalogue.tables.values()) or len(known) < len(stamps):
        memo.forget(project)
    else:
        memo.remember(
            project,
            sources,
            globs=globs,
            files=known,
            folders=sorted(folders),
            fresh=len(catalogue.tables),
        )


def preview(request: Request, project: Project) -> Work:
    """What `run_build` would do now."""
    catalogue, job = open_project(project)
    return plan_work(request, job, catalogue, lock_of(project))


def open_project(project: Project) -> tuple[Catalogue, dg.JobDefinition]:
    """What a project holds, and the job that builds it, for who only looks."""
    with _dagster_quiet(verbose=False):
        loaded = load_project(project)
        return catalogue_of(project), loaded.job()


def selected_tables(select: Sequence[str], project: Project) -> tuple[Catalogue, list[Table]]:
    """The catalogue of a project, and the tables that a selection names, inputs first."""
    catalogue, job = open_project(project)
    chosen = select_tables(select, job)
    return catalogue, [table for table in in_order(catalogue) if table.key in chosen]


def plan_work(
    request: Request, job: dg.JobDefinition, catalogue: Catalogue, lock: LockFile
) -> Work:
    """Decide what is to be done: the stale tables of the selection and what they need."""
    states = survey(catalogue, lock.read())
    selected = select_tables(request.select, job)
    needed = _with_inputs(selected & catalogue.tables.keys(), catalogue)
    stale = {
        key
        for key in needed
        if states[catalogue.tables[key].name].state is not State.FRESH
        and not catalogue.tables[key].partitioned
    }
    forced = (
        frozenset(selected & catalogue.tables.keys()) if request.force else frozenset[dg.AssetKey]()
    )
    tables = frozenset(stale | forced)
    checks = frozenset(_checks(job, needed, tables, catalogue))
    publish = PACKAGE in selected and (
        bool(tables or checks) or not all(p.is_current() for p in catalogue.publications)
    )
    return Work(tables, forced, checks, publish, states, fresh=len(needed - tables))


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


def _with_inputs(selected: set[dg.AssetKey], catalogue: Catalogue) -> set[dg.AssetKey]:
    needed: set[dg.AssetKey] = set()
    waiting = list(selected)
    while waiting:
        key = waiting.pop()
        if key not in needed and key in catalogue.tables:
            needed.add(key)
            waiting.extend(catalogue.tables[key].inputs.values())
    return needed


def _checks(
    job: dg.JobDefinition,
    needed: set[dg.AssetKey],
    tables: frozenset[dg.AssetKey],
    catalogue: Catalogue,
) -> Iterator[dg.AssetCheckKey]:
    """The checks of what runs, and those of fresh tables that have no good verdict."""
    contract = {item.key: item for item in catalogue.checks}
    failures = Failures(catalogue.project)
    for key in job.asset_layer.asset_graph.asset_check_keys:
        if key.asset_key in tables:
            yield key
        elif key.asset_key in needed and not catalogue.tables[key.asset_key].partitioned:
            if key in contract:
                known = catalogue.verdicts.known(contract[key])
                if known is None or not known.ok:
                    yield key
            elif failures.error_of(key.to_user_string(), "") is not None:
                yield key


def _run(
    loaded: Loaded,
    job: dg.JobDefinition,
    work: Work,
    request: Request,
    catalogue: Catalogue,
    lock: LockFile,
    watch: Watch | None,
) -> tuple[Tally, str]:
    assets = set(work.tables) | ({PACKAGE} if work.publish else set())
    chosen = job.get_subset(asset_selection=assets, asset_check_selection=set(work.checks))
    steps = internals.entities_of_steps(chosen)
    tally = Tally(steps, catalogue.tables, PACKAGE)
    contract = {item.key: item for item in catalogue.checks}

    def is_needless(entity: dg.AssetKey | dg.AssetCheckKey) -> bool:
        if isinstance(entity, dg.AssetCheckKey):
            known = catalogue.verdicts.known(contract[entity]) if entity in contract else None
            return known is not None and known.ok
        if entity in work.forced or entity not in catalogue.tables:
            return False
        table = catalogue.tables[entity]
        entry = lock.read().tables.get(table.name)
        present = present_of(table, catalogue, lock.read())
        return not assess(entry, present, catalogue.project.library_changes)

    def needless(step: str) -> bool:
        found = all(is_needless(entity) for entity in steps[step])
        if found:
            tally.needless.add(step)
        return found

    @contextmanager
    def prepare(run_id: str) -> Iterator[None]:
        with watch(tally) if watch else nullcontext(lambda: None) as changed:

            def hear(event: dg.DagsterEvent) -> None:
                tally.hear(event)
                changed()

            plan = executor.Plan(hear, needless, request.threads, request.fail_fast)
            with executor.planned(run_id, plan):
                yield

    with project_instance(catalogue.project) as instance:
        try:
            run_id = internals.run_job(
                loaded.module, loaded.attribute, chosen, instance, executor.OUR_LOGGER, prepare
            )
        except internals.RunError as error:
            raise BuildError(
                f"Dagster ended the run with {error}, and no table is to blame.\n"
                "Run `data-package build -v` to see its log."
            ) from None
    return tally, run_id


def load_project(project: Project) -> Loaded:
    """Import what Dagster loads for a project.

    Raises ProjectError when there is no such module or it cannot be imported.
    """
    _forget_modules(project)
    project.make_importable()
    name = f"{project.package}.definitions"
    if not (project.package_folder / "definitions.py").is_file():
        raise ProjectError(
            f"{project.relative(project.package_folder / 'definitions.py')} is missing. It is "
            f"what Dagster loads; write into it:\n\n"
            f"    import {project.package}\n"
            f"    from data_package.engine.definitions import load_definitions\n\n"
            f"    defs = load_definitions({project.package})"
        )
    import_module(project.package, project)
    for attribute, value in vars(import_module(name, project)).items():
        if isinstance(value, dg.Definitions):
            return Loaded(name, attribute, value)
    raise ProjectError(f"{name} holds no Dagster Definitions.")


def _forget_modules(project: Project) -> None:
    """Let every module of the project be read again: in a notebook its files change between builds.

    A function that was imported before would run as it was, under the fingerprint of what it is.
    """
    importlib.invalidate_caches()
    for name in list(sys.modules):
        if name.startswith(f"{project.package}.") and not name.startswith("data_package.engine"):
            del sys.modules[name]


@contextmanager
def _dagster_quiet(*, verbose: bool) -> Iterator[None]:
    """Keep Dagster's log and its warnings off the terminal, unless they are asked for."""
    before = executor.log_level
    executor.log_level = logging.DEBUG if verbose else logging.CRITICAL
    try:
        with warnings.catch_warnings():
            if not verbose:
                warnings.simplefilter("ignore")
            yield
    finally:
        executor.log_level = before
