"""`data-package why`."""

import click


@click.command("why")
@click.argument("table")
def command(table: str) -> None:
    """Say why TABLE is stale: the code, the input or the file that changed, and its lines."""
    from data_package.engine.build import progress
    from data_package.engine.build.loading import open_project
    from data_package.engine.build.lock import read_lock
    from data_package.engine.build.status import explain
    from data_package.engine.project import find_project

    project = find_project()
    lock = read_lock(project)
    with progress.loading():
        catalogue, _ = open_project(project)
        words = explain(table, catalogue, lock)
    click.echo(words)
