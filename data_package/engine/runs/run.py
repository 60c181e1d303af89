"""One build: stale tables run, in one process and one Dagster run; fresh ones are left alone."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import dagster as dg

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.own_code import own_places
from data_package.engine.project import Project, find_project
from data_package.engine.runs import executor
from data_package.engine.runs.build_lock import building
from data_package.engine.runs.build_steps import BuildSteps
from data_package.engine.runs.instance import project_instance
from data_package.engine.runs.nursery import Nursery
from data_package.engine.runs.own_history import together
from data_package.engine.runs.queueing import require_slurm
from data_package.engine.runs.result import BuildResult, TableResult, Tally
from data_package.engine.staleness import memo
from data_package.engine.staleness.lock import LockFile, lock_of
from data_package.engine.staleness.moves import carry_out, described, find_moves
from data_package.engine.staleness.plan import Request, Work, plan_work
from data_package.engine.staleness.remembering import remember_fresh
from data_package.engine.states import Status
from data_package.engine.storage import (
    check_replaceable,
    followed,
    remove_folder,
    sweep,
    sweep_beside,
)
from data_package.engine.tables import internals, outside
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.loading import Loaded, dagster_quiet, load_project
from data_package.engine.tables.table import PACKAGE
from data_package.engine.unusable import belongs_to_another, lack_of_room

# So many processes at most are made while the run is put into the history.
_SOON = 4

Watch = Callable[[Tally], AbstractContextManager[Callable[[], None]]]


class BuildFailed(BuildError):
    """A table or a check failed.

    Attributes:
        result: what was built, and what failed.
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
    processes: bool = False,
    slurm: bool = False,
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
        processes: whether each of them is built in its own process.
        slurm: whether each of them is built in a job of the cluster's Slurm.

    Returns:
        The facts of every table that was stale, when all were built and every check passed.

    Raises:
        BuildFailed: a table or a check failed; its `result` holds the facts of every table.
        ProjectError: the project or the selection is wrong; nothing was run.
    """
    request = Request(
        select,
        force=force,
        fail_fast=fail_fast,
        threads=threads,
        processes=processes,
        slurm=slurm,
    )
    result = run_build(request, find_project(project))
    if not result.ok:
        raise BuildFailed(result)
    return result


def run_build(
    request: Request,
    project: Project,
    *,
    watch: Watch | None = None,
    report: Callable[[str], object] = lambda _: None,
    verbose: bool = False,
    began: float | None = None,
) -> BuildResult:
    """Build, and return the result, also if a table or a check failed.

    `watch` gets the state of the build before it starts, and returns a callback for each change;
    `report` is called with notes for the user; `began` is when the user began to wait
    (`time.monotonic`, seconds). Raises ProjectError when the project or the selection is wrong.
    """
    began = time.monotonic() if began is None else began
    if request.slurm:
        require_slurm()
    with building(project, report), dagster_quiet(verbose=verbose):
        _clear_up(project, report)
        loaded, sources = _loaded(project)
        catalogue = catalogue_of(project)
        for note in catalogue.notes:
            report(note)
        lock = lock_of(project)
        job = executor.with_own_executor(loaded.job(), catalogue, lock)
        moved = _move(catalogue, lock, report)
        work = plan_work(request, job, catalogue, lock)
        if lock.unfolded() or work.raw or not work.is_nothing:
            lock.check_writable()
            check_replaceable(*_written(work, catalogue))
        if work.raw:
            lock.change(lambda known: replace(known, raw={**known.raw, **work.raw}))
        if request.is_everything:
            lock.keep_only(catalogue.deliveries.files, catalogue.named, catalogue.keys)
        if work.is_nothing:
            tables: tuple[TableResult, ...] = ()
            package, run_id = None, None
            unpublished = not work.may_publish and not _is_current(catalogue)
        else:
            tally, run_id = _run(loaded, job, work, request, catalogue, lock, watch)
            tally.end()
            tables, package = tuple(tally.tables), tally.package
            _report_uses(tables, catalogue, report)
            unpublished = not work.may_publish and bool(catalogue.publications)
        published = package is not None and package.ok
        result = BuildResult(
            tables=tables,
            package=package,
            seconds=time.monotonic() - began,
            package_path=str(project.published) if published else None,
            fresh=work.fresh,
            run_id=run_id,
            moved=moved,
            unpublished=unpublished,
        )
        catalogue.hashes.save()
        _conclude(request, result, catalogue, lock, sources, report)
    return result


def _clear_up(project: Project, report: Callable[[str], object]) -> None:
    """Remove what builds that were killed have left; say whose storage it is, if another's."""
    if project.places.slurm.exists():
        from data_package.engine.runs.slurm import cancel_left

        cancel_left(project, report)
    if owner := belongs_to_another(project.storage):
        place = project.relative(project.storage)
        report(f"{place} belongs to {owner}, who may not be able to use what you build in it.")
    for folder in (project.storage, project.package_folder):
        sweep(folder)
    sweep_beside(followed(project.lock))


def _loaded(project: Project) -> tuple[Loaded, memo.Sources]:
    """The project's definitions, and the state of its files when they were imported."""
    project.make_importable()
    sources = memo.sources_of(project, _places(project))
    loaded = load_project(project)
    if memo.sources_of(project, _places(project)).own(project) != sources.own(project):
        # The imported code would run under the fingerprint of code that was saved since.
        raise ProjectError("A file of the project changed while it was read. Build again.")
    return loaded, sources


def _report_uses(
    tables: Sequence[TableResult], catalogue: Catalogue, report: Callable[[str], object]
) -> None:
    """Report what the functions that ran used and data-package does not follow."""
    for made in tables:
        ran = made.status in (Status.BUILT, Status.NOT_YIELDED)
        if ran and made.name in catalogue.named:
            made.uses = outside.seen(catalogue.named[made.name])
        for use in made.uses:
            report(f"{made.name}: {use}")


