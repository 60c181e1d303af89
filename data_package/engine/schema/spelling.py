"""Names that are almost the standard's own.

A descriptor may hold any number of properties of the publisher's own
(https://datapackage.org/standard/glossary/#descriptor). A slip of one or two letters is caught: it
would drop a rule unnoticed.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

# Properties that describe and decide nothing: their plural (`titles`) is another word.
DESCRIBING = frozenset(
    {
        "bytes", "description", "encoding", "example", "format", "hash", "homepage", "licenses",
        "mediatype", "name", "path", "profile", "sources", "title",
    }
)  # fmt: skip
_LONG = 6


def misspelt(
    written: Iterable[object], known: Iterable[str], elsewhere: Iterable[str] = ()
) -> Iterator[tuple[str, str]]:
    """Give every name that is a slip away from a known one, or that belongs one level deeper."""
    names = frozenset(known)
    deeper = set(elsewhere) - names
    for name in map(str, written):
        if name in names:
            continue
        if name in deeper:
            yield name, f"{name!r} belongs one level deeper; move it under schema:"
        elif (near := _nearest(name, names)) is not None:
            yield name, f"unknown property {name!r}. Did you mean {near!r}?"


@lru_cache(4096)
def _nearest(name: str, known: frozenset[str]) -> str | None:
    """Return the known name that `name` is a slip of, None for a publisher's own property."""
    if not name.isascii() or re.search(r"[@:.]", name) or name.startswith(("_", "x-", "x_")):
        return None
    found = [(slips, each) for each in known if (slips := _slips(name, each)) is not None]
    return min(found)[1] if found else None


def _slips(name: str, known: str) -> int | None:
    """Return in how many letters two names differ, None where they are two words."""
    if _bare(name) == _bare(known):
        return 0
    # `title_da` and `format-2` are made of the standard's word on purpose.
    if name.startswith(known) and not name[len(known)].isalnum():
        return None
    if _singular(name) == _singular(known):
        return None if known in DESCRIBING else 1
    most = 2 if len(known) >= _LONG else 1
    if abs(len(name) - len(known)) > most or (most > 1 and name[:1].lower() != known[:1]):
        most = 1
    slips = _distance(name, known)
    return slips if slips <= most else None


def _bare(name: str) -> str:
    return re.sub(r"[_-]", "", name).lower()


def _singular(name: str) -> str:
    return re.sub(r"ies$", "y", name) if name.endswith("ies") else re.sub(r"(?<=h)es$|s$", "", name)


def _distance(one: str, other: str) -> int:
    """Return how many letters are added, missing, other, or exchanged with their neighbour.

    https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if last and i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]
