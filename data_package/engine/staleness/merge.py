"""Two lock files made one, after two branches have built different tables.

Each entry is true by itself: it says what a table was made of, and a build compares it with what
there is. So an entry that one branch alone has changed is taken, and one that both have changed in
different ways is dropped: its table is built again. Pure: texts in, a lock out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from data_package.engine.staleness.lock import Lock, TableEntry, parse

_K = TypeVar("_K")
_E = TypeVar("_E")
_BEGIN, _BASE, _MIDDLE, _END = "<<<<<<<", "|||||||", "=======", ">>>>>>>"
_MARKER = re.compile(r"(<{7}|\|{7}|={7}|>{7})(?: .*)?\r?\n?")


@dataclass(frozen=True)
class Merged:
    """One lock of two, and the tables and partitions whose entries contradicted each other."""

    lock: Lock
    dropped: tuple[str, ...]


def merge_texts(base: str, ours: str, theirs: str) -> Merged:
    """Merge three versions of the file; an empty text is a version without one.

    Raises ProjectError when one of them cannot be read.
    """
    return merge(*(parse(text) if text.strip() else Lock() for text in (base, ours, theirs)))


def merge(base: Lock, ours: Lock, theirs: Lock) -> Merged:
    """Merge two locks that go back to a common one."""
    raw, _ = _merged(base.raw, ours.raw, theirs.raw)
    kept, dropped = _merged(base.entries, ours.entries, theirs.entries)
    whole = {name for name, part in kept if part is None}
    parted = {name for name, part in kept if part is not None}
    # A table has partitions or it has none.
    both = whole & parted
    partitions: dict[str, dict[str, TableEntry]] = {}
    for (name, part), entry in kept.items():
        if part is not None and name not in both:
            partitions.setdefault(name, {})[part] = entry
    lock = Lock(
        raw=raw,
        tables={name: e for (name, part), e in kept.items() if part is None and name not in both},
        partitions=partitions,
    )
    names = [name if part is None else f"{name}[{part}]" for name, part in dropped]
    return Merged(lock, tuple(sorted({*names, *both})))


def sides_of_markers(text: str) -> tuple[str, str, str] | None:
    """The versions in a text with git's conflict markers: common ancestor, ours and theirs.

    The ancestor is empty unless git wrote it (`merge.conflictStyle = diff3`). None for a text
    whose markers are not whole.
    """
    base, ours, theirs = [], [], []
    state, had_base, count = "", True, 0
    for line in text.splitlines(keepends=True):
        found = _MARKER.fullmatch(line)
        marker = found[1] if found else ""
        if marker:
            allowed = {"": _BEGIN, _BEGIN: f"{_BASE}{_MIDDLE}", _BASE: _MIDDLE, _MIDDLE: _END}
            if marker not in allowed[state]:
                return None
            had_base = had_base and not (state == _BEGIN and marker == _MIDDLE)
            count += marker == _BEGIN
            state = "" if marker == _END else marker
            continue
        if state in ("", _BASE):
            base.append(line)
        if state in ("", _BEGIN):
            ours.append(line)
        if state in ("", _MIDDLE):
            theirs.append(line)
    if state or not count:
        return None
    return "".join(base) if had_base else "", "".join(ours), "".join(theirs)


def _merged(
    base: Mapping[_K, object], ours: Mapping[_K, _E], theirs: Mapping[_K, _E]
) -> tuple[dict[_K, _E], list[_K]]:
    kept: dict[_K, _E] = {}
    dropped = []
    for name in dict.fromkeys([*ours, *theirs]):
        one, other, before = ours.get(name), theirs.get(name), base.get(name)
        if other in (one, before):
            taken = one
        elif one == before:
            taken = other
        else:
            taken = None
            dropped.append(name)
        if taken is not None:
            kept[name] = taken
    return kept, dropped
