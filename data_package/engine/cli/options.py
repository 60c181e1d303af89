"""Options that several verbs have, in the same words."""

from collections.abc import Callable
from typing import TypeVar

import click

MOST_AT_ONCE = 64

Command = TypeVar("Command", bound=Callable[..., object])

partitions = click.option(
    "--partition",
    "partitions",
    multiple=True,
    metavar="KEY",
    help="Only this partition, or a range of them (FIRST...LAST); may be given again.",
)
at_once = click.option(
    "-j",
    "at_once",
    type=click.IntRange(1, MOST_AT_ONCE),
    metavar="N",
    help="Tables built at once; by default what the project sets, or one.",
)
_processes = click.option(
    "--processes",
    "where",
    flag_value="processes",
    help="Build each table in its own process.",
)
_threads = click.option(
    "--threads", "where", flag_value="threads", help="Build each table in a thread (the default)."
)
_slurm = click.option(
    "--slurm", "where", flag_value="slurm", help="Build each table in a Slurm job."
)


def where(command: Command) -> Command:
    """Where tables are built: the last one given counts."""
    return _threads(_processes(_slurm(command)))


threads = click.option(
    "-j",
    "threads",
    type=click.IntRange(1, MOST_AT_ONCE),
    default=1,
    help="Tables built at once.",
    metavar="N",
)
