"""`data-package doctor`."""

import json
import sys

import click

from data_package.engine.cli.say import say

_MARKS = {"good": ("✓", "green"), "doubtful": ("!", "yellow"), "bad": ("✗", "red")}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(as_json: bool) -> None:
    """Check machine, environment and folders for problems, and suggest what to do.

    Exits with 1 when something has to be fixed.

    Example: data-package doctor
    """
    from data_package.engine.diagnosis import Health, examine
    from data_package.engine.project import find_project

    found = examine(find_project())
    if as_json:
        say(json.dumps([one.to_dict() for one in found], indent=2, ensure_ascii=False))
    else:
        width = max(len(one.about) for one in found)
        for one in found:
            mark, colour = _MARKS[one.health]
            click.echo(f"{click.style(mark, fg=colour)}  ", nl=False)
            say(f"{one.about.ljust(width)}  {one.words}")
            for line in one.mend.splitlines():
                say(f"{' ' * (width + 5)}{line}")
    if any(one.health is Health.BAD for one in found):
        sys.exit(1)
