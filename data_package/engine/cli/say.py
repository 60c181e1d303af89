"""What verbs print: nothing in it controls the terminal, whoever wrote it.

Names of files, of columns and in stranger's packages, and lines of code, come from others.
"""

import sys
from typing import TextIO

import click

from data_package.engine.errors import visible

# Where the output goes that is JSON alone; None where it is standard output.
results: TextIO | None = None


def say(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print as `click.echo` does, with what would control a terminal spelled out."""
    click.echo(visible(str(text)), file=None if err else results, err=err, nl=nl)


def hand_out(text: str) -> None:
    """Print what a program reads or a file holds as it is, unless a terminal shows it."""
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=False)
