"""Comparing two versions of a data package: their descriptors and their rows."""

import filecmp
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project, find_project
from data_package.engine.versions.changes import changes_of
from data_package.engine.versions.difference import Difference, TableDifference
from data_package.engine.versions.edition import (
    Edition,
    EditionTable,
    open_built,
    open_edition,
    released_versions,
)
from data_package.engine.versions.rows import compare_rows

Reporter = Callable[[str], None]


def diff(
    old: str | Path | None = None,
    new: str | Path | None = None,
    *,
    project: Path | None = None,
    rows: int = 0,
    report: Reporter = lambda _: None,
) -> Difference:
    """Compare two versions of a data package.

    >>> difference = diff("1.0.0")             # doctest: +SKIP
    >>> difference.level                       # doctest: +SKIP
    <Level.MINOR: 2>

    Args:
        old: a folder, a zip file or the version of a release; by default the last release.
        new: the same; by default the package that was built last.
        project: a folder of the project; by default the working directory. Two folders or zip
            files can be compared outside any project.
        rows: how many differing rows of each kind to keep, with their values.
        report: is called with what is being compared.

    Raises:
        ProjectError: a version does not exist or is not a data package.
        BuildError: a table's file cannot be read.
    """
    here = _project(project, needed=old is None or new is None)
    with ExitStack() as stack:
        opened = [stack.enter_context(one) for one in _editions(old, new, here)]
        return compare(*opened, rows=rows, report=report)


def compare(
    old: Edition, new: Edition, *, rows: int = 0, report: Reporter = lambda _: None
) -> Difference:
    """Compare two opened data packages; see `diff`."""
    _refuse_unread(old, new)
    referenced = {name for one in old.tables.values() for name in one.contract.references}
    tables = []
    for name, table in new.tables.items():
        if name in old.tables:
            report(f"comparing {name}")
            tables.append(
                _table(old.tables[name], table, name in referenced, rows, _reporter(report, name))
            )
    labels = [f"{one.text('version') or one.label}" for one in (old, new)]
    if labels[0] == labels[1]:
        labels = [one.label for one in (old, new)]
    return Difference(labels[0], labels[1], changes_of(old, new), tables)


def _refuse_unread(*editions: Edition) -> None:
    """Raise ProjectError where a schema is not read: how it differs is not known."""
    for edition in editions:
        for name, table in edition.tables.items():
            if table.unread:
                raise ProjectError(
                    f"The table {name!r} of {edition.label} cannot be compared: {table.unread}.\n"
                    "Put the schema into datapackage.json, or into a JSON file of the package."
                )


def _project(start: Path | None, *, needed: bool) -> Project | None:
    try:
        return find_project(start)
    except ProjectError:
        if needed:
            raise
        return None


def _editions(
    old: str | Path | None, new: str | Path | None, project: Project | None
) -> Iterator[AbstractContextManager[Edition]]:
    if old is not None:
        yield open_edition(old, project)
    else:
        assert project is not None
        versions = released_versions(project)
        if not versions:
            raise ProjectError(
                "There is no release on this machine yet.\n"
                "Name what to compare: data-package diff OLD [NEW], each a folder or a zip file."
            )
        yield open_edition(str(versions[-1]), project)
    if new is not None:
        yield open_edition(new, project)
    else:
        assert project is not None
        yield open_built(project)


def _reporter(report: Reporter, name: str) -> Callable[[float], None]:
    return lambda done: report(f"comparing {name}" + (f", {done:.0%}" if done else ""))


def _table(
    old: EditionTable,
    new: EditionTable,
    is_referenced: bool,
    rows: int,
    report: Callable[[float], None],
) -> TableDifference:
    before, now = old.file(), new.file()
    if before is None or now is None:
        words = "rows are compared in Parquet files only"
        return TableDifference(new.name, None, False, is_referenced, words)
    if _same_bytes(before, now):
        return TableDifference(new.name, None, True, is_referenced)
    key, words = _key(old, new)
    found = compare_rows(before, now, key, show=rows, report=report)
    if key and not found.key:
        words = f"{', '.join(key)} is not unique in both: whole rows are counted"
    return TableDifference(new.name, found, False, is_referenced, words)


def _key(old: EditionTable, new: EditionTable) -> tuple[tuple[str, ...], str]:
    """The fields to match rows by: the new version's key, else the old one's."""
    for key in (new.contract.primary_key, old.contract.primary_key):
        names = [{field.name for field in one.contract.fields} for one in (old, new)]
        if key and all(name in both for name in key for both in names):
            return key, ""
    return (), "no primary key in common: whole rows are counted"


def _same_bytes(old: Path, new: Path) -> bool:
    try:
        return old.stat().st_size == new.stat().st_size and filecmp.cmp(old, new, shallow=False)
    except OSError as error:
        raise ProjectError(f"{error.filename} cannot be read: {error.strerror}.") from None
