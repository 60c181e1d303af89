"""Debugging a table by hand: its function and its real inputs, in this process only."""

import functools
import inspect
import pdb
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

import dagster as dg
import polars as pl

from data_package.engine.errors import BuildError, ProjectError, did_you_mean
from data_package.engine.project import Project
from data_package.engine.runs import executor
from data_package.engine.runs.aside import definitions_aside, passing_instance, unbound_assets
from data_package.engine.sources.assets import FILES_MANAGER, SourceFiles
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.survey import Failures, basis, present_of
from data_package.engine.tables import failures, internals
from data_package.engine.tables.asset_tables import TABLES_MANAGER
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.io_manager import ParquetTables
from data_package.engine.tables.loading import Loaded, load_project
from data_package.engine.tables.table import Table


@dataclass(frozen=True)
class Opened:
    """A table's function with what it would be called with.

    Attributes:
        names: the function and its arguments, by their names in the code.
        call: how to call it.
        banner: the inputs, the last error, and how to go on; no value of any row.
    """

    names: Mapping[str, object]
    call: str
    banner: str


def open_table(name: str, project: Project, *, partition: str | None = None) -> Opened:
    """Load a table's inputs as its function would get them.

    Raises ProjectError for a name that is not a table, BuildError when an input is missing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load_project(project)
        catalogue = catalogue_of(project)
        table = _table(name, catalogue)
        if table.function is None:
            raise ProjectError(f"'{name}' is not made by a function that can be called.")
        if table.partitioned and partition is None:
            raise ProjectError(
                f"'{name}' is partitioned: name the partition.\n"
                f"data-package debug {name} --partition KEY"
            )
        arguments = _arguments(table, table.function, loaded, catalogue, partition)
    function = table.function
    call = f"{function.__name__}({', '.join(arguments)})"
    names = {**arguments, "pl": pl, function.__name__: function}
    error = _last_error(table, catalogue, partition)
    return Opened(names, call, _banner(table, arguments, call, error))


def post_mortem(project: Project) -> Callable[[str, BaseException], None]:
    """What opens a debugger at the user's own line when a table fails (`failures.show_original`).

    The debugger reads and writes the terminal; nothing of it is kept.
    """

    def look(name: str, error: BaseException) -> None:
        if isinstance(error, dg.RetryRequested):
            return
        trace = error.__traceback__
        sys.stderr.write(f"\n{name} failed: {type(error).__name__}: {error}\n")
        if trace is None or failures.users_line(error, project) is None:
            sys.stderr.write(
                "The function had already returned its query, so no line of it is running. Call "
                f"it by hand:\n  data-package debug {name}\n"
            )
            return
        sys.stderr.write("c continues the build, q leaves the debugger, help lists the commands\n")
        sys.stderr.flush()
        debugger = _AtUsersLine(project)
        debugger.reset()
        debugger.interaction(None, trace)

    return look


class _AtUsersLine(pdb.Pdb):
    """A debugger that starts at the innermost line of the user's own code; `d` goes deeper."""

    def __init__(self, project: Project) -> None:
        super().__init__(nosigint=True)
        self._project = project

    def get_stack(
        self, f: FrameType | None, t: TracebackType | None
    ) -> tuple[list[tuple[FrameType, int]], int]:
        """The whole stack, and the user's place in it."""
        stack, index = super().get_stack(f, t)
        for place in reversed(range(len(stack))):
            if failures.is_users(Path(stack[place][0].f_code.co_filename), self._project):
                return stack, place
        return stack, index


def _table(name: str, catalogue: Catalogue) -> Table:
    table = catalogue.named.get(name)
    if table is None:
        raise ProjectError(
            f"There is no table '{name}'.{did_you_mean(name, catalogue.named)}\n"
            "`data-package status` lists them."
        )
    return table