def _conclude(
    request: Request,
    result: BuildResult,
    catalogue: Catalogue,
    lock: LockFile,
    sources: memo.Sources,
    report: Callable[[str], object],
) -> None:
    """Note that everything is fresh, where it is and the lock file says so."""
    project = catalogue.project
    if result.tables and lock.was_replaced:
        memo.forget(project)
        report(
            f"{project.lock.name} was replaced while this build ran, and may lack what is built. "
            "Build again."
        )
    elif result.ok and request.is_everything:
        if catalogue.tables and not catalogue.publications:
            _withdraw(project, report)
        remember_fresh(catalogue, sources)


def _move(
    catalogue: Catalogue, lock: LockFile, report: Callable[[str], object]
) -> tuple[dict[str, object], ...]:
    """Move tables that are elsewhere and match the lock to their places, and report it."""
    found = find_moves(catalogue, lock.read())
    if not found:
        return ()
    lock.check_writable()
    moved = carry_out(found, catalogue, lock)
    for line in described(moved):
        report(line)
    return tuple(move.to_dict() for move in moved)


def _is_current(catalogue: Catalogue) -> bool:
    return all(publication.is_current() for publication in catalogue.publications)


def _written(work: Work, catalogue: Catalogue) -> Iterator[Path]:
    """The places that a build writes to, but for the lock and the history."""
    project = catalogue.project
    yield project.places.hashes
    if project.places.state.is_dir():
        yield from (one / "note" for one in project.places.state.iterdir() if one.is_dir())
    for key in work.tables:
        if (table := catalogue.tables.get(key)) is not None:
            yield table.path
            if table.partitioned:
                yield table.path / "partition"
    if work.publish:
        yield project.published


def _places(project: Project) -> list[str]:
    """Where the user's own code is that the project's package imports."""
    return [str(place) for places in own_places([project.package]).values() for place in places]


def _withdraw(project: Project, report: Callable[[str], object]) -> None:
    """Remove the data package of a project that no longer has a final table."""
    if (project.published / "datapackage.json").is_file():
        remove_folder(project.published)
        folder = project.relative(project.published)
        report(f"{folder} was removed: the project no longer has a final table.")


def _subset(
    job: dg.JobDefinition, assets: set[dg.AssetKey], checks: set[dg.AssetCheckKey]
) -> dg.JobDefinition:
    try:
        return job.get_subset(asset_selection=assets, asset_check_selection=checks)
    except dg.DagsterError as error:
        names = ", ".join(sorted(key.to_user_string() for key in assets | checks))
        raise ProjectError(
            f"Dagster cannot run these tables alone ({type(error).__name__}): {names}.\n"
            "Build everything: data-package build --force"
        ) from None


def _run(
    loaded: Loaded,
    job: dg.JobDefinition,
    work: Work,
    request: Request,
    catalogue: Catalogue,
    lock: LockFile,
    watch: Watch | None,
) -> tuple[Tally, str]:
    """Run the work, and return its facts and the id of the run."""
    assets = set(work.tables) | ({PACKAGE} if work.publish else set())
    chosen = _subset(job, assets, set(work.checks))
    steps = BuildSteps(chosen, work, catalogue, lock)
    tally = Tally(steps.steps, catalogue.tables, PACKAGE)

    def needless(name: str) -> bool:
        found = steps.is_needless(name)
        if found:
            tally.needless.add(name)
        return found

    @contextmanager
    def prepare(run_id: str) -> Iterator[None]:
        with watch(tally) if watch else nullcontext(lambda: None) as changed:

            def on_event(event: dg.DagsterEvent) -> None:
                tally.hear(event)
                changed()

            def on_states(states: Mapping[str, str]) -> None:
                tally.queued = states
                changed()

            plan = executor.Plan(
                on_event,
                needless,
                steps.parts,
                steps.waits,
                request.threads,
                request.fail_fast,
                executor.in_slurm(chosen, on_states) if request.slurm else in_processes,
            )
            with executor.planned(run_id, plan):
                yield

    with ExitStack() as open_things:
        open_things.enter_context(_failures_of_dagster(catalogue.project))
        instance = open_things.enter_context(project_instance(catalogue.project))
        # With all that opening the history imports, and before the progress is drawn, which takes a
        # thread.
        in_processes = None
        if request.processes:
            soon = min(request.threads, len(steps.steps), _SOON)
            nursery = Nursery(chosen, catalogue, executor.OUR_LOGGER, soon)
            open_things.callback(nursery.close)
            in_processes = executor.in_processes(nursery)
        run_id = internals.run_job(
            loaded.module,
            loaded.attribute,
            chosen,
            instance,
            executor.OUR_LOGGER,
            prepare,
            together(instance),
        )
    return tally, run_id


@contextmanager
def _failures_of_dagster(project: Project) -> Iterator[None]:
    """Report what ends a run before or outside its tables."""
    try:
        yield
    except internals.UnsetError as error:
        raise ProjectError(
            f"The environment variable {error.variable} is not set, and the resource "
            f"'{error.resource}' takes a value from it.\n"
            f"Set it before the command: export {error.variable}=…"
        ) from None
    except internals.ConfigError as error:
        raise ProjectError(
            f"The config of {error} has a field without a default, and a build sets none.\n"
            "Give each field of the class a default value."
        ) from None
    except internals.RunError as error:
        raise BuildError(
            error.reason
            or lack_of_room(project.storage)
            or f"Dagster ended the run with {error}, which no table caused.\n"
            "Run `data-package build -v` to see its log."
        ) from None
