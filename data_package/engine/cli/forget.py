"""`data-package forget`."""

import click


@click.command("forget")
@click.argument("select", nargs=-1)
def command(select: tuple[str, ...]) -> None:
    """Forget what tables were built from, so that the next build runs them again.

    Their files stay. Without SELECT, all tables are forgotten.
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs.guard import building
    from data_package.engine.staleness import memo
    from data_package.engine.staleness.lock import LockFile
    from data_package.engine.staleness.plan import selected_tables

    project = find_project()
    with building(project, lambda text: click.echo(text, err=True)):
        _, tables = selected_tables(select, project)
        memo.forget(project)
        LockFile(project).forget([table.name for table in tables])
    click.echo(f"Forgotten: {', '.join(table.name for table in tables)}.")
