"""The verbs of the command, each in its own module, which is imported when it is used."""

import importlib

import click

from data_package.engine.errors import did_you_mean

_GROUPS = {
    "Begin": {
        "new": "Make a project from delivered files.",
        "add": "Add tables for more delivered files.",
        "describe": "Infer a contract from a built table or a delivered file.",
        "schema": "Print a JSON Schema for editors.",
        "synth": "Make up data that satisfy the contracts.",
    },
    "Every day": {
        "fetch": "Fetch snapshots from databases and REDCap.",
        "build": "Build what is stale, check it, and publish the data package.",
        "watch": "Build on each save.",
        "status": "Show the state of every table, and briefly why.",
        "why": "Explain why a table is stale, with the lines that changed.",
        "check": "Check built tables, or a delivered file, against their contracts.",
        "report": "Report what is wrong in a raw file, for its sender.",
        "todo": "List what is left to write or to decide.",
    },
    "Look": {
        "lineage": "Show what a field is computed from, and what is computed from it.",
        "graph": "Draw the tables, their dependencies and their states.",
        "history": "Show past runs, or the past builds of a table.",
        "ui": "Serve Dagster's web pages, for you alone.",
        "debug": "Open a Python prompt on a table's real inputs.",
    },
    "Publish": {
        "release": "Release the built data package: version, changelog, files.",
        "diff": "Show how two versions of the data package, or two deliveries, differ.",
        "export": "Export the tables to databases, workbooks or files.",
        "publish": "Send a release to Zenodo, as a draft.",
    },
    "Repair": {
        "accept": "Accept the existing files as up to date; run nothing.",
        "forget": "Forget what tables were built from, so that they run again.",
        "verify": "Build again in a temporary folder and compare with the lock file.",
        "clean": "Remove tables that no asset makes any more.",
        "merge-lock": "Merge the lock files of two branches, also after a conflict.",
        "doctor": "Check the machine and the environment, and suggest what to do.",
    },
}
_VERBS = {name: words for group in _GROUPS.values() for name, words in group.items()}


class _Verbs(click.Group):
    """Finds a verb's module by its name."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        command = importlib.import_module(f"{__package__}.{name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS:
            ctx.fail(f"There is no verb {args[0]!r}.{did_you_mean(args[0], _VERBS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _VERBS))
        for group, verbs in _GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name.ljust(width), words) for name, words in verbs.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="data-package", prog_name="data-package")
def command() -> None:
    """Turn raw tables into a validated, documented, reproducible data package."""
