"""The command `data-package`: one thin module per verb.

What is imported here is imported by every command, so it is next to nothing: a build that has
nothing to do is answered before click, Dagster or Polars are looked for.
"""

import os
import sys

from data_package.engine.cli.shortcut import shortcut
from data_package.engine.errors import DataPackageError

_PRIVATE = 0o077
_INTERRUPTED = 130


def main() -> None:
    """Run the command; a failure the user can do something about ends without a traceback."""
    os.umask(_PRIVATE)
    if (answer := shortcut(sys.argv[1:])) is not None:
        print(answer)  # noqa: T201
        return
    import click

    from data_package.engine.cli.verbs import command

    try:
        command.main(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. What was finished is kept.", err=True)
        sys.exit(_INTERRUPTED)
    except DataPackageError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
