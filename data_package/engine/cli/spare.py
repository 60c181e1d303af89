"""A process that has imported everything but the user's code, and waits for a command.

`data-package watch` keeps one ready: a build in it saves the second that importing Dagster and
Polars takes, and is otherwise a build in a new process. It ends with the command, or with the
process that started it.
"""

import gc
import importlib
import json
import signal
import sys

from data_package.engine.engine_edition import edition

# The modules that a build imports, in the order of the rooms.
_WANTED = (
    "data_package.engine.definitions",
    "data_package.engine.runs.run",
    "data_package.engine.runs.progress",
    "data_package.engine.cli.build",
    "dagster._core.storage.runs",
    "data_package.engine.history",
    "data_package.engine.history.fresh",
    "data_package.engine.package.publish",
    "data_package.engine.package.dictionary.page",
    # What these import when they need it.
    "dagster._core.secrets.env_file",
    "jinja2",
    "pyarrow",
    "upath.implementations.local",
)
# Whose editions a build asks for.
_EDITIONS = (
    "data_package.engine.package",
    "data_package.engine.tables.checks",
    "data_package.engine.lineage.derive",
    "data_package.engine.schema.contract",
)


def prepare() -> None:
    """Get ready what every build needs, and keep it out of later garbage collections."""
    for name in _WANTED:
        importlib.import_module(name)
    from data_package.engine.package.dictionary.page import TEMPLATE
    from data_package.engine.pages import compiled

    compiled(TEMPLATE)
    for name in _EDITIONS:
        edition(name).digest()
    gc.collect()
    gc.freeze()


def main() -> None:
    """Import, wait for one line with the command's arguments as JSON, and run that command."""
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
