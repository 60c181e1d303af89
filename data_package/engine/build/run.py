"""One build: the project is loaded, its tables run in one process and one Dagster run."""

import importlib.util
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import dagster as dg

from data_package.engine.build import executor
from data_package.engine.build.instance import project_instance
from data_package.engine.build.result import BuildResult, Tally
from data_package.engine.errors import BuildError, ProjectError, did_you_mean
from data_package.engine.project import Project, find_project
from data_package.engine.storage import sweep
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import catalogue_of
from data_package.engine.tables.table import PACKAGE

Watch = Callable[[Tally], AbstractContextManager[Callable[[], None]]]


def build(*select: str, project: Path | None = None) -> BuildResult:
    """Build the tables and publish the data package.

    >>> result = build()                       # doctest: +SKIP
    >>> result["subjects"].rows                # doctest: +SKIP
    306

    Args:
        select: what to build, in Dagster's asset selection syntax; everything by default.
        project: a folder of the project; by default the working directory.

    Returns:
        The facts of every table, when everything was built and every check passed.

    Raises:
        BuildFailed: a table or a check failed; its `result` holds the facts of every table.
        ProjectError: the project or the selection is wrong; nothing was run.
    """
    result = run_build(select, find_project(project))
    if not result.ok:
        raise BuildFailed(result)
    return result


class BuildFailed(BuildError):
    """A table or a check failed.

    Attributes:
        result: what was built all the same, and what failed.
    """

    def __init__(self, result: BuildResult) -> None:
        """`result`: of the build."""
        self.result = result
        super().__init__(result.explain())


def run_build(
    select: Sequence[str],
    project: Project,
    *,
    watch: Watch | None = None,
    verbose: bool = False,
) -> BuildResult:
    """Build, and return what came of it whether or not all went well.

    `watch` gets the state of the build before it starts, and gives what to call on each change.
    """
    began = time.perf_counter()
    sweep(project.storage)
    with _dagster_quiet(verbose=verbose), project_instance(project) as instance:
        module, attribute, definitions = load_project(project)
        job = _job(definitions, select)
        catalogue = catalogue_of(project)
        tally = Tally(job, catalogue.tables, PACKAGE)

        @contextmanager
        def listen(run_id: str) -> Iterator[None]:
            if watch is None:
                with executor.listening(run_id, tally.hear):
                    yield
                return
            with watch(tally) as changed:

                def hear(event: dg.DagsterEvent) -> None:
                    tally.hear(event)
                    changed()

                with executor.listening(run_id, hear):
                    yield

        run_id = internals.run_job(
            module, attribute, job, tally.results, instance, executor.OUR_LOGGER, listen
        )
        catalogue.hashes.save()
    tally.end()
    published = tally.package is not None and tally.package.ok
    return BuildResult(
        tables=tuple(tally.tables),
        package=tally.package,
        seconds=time.perf_counter() - began,
        package_path=str(project.published) if published else None,
        run_id=run_id,
    )


def load_project(project: Project) -> tuple[str, str, dg.Definitions]:
    """The module, the attribute and the definitions in it that Dagster loads for a project."""
    project.make_importable()
    name = f"{project.package}.definitions"
    if importlib.util.find_spec(name) is None:
        raise ProjectError(
            f"{project.relative(project.package_folder / 'definitions.py')} is missing. It is "
            f"what Dagster loads; write into it:\n\n"
            f"    import {project.package}\n"
            f"    from data_package.engine.definitions import load_definitions\n\n"
            f"    defs = load_definitions({project.package})"
        )
    module = importlib.import_module(name)
    for attribute, value in vars(module).items():
        if isinstance(value, dg.Definitions):
            return name, attribute, value
    raise ProjectError(f"{name} holds no Dagster Definitions.")


def _job(definitions: dg.Definitions, select: Sequence[str]) -> dg.JobDefinition:
    job = definitions.resolve_implicit_global_asset_job_def()
    if not select:
        return job
    graph = job.asset_layer.asset_graph
    names = [key.to_user_string() for key in graph.get_all_asset_keys()]
    chosen: set[dg.AssetKey] = set()
    for text in select:
        try:
            found = dg.AssetSelection.from_string(text).resolve(graph)
        except dg.DagsterError:
            found = set()
        found = {key for key in found if key in set(graph.executable_asset_keys)}
        if not found:
            raise ProjectError(
                f"{text!r} selects no table.{did_you_mean(text.strip('+*'), names)}\n"
                "Select by name (subjects), with what it needs (+subjects), with what needs it "
                "(subjects+), by group (group:raw) or by pattern (key:*visits)."
            )
        chosen |= found
    return job.get_subset(asset_selection=chosen)


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
