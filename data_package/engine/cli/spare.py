"""A process that has imported everything but the user's code, and waits to be told a command.

`data-package watch` keeps one ready: a build in it spares the second that importing Dagster and
Polars takes, and is otherwise a build in a process of its own. It ends with the command, or when
whoever started it does.
"""

import gc
import importlib
import json
import signal
import sys

# What a build imports on its way, in the order of the rooms.
_WANTED = (
    "data_package.engine.definitions",
    "data_package.engine.runs.run",
    "data_package.engine.runs.progress",
    "data_package.engine.cli.build",
    "dagster._core.storage.runs",
    "data_package.engine.history",
)


def prepare() -> None:
    """Import what a build needs, and keep it out of later garbage collections."""
    for name in _WANTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def main() -> None:
    """Import, wait for one line with the command's words as JSON, and be that command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    prepare()
    line = sys.stdin.readline()
    if not line:
        return
    from data_package.engine.cli import clock
    from data_package.engine.cli import main as run

    clock.restart()
    sys.argv = ["data-package", *json.loads(line)]
    run()


if __name__ == "__main__":
    main()
