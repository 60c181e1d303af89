"""The answer to a build that has nothing to do, before anything heavy is imported."""

import json
from collections.abc import Sequence

from data_package.engine.cli.clock import seconds_since_start
from data_package.engine.errors import DataPackageError
from data_package.engine.project import find_project
from data_package.engine.staleness.memo import count_if_fresh, nothing_to_do

_IRRELEVANT = {"--keep-going", "--fail-fast", "--json"}


def shortcut(words: Sequence[str]) -> str | None:
    """What to print when the command is a plain build and all is fresh; None otherwise."""
    if not words or words[0] != "build" or not set(words[1:]) <= _IRRELEVANT:
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
