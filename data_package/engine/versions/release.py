"""A release: what would be released, whether it may be released, and making it."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.package.asset import DataPackage
from data_package.engine.package.descriptor import FILE_NAME as DESCRIPTOR
from data_package.engine.package.metadata import FILE_NAME as METADATA
from data_package.engine.package.metadata import read_metadata
from data_package.engine.package.record import read_record
from data_package.engine.package.released import FILE_NAME as RECORD
from data_package.engine.package.released import STAMP, Release, read_releases, write_releases
from data_package.engine.package.statistics import Summary
from data_package.engine.package.statistics.suppression import coarse_rows, step_of
from data_package.engine.project import Project
from data_package.engine.runs.build_lock import building
from data_package.engine.runs.run import Watch, run_build
from data_package.engine.staleness.lock import lacks, lock_of, read_lock
from data_package.engine.staleness.plan import Request
from data_package.engine.staleness.status import ProjectStatus, status_of
from data_package.engine.states import PackageState, Verdict
from data_package.engine.storage import (
    check_replaceable,
    followed,
    hash_file,
    remove,
    temporary_beside,
)
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.loading import open_project
from data_package.engine.versions.archive import (
    SUMS,
    keep_folder,
    keep_zip,
    sweep_unfinished,
    unfinished,
)
from data_package.engine.versions.comparison import compare
from data_package.engine.versions.difference import Difference, TableDifference, markdown_of
from data_package.engine.versions.edition import (
    open_built,
    open_edition,
    release_folder,
    release_zip,
    zip_name,
)
from data_package.engine.versions.judgement import refusals
from data_package.engine.versions.level import FIRST, Level, Version
from data_package.engine.versions.uncommitted import some, uncommitted

_FIRST_CHANGES = "First release.\n"
_NO_CHANGES = "Nothing in the descriptor changed.\n"
# Comparing reads both tables, so not all releases there ever were.
_LOOKED_BACK = 3


class NotReady(BuildError):
    """Something prevents a release; the message lists it."""


@dataclass(frozen=True)
class Wanted:
    """The options of a release.

    Attributes:
        version: the version; None to take it from `level`.
        level: how much to raise the version; None to take it from the changes.
        notes: text for the changelog, Markdown.
        without_git: whether to release uncommitted changes.
        with_raw_errors: whether to release tables made from raw files that break their contracts.
    """

    version: str | None = None
    level: Level | None = None
    notes: str = ""
    without_git: bool = False
    with_raw_errors: bool = False


@dataclass(frozen=True)
class Proposal:
    """What would be released.

    Attributes:
        previous: the last release, None for the first.
        difference: from the last release; None for the first, and for one that is made again.
        close: the releases from which a table differs in so few rows that readers of both may know
            whose they are.
        release: the entry for `releases.yaml`.
        is_again: whether it is released already, and only its files are made again.
        folder: where its files go.
        archive: where its zip file goes.
        package: what is released.
    """

    project: Project
    previous: str | None
    difference: Difference | None
    release: Release
    is_again: bool
    folder: Path
    archive: Path
    package: DataPackage
    close: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "version": self.release.version,
            "created": self.release.created,
            "previous": self.previous,
            "made_again": self.is_again,
            "changes": self.release.changes,
            "difference": self.difference.to_dict() if self.difference is not None else None,
            "folder": self.project.relative(self.folder),
            "zip": self.project.relative(self.archive),
        }


def propose(
    wanted: Wanted, project: Project, report: Callable[[str], None] = lambda _: None
) -> Proposal:
    """Determine what a release now would be, without writing anything.

    Raises:
        NotReady: something is stale, fails its contract, or is not committed.
        ProjectError: the requested version is not possible, or nothing changed since the last
            release.
    """
    catalogue, _ = open_project(project)
    package = _ready(catalogue, wanted)
    releases = read_releases(project)
    sweep_unfinished(project, [release.version for release in releases])
    name = str(read_metadata(project)["name"])
    newest = releases[0] if releases else None
    if newest is not None and package.content(releases) == newest.content:
        return _again(package, name, newest)
    difference = _difference(project, newest, wanted, report) if newest is not None else None
    version = _version(wanted, newest, difference)
    entry = Release(str(version), _now(), "", _changes(project, wanted.notes, newest, difference))
    content = package.content([entry, *releases])
    found = Proposal(
        project=project,
        previous=newest.version if newest else None,
        difference=difference,
        release=replace(entry, content=content),
        is_again=False,
        folder=release_folder(project, version),
        archive=release_folder(project, version).with_name(zip_name(name, version)),
        package=package,
        close=tuple(_close(project, releases, difference, report)),
    )
    for path in (found.folder, found.archive):
        if path.exists():
            raise ProjectError(
                f"{project.relative(path)} exists already, but {RECORD} has no release "
                f"{version}.\nMove it away, or choose another version: --version X.Y.Z"
            )
    return found


def make(
    proposal: Proposal,
    watch: Watch | None = None,
) -> str:
    """Make a proposed release, and return the SHA-256 of its zip file.

    Raises BuildError, with everything unchanged, when it could not be made.
    """
    if proposal.is_again:
        with building(proposal.project, lambda _: None):
            _keep(proposal, proposal.project.published)
    else:
        _make_new(proposal, watch)
    return hash_file(proposal.archive)


def _make_new(proposal: Proposal, watch: Watch | None) -> None:
    """Write the files of a release, then the record of it, then publish it.

    Nothing names the version before its files are complete, so an interrupted release leaves
    either nothing or everything.
    """
    project, release = proposal.project, proposal.release
    before = read_releases(project)
    aside = temporary_beside(project.published)
    with building(project, lambda _: None):
        record = project.package_folder / RECORD
        check_replaceable(proposal.folder, proposal.archive, followed(record), project.published)
        lock_of(project).check_writable()
        try:
            proposal.package.write(aside, [release, *before])
            _judge(aside)
            with unfinished(proposal.folder, proposal.archive):
                _keep(proposal, aside)
                write_releases(project, [release, *before])
            _publish(proposal, watch)
        except BaseException:
            with unfinished(proposal.folder, proposal.archive):
                _take_back(project, before)
                remove(proposal.folder)
                remove(proposal.archive)
            raise
        finally:
            remove(aside)


def _judge(folder: Path) -> None:
    """Raise NotReady when another library refuses the descriptor of what would be released."""
    descriptor = json.loads((folder / DESCRIPTOR).read_bytes())
    if reasons := refusals(descriptor):
        raise NotReady(
            f"Nothing is released: frictionless refuses the descriptor {DESCRIPTOR}:\n"
            f"{some(reasons)}\n"
            "Correct the property in datapackage.yaml or in the contract. If it is right by the "
            "standard, report this as a fault of data-package."
        )


def _keep(proposal: Proposal, origin: Path) -> None:
    """Put those files of a release in place that are not there yet."""
    is_new = not proposal.folder.exists()
    try:
        if is_new:
            keep_folder(origin, proposal.folder)
        keep_zip(proposal.folder, proposal.archive, proposal.release.created)
    except BaseException:
        if is_new:
            remove(proposal.folder)
        raise


def _publish(proposal: Proposal, watch: Watch | None) -> None:
    """Publish with the new `releases.yaml`, and check that the result is what was released."""
    project = proposal.project
    result = run_build(Request(), project, watch=watch)
    if not result.ok:
        raise BuildError(result.explain())
    if (project.published / SUMS).read_bytes() != (proposal.folder / SUMS).read_bytes():
        raise BuildError("Nothing is released: the project changed meanwhile.\nRelease again.")


def _take_back(project: Project, before: list[Release]) -> None:
    if before:
        write_releases(project, before)
    else:
        (project.package_folder / RECORD).unlink(missing_ok=True)


def _ready(catalogue: Catalogue, wanted: Wanted) -> DataPackage:
    """The data package, if nothing prevents its release."""
    project = catalogue.project
    packages = [one for one in catalogue.publications if isinstance(one, DataPackage)]
    if not packages:
        raise ProjectError(
            "There is nothing to release: there are no final tables.\n"
            "Tables in the group `final` make up the data package."
        )
    status = status_of(catalogue, read_lock(project))
    faults = _not_fresh(status)
    broken = [f"{t.name}: {t.reason}" for t in status.tables if t.raw_errors and t.is_fresh]
    if broken and not wanted.with_raw_errors:
        faults.append(
            f"Tables made from raw files that break their contracts:\n{some(broken)}\n"
            "See the errors: data-package check RAW_FILE. Or release anyway: --with-raw-errors"
        )
    shared = {file for contract in catalogue.contracts for file in contract.shared}
    if not wanted.without_git and (names := uncommitted(project, shared)):
        faults.append(
            f"Not committed, so a clone would not build the same:\n{some(names)}\n"
            "Commit: git add, git commit. Or release anyway: --without-git"
        )
    if faults:
        raise NotReady("Nothing is released.\n\n" + "\n\n".join(faults))
    if not read_releases(project):
        stated = [name for name in STAMP if name in read_metadata(project)]
        if stated:
            place = project.relative(project.package_folder / METADATA)
            raise ProjectError(
                f"{place} sets {' and '.join(repr(name) for name in stated)}; from the first "
                f"release on, {RECORD} does.\nRemove it there and commit. To release with "
                "that version: data-package release --version X.Y.Z"
            )
    return packages[0]


def _not_fresh(status: ProjectStatus) -> list[str]:
    tables = status.tables
    failing = [table.name for table in tables if table.contract is Verdict.FAILED]
    stale = [
        f"{table.name}: {table.reason}"
        for table in tables
        if not table.is_fresh and table.contract is not Verdict.FAILED
    ]
    faults = []
    if failing:
        faults.append(
            f"Tables that break their contract:\n{some(failing)}\nSee how: data-package check"
        )
    if status.unwritten:
        faults.append(f"{lacks(status.unwritten)}\nWrite it: data-package build")
    if stale:
        faults.append(f"Tables that are not fresh:\n{some(stale)}\nBuild: data-package build")
    if not faults and status.package is not PackageState.UP_TO_DATE:
        faults.append(f"{status.package.sentence}\nBuild: data-package build")
    return faults


def _again(package: DataPackage, name: str, newest: Release) -> Proposal:
    project = package.catalogue.project
    version = Version.parse(newest.version)
    assert version is not None
    folder = release_folder(project, version)
    archive = release_zip(project, version) or folder.with_name(zip_name(name, version))
    if folder.exists() and archive.exists():
        raise ProjectError(
            f"Nothing to release: the data package is {version}, as it was released.\n"
            f"It is in {project.relative(folder)}."
        )
    return Proposal(project, None, None, newest, True, folder, archive, package)


def _difference(
    project: Project, newest: Release, wanted: Wanted, report: Callable[[str], None]
) -> Difference | None:
    try:
        with ExitStack() as stack:
            old = stack.enter_context(open_edition(newest.version, project))
            return compare(old, stack.enter_context(open_built(project)), report=report)
    except ProjectError as error:
        if release_folder(project, newest.version).exists() or release_zip(project, newest.version):
            raise
        if wanted.version or wanted.level:
            return None
        raise ProjectError(
            f"The last release, {newest.version}, is not on this machine to compare with.\n"
            f"Put its zip file into {project.relative(project.storage / 'releases')}, or choose "
            "the new version: --version, --major, --minor or --patch"
        ) from error


def _close(
    project: Project,
    releases: Sequence[Release],
    last: Difference | None,
    report: Callable[[str], None],
) -> Iterator[str]:
    """The last releases of which a table differs in few rows, if they are on this machine.

    Those who came with one release and left with the next are seen beside the one before.
    """
    shown = _coarse(project)
    if shown is None:
        return
    for release in releases[:_LOOKED_BACK]:
        difference = last
        if release is not releases[0]:
            try:
                with ExitStack() as stack:
                    old = stack.enter_context(open_edition(release.version, project))
                    difference = compare(
                        old, stack.enter_context(open_built(project)), report=report
                    )
            except ProjectError:
                continue
        if difference is not None and any(_is_few(one, shown) for one in difference.tables):
            yield release.version


def _is_few(table: TableDifference, shown: Callable[[str, int], str]) -> bool:
    """Whether some rows differ, and so few that their number is shown as that of none."""
    rows = table.rows
    if rows is None or rows.is_equal:
        return False
    differing = rows.added + rows.removed + (rows.changed or 0)
    return shown(table.name, differing) == shown(table.name, 0)


def _version(wanted: Wanted, newest: Release | None, difference: Difference | None) -> Version:
    last = Version.parse(newest.version) if newest else None
    if wanted.version is not None:
        version = Version.parse(wanted.version)
        if version is None:
            raise ProjectError(
                f"{wanted.version!r} is not a version: use three numbers, as in 1.0.0."
            )
        if last is not None and not last < version:
            raise ProjectError(
                f"{version} is not higher than the last release, {last}.\n"
                f"The next ones are {last.after(Level.PATCH)}, {last.after(Level.MINOR)} and "
                f"{last.next_major()}."
            )
        return version
    if wanted.level is Level.MAJOR:
        return (last or Version(0, 0, 0)).next_major()
    if last is None:
        return Version(0, 0, 0).after(wanted.level) if wanted.level else FIRST
    found = difference.level if difference is not None else None
    return last.after(wanted.level or found or Level.PATCH)


def _changes(
    project: Project, notes: str, newest: Release | None, difference: Difference | None
) -> str:
    if newest is None:
        differences = _FIRST_CHANGES
    elif difference is None:
        differences = f"Not compared with {newest.version}.\n"
    else:
        shown = _coarse(project)
        differences = markdown_of(difference, shown) if difference.level else _NO_CHANGES
    if notes.strip():
        return f"{notes.strip()}\n\n{differences}" if newest else f"{notes.strip()}\n"
    return differences


def _coarse(project: Project) -> Callable[[str, int], str] | None:
    """How the published changelog shows a number of rows; None where counts may be exact.

    Two versions side by side must not reveal what one of them hides.
    """
    packaging = project.packaging
    base = max(packaging.small_cells, packaging.round_counts)
    if base == 1:
        return None
    summaries = read_record(project).summaries

    def shown(table: str, count: int) -> str:
        summary = Summary.from_dict(summaries[table][1]) if table in summaries else None
        if summary is None or summary.rows is None:
            return "not shown"
        return coarse_rows(count, step_of(summary.rows, summary.subjects or summary.rows, base))

    return shown


def _now() -> str:
    """The current time, or that of SOURCE_DATE_EPOCH.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    from_environment = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = (
        datetime.fromtimestamp(int(from_environment), UTC)
        if from_environment.isdecimal()
        else datetime.now(UTC)
    )
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
