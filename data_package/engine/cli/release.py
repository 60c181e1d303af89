"""`data-package release`."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.runs.result import Tally
    from data_package.engine.versions.release import Proposal


@click.command("release")
@click.argument("as_version", required=False, metavar="[X.Y.Z]")
@click.option("--version", metavar="X.Y.Z", help="The version, as X.Y.Z without the option.")
@click.option("--major", "level", flag_value="MAJOR", help="Raise the first number.")
@click.option("--minor", "level", flag_value="MINOR", help="Raise the second number.")
@click.option("--patch", "level", flag_value="PATCH", help="Raise the third number.")
@click.option("-m", "--notes", default="", metavar="TEXT", help="Text for the changelog.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be released; write nothing.")
@click.option("--without-git", is_flag=True, help="Release even what is not committed.")
@click.option(
    "--with-raw-errors", is_flag=True, help="Release even tables from raw files with errors."
)
@click.option(
    "--undocumented", is_flag=True, help="Release even without a licence, titles or descriptions."
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(
    as_version: str | None,
    version: str | None,
    level: str | None,
    notes: str,
    dry_run: bool,
    without_git: bool,
    with_raw_errors: bool,
    undocumented: bool,
    as_json: bool,
) -> None:
    """Release the built data package: a version, a changelog entry, files that stay.

    The version follows from what changed since the last release, unless it is given. Refuses, and
    says why, if a table is stale or breaks its contract, or if something is not committed; asks if
    a licence, contributors, titles or descriptions are missing. If the last release is what is
    built, but its files are not on this machine, they are made again.

    Example: data-package release --dry-run
    """
    if None not in (as_version, version) and as_version != version:
        raise click.UsageError(f"Release as {as_version} or as {version}: give one version.")
    version = version if as_version is None else as_version
    if version is not None and level is not None:
        raise click.UsageError("A version goes with none of --major, --minor and --patch.")
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.versions import Level
    from data_package.engine.versions.release import Wanted, make, propose

    wanted = Wanted(version, Level[level] if level else None, notes, without_git, with_raw_errors)
    project = find_project()
    with progress.loading() as tell:
        proposal = propose(wanted, project, tell)

    def watch(tally: "Tally") -> AbstractContextManager[Callable[[], None]]:
        return progress.live(tally)

    if not (dry_run or undocumented or proposal.is_again):
        _ask_for_words(proposal)
    digest = None if dry_run else make(proposal, watch)
    if as_json:
        facts = {"released": not dry_run, **proposal.to_dict(), "sha256": digest}
        say(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        say("\n".join(_lines(proposal, digest)))


def _ask_for_words(proposal: "Proposal") -> None:
    """Raise NotReady when the package lacks documentation and no flag allows that."""
    from data_package.engine.package.completeness import gaps_in, summary_of
    from data_package.engine.versions.edition import open_built
    from data_package.engine.versions.release import NotReady

    with open_built(proposal.project) as built:
        left = summary_of([gap for gap in gaps_in(built.document) if not gap.is_advice])
    if not left:
        return
    message = f"Still missing in the data package: {left}.\nSee where: data-package todo"
    if sys.stdin.isatty() and sys.stderr.isatty():
        say(message, err=True)
        if click.confirm(f"Release {proposal.release.version} anyway?", err=True):
            return
        raise NotReady("Nothing is released.")
    raise NotReady(
        f"Nothing is released. {message}\nTo release anyway: data-package release --undocumented"
    )


def few_changed(proposal: "Proposal") -> str:
    """A warning where a version differs by so few rows that its reader may know whose they are."""
    if not proposal.close:
        return ""
    return (
        f"A table differs from release {' and '.join(proposal.close)} in few rows. Someone who "
        "knows whose rows these are could learn their values from the counts in the two data "
        "dictionaries. If that release is published, wait for more changes."
    )


def _lines(proposal: "Proposal", digest: str | None) -> Iterator[str]:
    from data_package.engine.versions.difference import text_of

    version = proposal.release.version
    if few := few_changed(proposal):
        yield f"{few}\n"
    relative = proposal.project.relative
    if proposal.difference is not None:
        yield text_of(proposal.difference)
        yield ""
    if digest is None:
        made = "be made again" if proposal.is_again else "be released"
        yield f"{version} would {made}. Nothing was written."
        return
    yield f"{version} {'is made again' if proposal.is_again else 'is released'}:"
    yield f"  {relative(proposal.folder)}/"
    yield f"  {relative(proposal.archive)}"
    yield f"  sha256 {digest}"
    if not proposal.is_again:
        from data_package.engine.package.released import FILE_NAME

        record = relative(proposal.project.package_folder / FILE_NAME)
        yield ""
        yield "Commit it, so that a clone builds the same:"
        yield f"  git add {record} && git commit -m 'Release {version}' && git tag v{version}"
