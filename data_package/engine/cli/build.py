"""`data-package build`."""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import click

from data_package.engine import garbage
from data_package.engine.cli import completing, options
from data_package.engine.cli.clock import seconds_since_start
from data_package.engine.cli.say import say
from data_package.engine.project import MOST_AT_ONCE

if TYPE_CHECKING:
    from data_package.engine.project import Project
    from data_package.engine.runs.result import BuildResult


@click.command("build")
@click.argument("select", nargs=-1, shell_complete=completing.tables)
@click.option("--force", is_flag=True, help="Run the selected tables even if they are fresh.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would run and why; run nothing.")
@click.option(
    "--keep-going/--fail-fast",
    default=True,
    help="After a failure, finish the other branches (as it does by default), or stop.",
)
@options.at_once
@options.where
@options.partitions
@click.option("--partition-range", "ranges", multiple=True, metavar="FIRST...LAST", hidden=True)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show Dagster's log.")
@click.option("--pdb", is_flag=True, help="Open the debugger where a table's function failed.")
@click.option(
    "--show-values",
    is_flag=True,
    help="Show a failing table's original error, which may quote rows, on this terminal only.",
)
def command(
    select: tuple[str, ...],
    force: bool,
    dry_run: bool,
    keep_going: bool,
    at_once: int | None,
    where: str | None,
    partitions: tuple[str, ...],
    ranges: tuple[str, ...],
    as_json: bool,
    verbose: bool,
    pdb: bool,
    show_values: bool,
) -> None:
    """Build what is stale, check it, and publish the data package.

    SELECT is Dagster's asset selection: a table (subjects), with all that it needs (+subjects),
    with all that needs it (subjects+), a group (group:raw), a pattern (key:*visits). Stale tables
    that the selected ones need are built too. Without SELECT, everything is built.

    Example: data-package build 'subjects+'
    """
    garbage.put_off()
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.runs.run import run_build
    from data_package.engine.staleness.plan import Request, preview

    if show_values:
        _show_originals()
    project = find_project()
    if pdb:
        _open_debugger(project)
        at_once, where = 1, options.Where.THREADS
    processes, slurm = _places(project, options.Where(where) if where else None)
    request = Request(
        select,
        force=force,
        fail_fast=not keep_going,
        threads=at_once or _at_once(project, processes=processes, slurm=slurm),
        processes=processes,
        slurm=slurm,
        partitions=partitions + ranges,
    )
    if dry_run:
        work = preview(request, project)
        say(work.to_json() if as_json else work.describe())
        return

    result = run_build(
        request,
        project,
        watch=None if verbose or pdb else progress.live,
        report=lambda text: say(text, err=True),
        verbose=verbose,
        began=time.monotonic() - seconds_since_start(),
    )
    if as_json:
        say(result.to_json())
    else:
        _show(result)
    if not result.ok:
        sys.exit(1)


def _show(result: "BuildResult") -> None:
    """Print what was built, and what is left to do."""
    from data_package.engine.runs import progress

    if result.tables:
        progress.show(result)
        say()
    for text in (result.accepted(), result.deliveries(), result.warnings()):
        if text:
            say(text + "\n")
    if not result.ok:
        say(result.explain() + "\n", err=True)
    say(progress.closing_line(result))
    if unpublished := progress.unpublished_line(result):
        say(unpublished)
    if result.package_path and (left := _left_to_say(Path(result.package_path))):
        say(f"Still missing: {left}. See where: data-package todo")


def _places(project: "Project", where: "options.Where | None") -> tuple[bool, bool]:
    """Whether tables are built in processes, and whether in jobs of Slurm."""
    match where:
        case None:
            return project.processes, False
        case options.Where.THREADS:
            return False, False
        case options.Where.PROCESSES:
            return True, False
        case options.Where.SLURM:
            return False, True
    assert_never(where)


def _at_once(project: "Project", *, processes: bool, slurm: bool) -> int:
    """As the project sets it; else one thread, a process for each processor, or many jobs."""
    if slurm:
        return project.at_once if project.at_once > 1 else MOST_AT_ONCE
    if project.at_once > 1 or not processes:
        return project.at_once
    return len(os.sched_getaffinity(0))


def _left_to_say(folder: Path) -> str:
    from data_package.engine.package.completeness import gaps_in, summary_of
    from data_package.engine.package.descriptor import FILE_NAME

    with suppress(OSError, ValueError):
        return summary_of(gaps_in(json.loads((folder / FILE_NAME).read_bytes())))
    return ""


def _open_debugger(project: "Project") -> None:
    from data_package.engine.runs.debug import post_mortem
    from data_package.engine.tables import failures

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("--pdb needs a terminal.")
    failures.show_original = post_mortem(project)


def _show_originals() -> None:
    from data_package.engine.tables import failures

    if not sys.stderr.isatty():
        raise click.UsageError("--show-values needs a terminal: values are shown nowhere else.")

    def show(name: str, error: BaseException) -> None:
        say(f"{name}: {type(error).__name__}: {error}", err=True)

    failures.show_original = show
