"""`data-package clean`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.project import Project
    from data_package.engine.staleness.clean import Leftovers

_SHOWN = 20


@click.command("clean")
@click.option("-y", "--yes", is_flag=True, help="Remove what is listed, without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON; never ask.")
def command(yes: bool, as_json: bool) -> None:
    """Remove tables that no asset makes any more, and what is kept about them.

    Lists first and asks. In a pipe it only lists, unless --yes is given. Only Parquet files at a
    table's place in storage/ are removed; raw files, releases and the data package never are.

    Example: data-package clean --json
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.runs.build_lock import building
    from data_package.engine.runs.memory import size
    from data_package.engine.staleness.clean import find_leftovers, remove_leftovers
    from data_package.engine.staleness.lock import LockFile
    from data_package.engine.tables.catalogue import catalogue_of
    from data_package.engine.tables.loading import load_project

    project = find_project()
    lock = LockFile(project)
    lock.read()
    with progress.loading():
        load_project(project)
        catalogue = catalogue_of(project)
    found = find_leftovers(catalogue, lock.read())
    if not as_json:
        say("\n".join(_describe(found, project)))
    agreed = yes or (not as_json and not found.is_nothing and _ask())
    if agreed:
        with building(project, lambda text: say(text, err=True)):
            found = remove_leftovers(found, catalogue, lock)
    if as_json:
        facts = {"removed": agreed, **found.to_dict(project)}
        say(json.dumps(facts, indent=2, ensure_ascii=False))
    elif not found.is_nothing:
        say()
        say(
            f"Removed; {size(found.size_bytes)} freed."
            if agreed
            else "Nothing was removed. To remove it: data-package clean --yes"
        )


def _ask() -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return click.confirm("\nRemove this?", default=False)


def _describe(found: "Leftovers", project: "Project") -> Iterator[str]:
    from data_package.engine.runs.memory import size

    if found.is_nothing:
        yield "Nothing to clean: every table in storage belongs to an asset."
    if found.tables:
        yield "Tables that no asset makes:"
        places = [
            f"{project.relative(orphan.path)}  {size(orphan.size_bytes)}" for orphan in found.tables
        ]
        yield from _some(places)
    if found.rejects:
        yield "Rows left out of tables that are gone:"
        yield from _some(_relative(tuple(orphan.path for orphan in found.rejects), project))
    if found.snapshots:
        yield "Snapshots that are no longer used:"
        yield from _some(_relative(tuple(orphan.path for orphan in found.snapshots), project))
    for what, names in (
        ("In the lock, but no longer in the project:", [*found.lock_tables, *found.lock_raw]),
        ("Kept checks of tables that are gone:", _relative(found.verdicts, project)),
    ):
        if names:
            yield what
            yield from _some(names)
    if found.code:
        yield f"Stored code that no table is built from any more: {len(found.code)} pieces"
    if found.left_alone:
        yield "Left alone, because no table is stored like this:"
        yield from _some(_relative(found.left_alone, project))


def _relative(paths: tuple[Path, ...], project: "Project") -> list[str]:
    return [project.relative(path) for path in paths]


def _some(lines: list[str]) -> Iterator[str]:
    yield from (f"  {line}" for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"  … and {len(lines) - _SHOWN} more (all of them with --json)"
