"""Options for how a delivered file is written."""

from collections.abc import Sequence

import click

_TABS = ("\\t", "tab")

dialect_option = click.option(
    "--dialect",
    "properties",
    metavar="PROPERTY=VALUE",
    multiple=True,
    help="How a delivered file is written: a property of its dialect, such as sheetName=Visits.",
)


def dialect_of(delimiter: str | None, properties: Sequence[str]) -> dict[str, object] | None:
    """The dialect of `--delimiter` and `--dialect`; `tab` and a backslash with a t mean a tab.

    Raises click.UsageError for what is not a property and its value.
    """
    from data_package.engine.schema.yaml_document import read_document

    found: dict[str, object] = {}
    for each in properties:
        name, sign, written = each.partition("=")
        if not sign or not name.strip():
            raise click.UsageError(
                f"--dialect {each} is not a property and its value, such as sheetName=Visits."
            )
        document = read_document(written)
        if document.problems:
            raise click.UsageError(f"--dialect {each}: the value cannot be read; put it in quotes.")
        found[name.strip()] = written if isinstance(document.value, dict) else document.value
    if delimiter is not None:
        found["delimiter"] = "\t" if delimiter in _TABS else delimiter
    return found or None
