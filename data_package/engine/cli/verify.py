"""`data-package verify`."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing, options
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_package.engine.runs.result import Tally
    from data_package.engine.verification.verify import Verification


@click.command("verify")
@click.argument("select", nargs=-1, shell_complete=completing.tables)
@options.threads
@options.partitions
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(
    select: tuple[str, ...], threads: int, partitions: tuple[str, ...], as_json: bool
) -> None:
    """Build tables again in a temporary folder and compare them with the lock file.

    Nothing in the project is changed. SELECT is as in `build`, and what a selected table needs is
    verified too; without SELECT, everything is. Exits with 1 if a table differs, or cannot be
    compared because it is stale.

    Example: data-package verify subjects
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.verification.verify import verify

    def watch(tally: "Tally") -> AbstractContextManager["Callable[[], None]"]:
        return progress.live(tally)

    result = verify(
        select,
        find_project(),
        partitions=partitions,
        threads=threads,
        watch=watch,
        report=lambda text: say(text, err=True),
    )
    if as_json:
        say(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
    else:
        say("\n".join(_describe(result)))
    if not result.ok:
        sys.exit(1)


def _describe(result: "Verification") -> Iterator[str]:
    from data_package.engine.verification.verify import Rebuilt

    for table in result.tables:
        match table.verdict:
            case Rebuilt.SKIPPED:
                yield f"– {table.label} is skipped: {table.words}"
            case Rebuilt.NOT_KEPT:
                yield f"– {table.label} is left out: {table.words}"
            case Rebuilt.FAILED:
                yield f"✗ {table.label} failed ({table.place}):"
                yield from (f"    {line}" for line in table.words.splitlines())
            case Rebuilt.DIFFERS:
                yield f"✗ {table.label} differs ({table.place}):"
                yield from (f"    {reason.words}" for reason in table.reasons)
    counts = {verdict: result.count(verdict) for verdict in Rebuilt}
    if len(result.tables) > counts[Rebuilt.EQUAL]:
        yield ""
    parted = any(table.partition is not None for table in result.tables)
    things = "tables and partitions" if parted else "tables"
    parts = [f"{counts[Rebuilt.EQUAL]} of {len(result.tables)} {things} match the lock"]
    parts += [f"{n} {v}" for v, n in counts.items() if n and v is not Rebuilt.EQUAL]
    yield f"{'; '.join(parts)} ({result.seconds:.1f} s)."
    if counts[Rebuilt.SKIPPED] and counts[Rebuilt.SKIPPED] == len(result.tables):
        yield "Nothing could be verified. Run `data-package build` first."
