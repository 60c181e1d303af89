"""Options that several verbs have, in the same words."""

import click

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
    type=click.IntRange(1, 64),
    metavar="N",
    help="Tables built at once; by default what the project sets, or one.",
)
processes = click.option(
    "--processes/--threads",
    "processes",
    default=None,
    help="Build each of them in a process of its own, or in a thread, as by default.",
)
threads = click.option(
    "-j",
    "threads",
    type=click.IntRange(1, 64),
    default=1,
    help="Tables built at once.",
    metavar="N",
)
