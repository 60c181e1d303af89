"""The command `data-package`: one thin module per verb.

A verb is imported when it is used, so that `--help` and a build with nothing to do stay instant.
"""

import importlib
import os
import sys

import click

from data_package.engine.errors import DataPackageError, did_you_mean

_PRIVATE = 0o077
_VERBS = {
    "build": "Build what is asked for, check it, and publish the data package.",
}


class _Verbs(click.Group):
    """Finds a verb's module by its name."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        command = importlib.import_module(f"{__name__}.{name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS:
            ctx.fail(f"There is no verb {args[0]!r}.{did_you_mean(args[0], _VERBS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(_VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="data-package", prog_name="data-package")
def command() -> None:
    """Turn raw tables into a validated, documented, reproducible data package."""


def main() -> None:
    """Run the command; a failure the user can do something about ends without a traceback."""
    os.umask(_PRIVATE)
    try:
        command.main(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. What was finished is kept.", err=True)
        sys.exit(130)
    except DataPackageError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
