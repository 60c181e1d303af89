"""Options for how a delivered file is written."""

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from data_package.engine.schema import FileOptions

_TABS = ("\\t", "tab")
_QUOTES = ("'", '"')

dialect_option = click.option(
    "--dialect",
    "properties",
    metavar="PROPERTY=VALUE",
    multiple=True,
    help="How a delivered file is written: a property of its dialect, such as sheetName=Visits.",
)


_OPTIONS = (
    click.option("--delimiter", help="The delimiter of a delivered file; a comma by default."),
    click.option("--encoding", help="The encoding of a delivered file; UTF-8 by default."),
    click.option(
        "--header-row",
        "header_rows",
        type=click.IntRange(min=1),
        multiple=True,
        help="The row of a delivered file that holds its header; several are joined.",
    ),
    click.option("--no-header", is_flag=True, help="A delivered file has no header."),
    click.option(
        "--comment", help="The character that comment lines of a delivered file begin with."
    ),
    click.option(
        "--skip", type=click.IntRange(min=0), default=0, help="How many rows are above the header."
    ),
    dialect_option,
)


def file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `options`, a FileOptions, of all that can be said of how a file is written."""

    @wraps(command)
    def wrapped(**given: object) -> None:
        options = _taken(given)
        command(**given, options=options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def refuse_lost_files(what: Sequence[str]) -> None:
    """Refuse words that are paths of files, which are not there: tables have no such names."""
    for word in what:
        if (Path(word).suffix or "/" in word) and not Path(word).exists():
            raise click.UsageError(f"There is no file {word}.")


def _taken(given: dict[str, object]) -> "FileOptions":
    """The options for a file, which are taken out of all that was given."""
    from data_package.engine.schema import FileOptions

    delimiter, encoding, header_rows, no_header, comment, skip, properties = (
        given.pop(name)
        for name in (
            "delimiter",
            "encoding",
            "header_rows",
            "no_header",
            "comment",
            "skip",
            "properties",
        )
    )
    if no_header and header_rows:
        raise click.UsageError("--no-header and --header-row cannot both be true.")
    dialect = dialect_of(cast("str | None", delimiter), cast("Sequence[str]", properties)) or {}
    above = cast("int", skip)
    if no_header:
        dialect["header"] = False
        if above:
            dialect["commentRows"] = list(range(1, above + 1))
    elif header_rows or above:
        dialect["headerRows"] = sorted(cast("Sequence[int]", header_rows)) or [above + 1]
    if comment is not None:
        dialect["commentChar"] = comment
    return FileOptions(dialect, cast("str | None", encoding))


def dialect_of(delimiter: str | None, properties: Sequence[str]) -> dict[str, object] | None:
    """The dialect of `--delimiter` and `--dialect`; `tab` and a backslash with a t mean a tab.

    Raises click.UsageError for what is not a property and its value.
    """
    from data_package.engine.schema.dialect import PLAIN_TEXTS
    from data_package.engine.schema.yaml_document import read_document

    found: dict[str, object] = {}
    for each in properties:
        name, sign, written = each.partition("=")
        if not sign or not name.strip():
            raise click.UsageError(
                f"--dialect {each} is not a property and its value, such as sheetName=Visits."
            )
        if name.strip() in PLAIN_TEXTS and not written.startswith(_QUOTES):
            # A sheet may be called 2024, and a pattern begin with a star.
            found[name.strip()] = written
            continue
        document = read_document(written)
        if document.problems:
            raise click.UsageError(f"--dialect {each}: the value cannot be read; put it in quotes.")
        found[name.strip()] = written if isinstance(document.value, dict) else document.value
    if delimiter is not None:
        found["delimiter"] = "\t" if delimiter in _TABS else delimiter
    return found or None
