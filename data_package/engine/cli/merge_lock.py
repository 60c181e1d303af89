"""`data-package merge-lock`."""

from pathlib import Path

import click

from data_package.engine.cli.say import say


@click.command("merge-lock")
@click.argument("versions", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def command(versions: tuple[Path, ...]) -> None:
    """Merge the lock files of two branches, or repair the lock file after a merge with conflicts.

    Entries that one branch has changed are kept; those that both have changed are dropped, and the
    next build runs their tables. Git does this in each merge once it is configured, with the three
    VERSIONS of the file:

    git config merge.data-package-lock.driver "data-package merge-lock %O %A %B"

    Example: data-package merge-lock
    """
    from data_package.engine.errors import ProjectError
    from data_package.engine.places import LOCK
    from data_package.engine.project import find_project
    from data_package.engine.staleness.committed import sides_of_merge
    from data_package.engine.staleness.lock import LockFile, render
    from data_package.engine.staleness.merge import merge_texts, sides_of_markers
    from data_package.engine.storage import write_source

    if len(versions) not in (0, 3):
        raise click.UsageError("Give three files: the common ancestor, ours and theirs. Or none.")
    if versions:
        base, ours, theirs = (path.read_text("utf-8", "replace") for path in versions)
        merged = merge_texts(base, ours, theirs)
        write_source(versions[1], render(merged.lock))
    else:
        project = find_project()
        text = project.lock.read_text("utf-8", "replace") if project.lock.is_file() else ""
        sides = sides_of_markers(text)
        if sides is None:
            raise ProjectError(f"{LOCK} has no conflict markers, so there is nothing to merge.")
        merged = merge_texts(*(sides_of_merge(project) or sides))
        LockFile(project).overwrite(merged.lock)
    if merged.dropped:
        names = ", ".join(merged.dropped[:6]) + (", …" if len(merged.dropped) > 6 else "")
        say(f"{LOCK}: changed on both sides, and built again: {names}.", err=True)
    if not versions:
        say(f"{LOCK} is merged. Next: data-package build, then git add {LOCK}.")
