"""Options that several verbs have, in the same words."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import click

from data_package.engine.project import MOST_AT_ONCE

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


class Where(StrEnum):
    """Where tables are built, by the name of the option."""

    THREADS = "threads"
    PROCESSES = "processes"
    SLURM = "slurm"


_HELP = {
    Where.THREADS: "Build each table in a thread (the default).",
    Where.PROCESSES: "Build each table in its own process.",
    Where.SLURM: "Build each table in a Slurm job.",
}


def where(command: Command) -> Command:
    """A flag for each place where tables are built: the last one given counts."""
    for each in reversed(Where):
        flag = click.option(f"--{each}", "where", flag_value=str(each), help=_HELP[each])
        command = flag(command)
    return command


threads = click.option(
    "-j",
    "threads",
    type=click.IntRange(1, MOST_AT_ONCE),
    default=1,
    help="Tables built at once.",
    metavar="N",
)
