"""Loading a project's definitions: imported again, with Dagster's log silenced."""

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from data_package.engine import garbage
from data_package.engine.errors import ProjectError, visible
from data_package.engine.own_code import ENGINE, own_places
from data_package.engine.project import Project, find_project, read_from_source
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.discovery import import_module
from data_package.engine.tables.internals import UnresolvedJob, function_of
from data_package.engine.tables.table import place_of

# The level of Dagster's own log while definitions are loaded and run.
_log_level = logging.WARNING
# The module that is loaded for a package without `definitions.py`.
_CURRENT = "data_package.engine.current"
_to_load: Project | None = None


@dataclass(frozen=True)
class Loaded:
    """The definitions that Dagster loads for a project, and the module they are in."""

    module: str
    attribute: str
    definitions: dg.Definitions

    def job(self) -> dg.JobDefinition:
        """Everything as one job.

        Raises ProjectError for what Dagster does not allow and no earlier check has found.
        """
        try:
            everything = self.definitions.resolve_implicit_global_asset_job_def()
        except dg.DagsterError as error:
            raise ProjectError(f"Dagster does not take these definitions: {error}") from None
        _check_jobs(self.definitions)
        return everything


def load_project(project: Project) -> Loaded:
    """Import what Dagster loads for a project.

    That is `definitions.py` in the package, where there is one.

    Raises ProjectError when a module cannot be imported, or defines nothing.
    """
    global _to_load
    project.make_importable()
    _read_anew(project)
    own = (project.package_folder / "definitions.py").is_file()
    name = f"{project.package}.definitions" if own else _CURRENT
    import_module(project.package, project)
    _to_load = project
    for attribute, value in vars(import_module(name, project)).items():
        if isinstance(value, dg.Definitions):
            _refuse_left_out(value, name, project)
            garbage.begin_again()
            return Loaded(name, attribute, value)
    raise ProjectError(f"{name} holds no Dagster Definitions.")


def _check_jobs(definitions: dg.Definitions) -> None:
    """Raise ProjectError for a job whose selection names what is not there."""
    for job in definitions.jobs or ():
        if not isinstance(job, UnresolvedJob):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                job.selection.resolve(definitions.resolve_asset_graph())
        except dg.DagsterError as error:
            what = str(error).partition(", but no ")[0]
            raise ProjectError(
                f"The job '{job.name}' selects what does not exist: {what}.\n"
                "Correct the selection where the job is defined."
            ) from None


def _refuse_left_out(definitions: dg.Definitions, name: str, project: Project) -> None:
    """Raise ProjectError for assets in `definitions.py` itself, which are not searched for."""
    there = {
        key
        for item in definitions.assets or ()
        if isinstance(item, dg.AssetsDefinition)
        for key in item.keys
    }
    for value in vars(sys.modules[name]).values():
        if isinstance(value, dg.AssetsDefinition) and not value.keys <= there:
            key = min(value.keys - there).to_user_string()
            raise ProjectError(
                f"{place_of(function_of(value), project) or name}: '{key}' is defined in "
                f"definitions.py, where no assets are looked for.\n"
                "Move it into another module of the package."
            )


def project_to_load() -> Project:
    """The project that is being loaded here, or else the one of the working directory."""
    return _to_load or find_project()


def open_project(project: Project) -> tuple[Catalogue, dg.JobDefinition]:
    """The catalogue of a project and the job that builds it, for commands that only read."""
    with dagster_quiet(verbose=False):
        loaded = load_project(project)
        return catalogue_of(project), loaded.job()


def _read_anew(project: Project) -> None:
    """Let every module of the project be read again: in a notebook its files change between builds.

    A function imported before would run with its old code, under the fingerprint of the new. The
    same holds for the user's other modules that the project imports.
    """
    importlib.invalidate_caches()
    sys.modules.pop(_CURRENT, None)
    beside = own_places([project.package])
    read_from_source(beside)
    for name in list(sys.modules):
        if name.startswith(f"{ENGINE}.") or name == ENGINE:
            continue
        if name.startswith(f"{project.package}.") or name.partition(".")[0] in beside:
            del sys.modules[name]


@contextmanager
def dagster_quiet(*, verbose: bool) -> Iterator[None]:
    """Keep Dagster's log and its warnings off the terminal, unless they are asked for."""
    global _log_level
    before = _log_level
    _log_level = logging.DEBUG if verbose else logging.CRITICAL
    try:
        with warnings.catch_warnings():
            if not verbose:
                warnings.simplefilter("ignore")
            yield
    finally:
        _log_level = before


def is_verbose() -> bool:
    """Whether Dagster's log is shown."""
    return _log_level < logging.CRITICAL


def _console_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """Write to standard error what was asked for."""
    logger = logging.Logger("data-package", _log_level)
    handler = logging.StreamHandler()
    handler.setFormatter(_Visible("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
    return logger


class _Visible(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


console_logger = dg.LoggerDefinition(
    logger_fn=_console_logger,
    description="Warnings and errors, or all of Dagster's log if that was asked for.",
)
