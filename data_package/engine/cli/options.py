"""Options that several verbs have, in the same words."""

import click

partitions = click.option(
    "--partition",
    "partitions",
    multiple=True,
    metavar="KEY",
    help="Only this partition, or a range of them (FIRST...LAST); may be given again.",
)
threads = click.option(
    "-j",
    "threads",
    type=click.IntRange(1, 64),
    default=1,
    help="Tables built at once.",
    metavar="N",
)
