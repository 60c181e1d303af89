"""A table by its name, for a notebook, only as long as it is fresh.

A notebook holds modules as they were when it imported them, so a separate process, which reads the
code as it is now, finds out what is fresh.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import polars as pl

from data_package.engine.errors import DataPackageError, ProjectError, did_you_mean
from data_package.engine.project import Project, find_project


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
    standing = _standing(find_project(project))
    if table not in standing:
        raise ProjectError(
            f"There is no table '{table}'.{did_you_mean(table, standing)}\n"
            "`data-package status` lists the tables."
        )
    found = standing[table]
    files = cast("list[str]", found["files"])
    if not files:
        raise ProjectError(f"'{table}' has not been built. Build it: data-package build {table}")
    if not found["fresh"] and not stale:
        raise ProjectError(
            f"'{table}' is not fresh: {found['why'] or found['state']}.\n"
            f"Build it: data-package build {table}. To take it as it is, give stale=True."
        )
    return pl.scan_parquet(files, glob=False)


def read(table: str, *, project: Path | None = None, stale: bool = False) -> pl.DataFrame:
    """Load a built table by its name; as `scan`, but all of it is in memory.

    `table`, `project` and `stale` are those of `scan`. Raises ProjectError as `scan` does.
    """
    return scan(table, project=project, stale=stale).collect()


def _standing(project: Project) -> dict[str, dict[str, object]]:
    """The files of each table, and whether they are fresh."""
    done = subprocess.run(  # noqa: S603 (this interpreter, and a module of ours)
        [sys.executable, "-P", "-m", __name__],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProjectError(done.stderr.strip() or "The state of the tables is not known.")
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


def _tell() -> None:
    """Print what `_standing` reads; the working directory is the project's."""
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
            "state": str(one.state.state),
            "why": one.reason,
        }
        for one in status.tables
    }
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    _tell()
