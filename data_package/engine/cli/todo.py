"""`data-package todo`."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.package.todo import Todo

_MANY = 10
_MANY_AT_ONCE = (
    "Many at once: a CSV file with the header table,field,title,description, and then\n"
    "data-package describe TABLE... --codebook FILE --write"
)


@click.command("todo")
@click.option("--check", is_flag=True, help="Exit with 1 if something is left.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(check: bool, as_json: bool) -> None:
    """List what is left to write or to decide, with its place.

    Titles and descriptions of the package, its tables and fields, labels of codes, the licence and
    the contributors, names that some programs do not distinguish, and who is counted in the data
    dictionary. A package can be built without them, but `release` asks for what a reader needs.

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
        say(listing(found))
    else:
        say("Nothing is left to write or to decide.")
    if check and found:
        sys.exit(1)


def listing(found: "Sequence[Todo]") -> str:
    """What is left, a line each, and how many; for many fields, how to write them at once."""
    things = "thing is" if len(found) == 1 else "things are"
    lines = [*map(str, found), "", f"{len(found):,} {things} left to write or to decide."]
    if sum(one.gap.kind == "field" for one in found) >= _MANY:
        lines.append(_MANY_AT_ONCE)
    return "\n".join(lines)
