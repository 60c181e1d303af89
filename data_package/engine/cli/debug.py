"""`data-package debug`."""

import code
import importlib
import importlib.util
import sys

import click

from data_package.engine.cli import completing
from data_package.engine.cli.say import say


@click.command("debug")
@click.argument("table", shell_complete=completing.tables)
@click.option("--partition", metavar="KEY", help="Which partition of a partitioned table.")
def command(table: str, partition: str | None) -> None:
    """Open a Python prompt with the real inputs of TABLE loaded, and its function.

    The inputs have the names of the function's parameters. Values of rows are shown, so it works
    on a terminal only, and nothing is recorded.

    Example: data-package debug subjects
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("debug needs a terminal: values are only shown there.")
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.runs.debug import open_table

    project = find_project()
    with progress.loading():
        opened = open_table(table, project, partition=partition)
    names = dict(opened.names)
    if importlib.util.find_spec("IPython") is not None:
        say(opened.banner)
        # Input may quote values, so unlike in IPython no history is kept.
        quiet = ["--no-banner", "--no-confirm-exit", "--HistoryManager.enabled=False"]
        importlib.import_module("IPython").start_ipython(argv=quiet, user_ns=names)
    else:
        _complete(names)
        code.interact(banner=opened.banner, local=names, exitmsg="")


def _complete(names: dict[str, object]) -> None:
    """Let the Tab key complete names, where Python supports it."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
