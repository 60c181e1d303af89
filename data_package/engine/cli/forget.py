"""`data-package forget`."""

import click

from data_package.engine.cli import completing, options
from data_package.engine.cli.say import say


@click.command("forget")
@click.argument("select", nargs=-1, shell_complete=completing.tables)
@options.partitions
def command(select: tuple[str, ...], partitions: tuple[str, ...]) -> None:
    """Forget what tables were built from, so that the next build runs them again.

    Their files stay. Without SELECT, all tables are forgotten.

    Example: data-package forget subjects
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs.build_lock import building
    from data_package.engine.staleness import memo
    from data_package.engine.staleness.lock import LockFile
    from data_package.engine.staleness.plan import selected_parts

    project = find_project()
    with building(project, lambda text: say(text, err=True)):
        _, parts = selected_parts(select, partitions, project)
        memo.forget(project)
        whole = [table.name for table, of in parts if of == table.parts]
        some = {table.name: [key for key in of if key is not None] for table, of in parts}
        LockFile(project).forget(whole, some)
    names = [
        name
        for table, of in parts
        for name in ([table.name] if of == table.parts else map(table.labelled, of))
    ]
    say(f"Forgotten: {', '.join(names)}.")
