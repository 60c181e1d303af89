"""`data-package todo`."""

import json
import sys

import click

from data_package.engine.cli.say import say


@click.command("todo")
@click.option("--check", is_flag=True, help="Exit with 1 when something is left.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(check: bool, as_json: bool) -> None:
    """List what is left to write or to decide, with its place.

    Titles and descriptions of the package, its tables and fields, labels of codes, the licence and
    the contributors, and names that some programs do not distinguish. Without them a package can be
    built; `release` asks for what a reader needs.

    Example: data-package todo
    """
    from data_package.engine.package.todo import todo_of
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress

    project = find_project()
    with progress.loading():
        found = todo_of(project)
    if as_json:
        say(json.dumps({"todo": [one.to_dict() for one in found]}, indent=2))
    elif found:
        say("\n".join(map(str, found)))
        things = "thing is" if len(found) == 1 else "things are"
        say(f"\n{len(found):,} {things} left to write or to decide.")
    else:
        say("Nothing is left to write or to decide.")
    if check and found:
        sys.exit(1)
