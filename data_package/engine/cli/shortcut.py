"""The answer to a build that has nothing to do, before anything heavy is imported."""

import json
import re
from collections.abc import Sequence

from data_package.engine.cli.clock import seconds_since_start
from data_package.engine.errors import DataPackageError
from data_package.engine.project import MOST_AT_ONCE, find_project
from data_package.engine.staleness.memo import count_if_fresh, nothing_to_do

_IRRELEVANT = {"--keep-going", "--fail-fast", "--json", "--threads", "--processes"}
_AT_ONCE = re.compile(r"-j ?(\d{1,3})", re.ASCII)


def shortcut(words: Sequence[str]) -> str | None:
    """What to print when the command is a plain build and all is fresh; None otherwise."""
    if not words or words[0] != "build" or not _is_plain(words[1:]):
        return None
    try:
        fresh = count_if_fresh(find_project())
    except DataPackageError:
        return None
    if fresh is None:
        return None
    seconds = seconds_since_start()
    if "--json" in words:
        facts = {"ok": True, "seconds": round(seconds, 3), "package": None, "fresh": fresh}
        return json.dumps({**facts, "tables": []}, indent=2)
    return nothing_to_do(fresh, seconds)


def _is_plain(options: Sequence[str]) -> bool:
    """Whether options do not change what a build does that has nothing to do, nor are wrong."""
    found = iter(options)
    for option in found:
        at_once = _AT_ONCE.fullmatch(option if option != "-j" else f"-j {next(found, '')}")
        if option not in _IRRELEVANT and not (at_once and 1 <= int(at_once[1]) <= MOST_AT_ONCE):
            return False
    return True
