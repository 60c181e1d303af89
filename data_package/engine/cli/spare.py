"""A process that has imported everything but the user's code, and waits for a command.

`data-package watch` keeps one ready: a build in it saves the second that importing Dagster and
Polars takes, and is otherwise a build in a new process. It has built a small project of its own
before, because the first build in a process takes longer than those after it. It ends with the
command, or with the process that started it.
"""

import gc
import importlib
import json
import os
import shutil
import signal
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from data_package.engine.engine_edition import edition

# The modules that a build imports, in the order of the rooms.
_WANTED = (
    "data_package.engine.definitions",
    "data_package.engine.runs.run",
    "data_package.engine.runs.progress",
    "data_package.engine.cli.build",
    "data_package.engine.cli.verbs",
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
    "data_package.engine.schema.contract_file",
)
# Nobody has a package of this name.
_REHEARSED = "data_package_rehearsal"
_REHEARSAL = {
    "pyproject.toml": f"""
        [tool.data-package]
        package = "{_REHEARSED}"
    """,
    f"{_REHEARSED}/__init__.py": "",
    f"{_REHEARSED}/final/__init__.py": "",
    f"{_REHEARSED}/final/tables.py": """
        import dagster as dg
        import polars as pl

        @dg.asset(group_name="raw")
        def numbers() -> pl.DataFrame:
            return pl.DataFrame({"a": [1]})

        @dg.asset
        def same_numbers(numbers: pl.LazyFrame) -> pl.LazyFrame:
            return numbers
    """,
    f"{_REHEARSED}/final/same_numbers.yaml": """
        schema:
          fields:
            - {name: a, type: integer}
    """,
}


def prepare() -> None:
    """Get ready what every build needs, and keep it out of later garbage collections."""
    for name in _WANTED:
        importlib.import_module(name)
    from data_package.engine.package.dictionary.page import TEMPLATE
    from data_package.engine.pages import compiled

    compiled(TEMPLATE)
    for name in _EDITIONS:
        edition(name).digest()
    _keep()


def _keep() -> None:
    gc.collect()
    gc.freeze()


def rehearse(folder: Path) -> None:
    """Build a small project in an empty folder, and forget it."""
    from data_package.engine.project import find_project
    from data_package.engine.runs.run import run_build
    from data_package.engine.staleness.plan import Request

    for name, text in _REHEARSAL.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    paths = list(sys.path)
    try:
        result = run_build(Request(()), find_project(folder))
    finally:
        sys.path[:] = paths
        for name in list(sys.modules):
            if name.partition(".")[0] == _REHEARSED:
                del sys.modules[name]
    assert result.package_path is not None


def _rehearse_aside() -> None:
    """Rehearse in a temporary folder, which is removed even when the process is ended meanwhile."""
    with suppress(Exception, KeyboardInterrupt), TemporaryDirectory() as folder:

        def end(number: int, _: object) -> None:
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(128 + number)

        before = {n: signal.signal(n, end) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            rehearse(Path(folder))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _builds_in_processes() -> bool:
    """Whether tables are built in forks of this one: Polars, once it has run, cannot be forked."""
    from data_package.engine.errors import DataPackageError
    from data_package.engine.project import find_project

    try:
        return find_project().processes
    except DataPackageError:
        return False


def main() -> None:
    """Import, wait for one line with the command's arguments as JSON, and run that command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    prepare()
    if not _builds_in_processes():
        _rehearse_aside()
        _keep()
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
