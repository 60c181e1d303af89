"""`data-package accept`."""

import click


@click.command("accept")
@click.argument("select", nargs=-1)
def command(select: tuple[str, ...]) -> None:
    """Take the present files of stale tables as right, without running anything.

    For a change of code that changes no result. The contracts are still checked by the next build.
    Without SELECT, all stale tables are accepted.
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs.guard import building
    from data_package.engine.staleness.lock import lock_of
    from data_package.engine.staleness.plan import selected_tables
    from data_package.engine.staleness.record import Recorder
    from data_package.engine.staleness.survey import State, survey

    project = find_project()
    with building(project, lambda text: click.echo(text, err=True)):
        lock = lock_of(project)
        catalogue, tables = selected_tables(select, project)
        recorder = Recorder(catalogue, lock)
        states = survey(catalogue, lock.read())
        stale = [table for table in tables if states[table.name].state is not State.FRESH]
        for table in stale:
            recorder.accept(table)
        lock.fold()
        catalogue.hashes.save()
    names = ", ".join(table.name for table in stale)
    click.echo(f"Accepted: {names}." if stale else "Nothing to accept: everything is fresh.")