def _arguments(
    table: Table,
    function: Callable[..., object],
    loaded: Loaded,
    catalogue: Catalogue,
    partition: str | None,
) -> dict[str, object]:
    """The arguments that Dagster passes to the function, from a run that leaves no trace."""
    caught: dict[str, object] = {}

    @functools.wraps(inspect.unwrap(function))
    def catch(*args: object, **kwargs: object) -> object:
        caught.update(inspect.signature(function).bind(*args, **kwargs).arguments)
        # Without this, a retry policy would start another attempt.
        raise dg.Failure("caught", allow_retries=False)

    items = unbound_assets(loaded)
    own = next(i for i in items if isinstance(i, dg.AssetsDefinition) and table.key in i.keys)
    changed = [internals.with_function(own, catch) if item is own else item for item in items]
    managers = {
        TABLES_MANAGER: ParquetTables.of(catalogue, lambda *_: None),
        FILES_MANAGER: SourceFiles(catalogue.deliveries, catalogue.delivered),
    }
    once = {
        key: dg.IOManagerDefinition.hardcoded_io_manager(_Once(manager))
        for key, manager in managers.items()
    }
    job = definitions_aside(loaded, changed, once).resolve_implicit_global_asset_job_def()
    with passing_instance() as instance:
        result = job.get_subset(asset_selection=set(own.keys)).execute_in_process(
            instance=instance,
            run_config=executor.OUR_LOGGER,
            partition_key=partition,
            raise_on_error=False,
        )
    if not caught and inspect.signature(function).parameters:
        failed = [event for event in result.all_events if event.is_step_failure]
        message = internals.failure_message(failed[0]) if failed else "Dagster did not start it."
        raise BuildError(
            f"The inputs of '{table.name}' cannot be loaded:\n{message}\n"
            f"Build what it needs: data-package build +{table.name}"
        )
    return caught


class _Once(dg.IOManager):
    """Loads inputs like another IO manager, without retries for a missing one."""

    def __init__(self, manager: dg.IOManager) -> None:
        self._manager = manager

    def load_input(self, context: dg.InputContext) -> object:
        """Load an input; a table's retry policy is ignored."""
        try:
            return self._manager.load_input(context)
        except dg.Failure as failure:
            raise dg.Failure(failure.description, allow_retries=False) from None

    def handle_output(self, _context: dg.OutputContext, _obj: object) -> None:
        """Write nothing."""


def _banner(table: Table, arguments: Mapping[str, object], call: str, error: str | None) -> str:
    lines = [f"{table.name} ({table.place}), with its inputs as the function gets them:", ""]
    width = max(map(len, arguments), default=0)
    lines += [f"  {name:<{width}}  {_kind(value)}" for name, value in arguments.items()]
    if not arguments:
        lines.append("  (it takes none)")
    if error:
        lines += ["", "The last attempt failed:", *(f"  {line}" for line in error.splitlines())]
    lines += ["", f"Call it:  {call}"]
    if _is_lazy(table):
        lines.append(f"Run it:   {call}.collect()")
    lines.append("pl is Polars. Ctrl-D ends; nothing is written.")
    return "\n".join(lines)


def _kind(value: object) -> str:
    if isinstance(value, pl.LazyFrame):
        return f"LazyFrame, {_columns(len(value.collect_schema()))}"
    if isinstance(value, pl.DataFrame):
        return f"DataFrame, {value.height:,} rows, {_columns(value.width)}"
    if isinstance(value, list) and all(isinstance(item, Path) for item in value):
        return f"list of {len(value)} paths"
    if isinstance(value, dict):
        return f"dict of {len(value)} partitions"
    return "Path" if isinstance(value, Path) else type(value).__name__


def _columns(count: int) -> str:
    return f"{count} {'column' if count == 1 else 'columns'}"


def _is_lazy(table: Table) -> bool:
    returned = inspect.signature(table.function).return_annotation if table.function else None
    return returned is pl.LazyFrame or (
        isinstance(returned, str) and returned.endswith("LazyFrame")
    )


def _last_error(table: Table, catalogue: Catalogue, part: str | None) -> str | None:
    """The error of the last attempt, if it was made with the present code and inputs."""
    present = present_of(table, catalogue, read_lock(catalogue.project), part)
    return Failures(catalogue.project).error_of(table.labelled(part), basis(present))
