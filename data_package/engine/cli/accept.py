"""`data-package accept`."""

import click

from data_package.engine.cli import completing, options
from data_package.engine.cli.say import say


@click.command("accept")
@click.argument("select", nargs=-1, shell_complete=completing.tables)
@options.partitions
def command(select: tuple[str, ...], partitions: tuple[str, ...]) -> None:
    """Accept the existing files of stale tables as up to date, without running anything.

    Use it after a change of code that changes no result. The next build still checks the contracts.
    Without SELECT, all stale tables are accepted.

    Example: data-package accept subjects
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs.build_lock import building
    from data_package.engine.staleness.lock import lock_of
    from data_package.engine.staleness.plan import selected_parts
    from data_package.engine.staleness.recorder import Recorder
    from data_package.engine.staleness.survey import survey

    project = find_project()
    with building(project, lambda text: say(text, err=True)):
        lock = lock_of(project)
        lock.check_writable()
        catalogue, parts = selected_parts(select, partitions, project)
        recorder = Recorder(catalogue, lock)
        states = survey(catalogue, lock.read())
        stale = [
            (table, part) for table, of in parts for part in of if part in states[table.name].stale
        ]
        for table, part in stale:
            recorder.accept(table, part)
        lock.fold()
        catalogue.hashes.save()
    names = ", ".join(table.labelled(part) for table, part in stale)
    say(f"Accepted: {names}." if stale else "Nothing to accept: everything is fresh.")
