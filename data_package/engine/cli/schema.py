"""`data-package schema`."""

import json

import click

from data_package.engine.cli.say import hand_out
from data_package.engine.project import settings_schema

# Editors know this one best.
_DRAFT = "http://json-schema.org/draft-07/schema#"


@click.command("schema")
@click.argument("what", type=click.Choice(["contract", "datapackage", "settings"]))
def command(what: str) -> None:
    """Print a JSON Schema, which editors use to complete and check what you write.

    contract is for a table's contract, datapackage for datapackage.yaml, settings for the table
    [tool.data-package] of pyproject.toml. They are derived from the checks themselves.

    Example: data-package schema contract > .schemas/contract.json
    """
    hand_out(json_schema(what))


def json_schema(what: str) -> str:
    """The text of a JSON Schema: for a `contract`, the `datapackage` or the `settings`."""
    if what == "contract":
        from data_package.engine.schema.editor import contract_schema

        made = contract_schema()
    elif what == "datapackage":
        from data_package.engine.package.metadata import metadata_schema

        made = metadata_schema()
    else:
        made = settings_schema()
    return json.dumps({"$schema": _DRAFT, **made}, indent=1, ensure_ascii=False) + "\n"
