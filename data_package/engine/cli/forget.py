"""`data-package forget`."""

import click


@click.command("forget")
@click.argument("select", nargs=-1)
def command(select: tuple[str, ...]) -> None:
    """Forget what tables were built from, so that the next build runs them again.

    Their files stay. Without SELECT, all tables are forgotten.
    """
    from data_package.engine.build import memo
    from data_package.engine.build.guard import building
    from data_package.engine.build.lock import LockFile
    from data_package.engine.build.plan import selected_tables
    from data_package.engine.project import find_project

    project = find_project()
    with building(project, lambda text: click.echo(text, err=True)):
        _, tables = selected_tables(select, project)
        memo.forget(project)
        LockFile(project).forget([table.name for table in tables])
    click.echo(f"Forgotten: {', '.join(table.name for table in tables)}.")
