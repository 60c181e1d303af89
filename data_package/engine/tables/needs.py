"""What a table says it needs of a machine, in its tags: memory, and time."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data_package.engine.errors import ProjectError

MEMORY = "data_package/memory"
TIME = "data_package/time"

_BYTES = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+)")


@dataclass(frozen=True)
class Needs:
    """The most that making a table, or a partition of it, may take; None where there is no limit.

    Attributes:
        memory_bytes: memory of its own, without files of others that it maps.
        seconds: of wall clock time.
    """

    memory_bytes: int | None = None
    seconds: float | None = None


def needs_of(tags: Mapping[str, str], place: str) -> Needs:
    """What the tags of a table say. Raises ProjectError, which names the place, for wrong ones."""
    memory = _read(tags.get(MEMORY), _BYTES, place, MEMORY, "4GB")
    seconds = _read(tags.get(TIME), _SECONDS, place, TIME, "30min")
    return Needs(None if memory is None else int(memory), seconds)


def together(needs: Iterable[Needs]) -> Needs:
    """What a function needs that makes several tables: the most that one of them says."""
    every = list(needs)
    memory = [one.memory_bytes for one in every if one.memory_bytes is not None]
    seconds = [one.seconds for one in every if one.seconds is not None]
    return Needs(max(memory, default=None), max(seconds, default=None))


def _read(
    text: str | None, units: Mapping[str, int], place: str, tag: str, example: str
) -> float | None:
    if text is None:
        return None
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or found[2] not in units or not float(found[1]):
        raise ProjectError(
            f"{place}: the tag {tag} is {text!r}, which is not an amount.\n"
            f'Write a number and one of {", ".join(units)}: tags={{"{tag}": "{example}"}}'
        )
    return float(found[1]) * units[found[2]]
