"""`data-package build`."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import click


@click.command("build")
@click.argument("select", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show Dagster's log.")
@click.option(
    "--show-values",
    is_flag=True,
    help="Show a failing table's original error, which may quote rows, on this terminal only.",
)
def command(select: tuple[str, ...], as_json: bool, verbose: bool, show_values: bool) -> None:
    """Build what is asked for, check it, and publish the data package.

    SELECT is Dagster's asset selection: a table (subjects), with what it needs (+subjects), with
    what needs it (subjects+), a group (group:raw), a pattern (key:*visits). Without it, everything
    is built.
    """
    from data_package.engine.build import progress
    from data_package.engine.build.result import Tally
    from data_package.engine.build.run import run_build
    from data_package.engine.project import find_project

    terminal = progress.console(stderr=True)
    project = find_project()
    if show_values:
        _show_originals()

    def watch(tally: Tally) -> AbstractContextManager[Callable[[], None]]:
        return progress.live(tally, terminal)

    result = run_build(select, project, watch=None if verbose else watch, verbose=verbose)
    if as_json:
        click.echo(result.to_json())
    else:
        out = progress.console()
        out.print(progress.summary(result))
        if not result.ok:
            click.echo("\n" + result.explain(), err=True)
        out.print("\n" + progress.closing_line(result), soft_wrap=True)
    if not result.ok:
        sys.exit(1)


def _show_originals() -> None:
    from data_package.engine.tables import failures

    if not sys.stderr.isatty():
        raise click.UsageError("--show-values needs a terminal: values are shown nowhere else.")

    def show(name: str, error: BaseException) -> None:
        click.echo(f"{name}: {type(error).__name__}: {error}", err=True)

    failures.show_original = show
