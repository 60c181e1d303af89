"""`data-package why`."""

import click

from data_package.engine import garbage
from data_package.engine.cli import completing
from data_package.engine.cli.say import say


@click.command("why")
@click.argument("table", shell_complete=completing.tables)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(table: str, as_json: bool) -> None:
    """Explain why TABLE is stale: which code, input or file changed, with its lines.

    Example: data-package why subjects
    """
    garbage.put_off()
    import json

    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.staleness.lock import read_lock
    from data_package.engine.staleness.status import explanation
    from data_package.engine.tables.loading import open_project

    project = find_project()
    lock = read_lock(project)
    with progress.loading():
        catalogue, _ = open_project(project)
        found = explanation(table, catalogue, lock)
    if as_json:
        say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    else:
        say(str(found))
