"""A table by its name, for a notebook, only as long as it is fresh.

A notebook holds modules as they were when it imported them, so what is fresh is found out without
them: from the note of a build that left everything fresh, or by a separate process, which reads the
code as it is now.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import polars as pl

from data_package.engine.errors import DataPackageError, ProjectError, did_you_mean
from data_package.engine.project import Project, find_project
from data_package.engine.staleness.memo import files_if_fresh

States = Mapping[str, Mapping[str, object]]


def scan(table: str, *, project: Path | None = None, stale: bool = False) -> pl.LazyFrame:
    """Scan a built table by its name.

    >>> scan("subjects").collect()             # doctest: +SKIP

    Args:
        table: its name; of a partitioned table all partitions are scanned.
        project: a folder of the project; by default the working directory.
        stale: whether a table that is not fresh is scanned as it is.

    Raises:
        ProjectError: there is no such table, it is not built, or it is not fresh.
    """
    return pl.scan_parquet(files_of(table, _states(find_project(project)), stale=stale), glob=False)


def read(table: str, *, project: Path | None = None, stale: bool = False) -> pl.DataFrame:
    """Load a built table by its name; as `scan`, but all of it is in memory.

    `table`, `project` and `stale` are those of `scan`. Raises ProjectError as `scan` does.
    """
    return scan(table, project=project, stale=stale).collect()


def files_of(table: str, states: States, *, stale: bool) -> list[str]:
    """The files of a table in a project with these states. Raises ProjectError as `scan` does."""
    if table not in states:
        raise ProjectError(
            f"There is no table '{table}'.{did_you_mean(table, states)}\n"
            "`data-package status` lists the tables."
        )
    found = states[table]
    files = cast("list[str]", found["files"])
    if not files:
        raise ProjectError(f"'{table}' has not been built. Build it: data-package build {table}")
    if not found["fresh"] and not stale:
        raise ProjectError(
            f"'{table}' is not fresh: {found['why'] or found['state']}.\n"
            f"Build it: data-package build {table}. To take it as it is, give stale=True."
        )
    return files


def _states(project: Project) -> States:
    """The files and the state of each table, by its name."""
    if (files := files_if_fresh(project)) is not None:
        return {name: {"files": found, "fresh": True} for name, found in files.items()}
    done = subprocess.run(  # noqa: S603 (this interpreter, and a module of ours)
        [sys.executable, "-P", "-m", __name__],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProjectError(done.stderr.strip() or "The state of the tables is not known.")
    found: States = json.loads(done.stdout)
    return found


def _print_states() -> None:
    """Print what `_states` reads; the working directory is the project's."""
    from data_package.engine.staleness.lock import read_lock
    from data_package.engine.staleness.status import status_of
    from data_package.engine.tables.loading import open_project

    try:
        project = find_project()
        catalogue, _ = open_project(project)
        status = status_of(catalogue, read_lock(project))
    except DataPackageError as error:
        sys.exit(str(error))
    facts = {
        one.name: {
            "files": [str(path) for path in catalogue.named[one.name].files()],
            "fresh": one.is_fresh,
            "state": str(one.state),
            "why": one.reason,
        }
        for one in status.tables
    }
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    _print_states()
