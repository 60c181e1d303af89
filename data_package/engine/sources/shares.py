"""Which files of a set a partition takes, so that a new year's file makes no other year stale.

There are three ways, the surest first. The pattern has a place for the key,
`deliveries/{partition}.csv`. Or the function takes a single `Path` of a set: the one file that is
named by the key. Or it takes the whole list, and its use of the list is recorded: when it used
exactly the files that are named by its key, and there were others, those are its share. Whatever
else it does with the list, the whole set counts.
"""

import glob
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path, PurePosixPath

# Characters that are kept in a file's name, besides letters and digits of every alphabet.
_PLAIN = frozenset("-_.,:+@ ")
_LONGEST_BYTES = 180
_PLACE = re.compile(r"\{partition(?:\.(\w+))?\}")
# Attributes of a path that concern its name only, by which a partition's file is chosen.
_LOOKED_AT = frozenset(("name", "stem", "suffix", "suffixes"))
# Attributes that lead from one file of a set to another.
_LEADS_ON = frozenset(
    (
        *("parent", "parents", "parts", "with_name", "with_stem", "with_suffix", "joinpath"),
        *("relative_to", "glob", "rglob", "iterdir"),
    )
)


class Share(Enum):
    """Which files of a set a table's partitions take."""

    WHOLE = auto()
    PLACED = auto()
    NAMED = auto()


@dataclass(frozen=True)
class Part:
    """A partition: its key, and the key of each of its dimensions by name."""

    key: str
    dimensions: Mapping[str, str] = field(hash=False)

    @property
    def name(self) -> str:
        """A name for it that is fit for a file."""
        return _escaped(self.key)

    @property
    def place(self) -> PurePosixPath:
        """A path for it, without an ending; a folder for each dimension but the last."""
        return PurePosixPath(*(_escaped(one) for _, one in sorted(self.dimensions.items())))


def _escaped(part: str) -> str:
    """A file name that belongs to this text only: `a/b` is `a=2Fb`."""
    escaped = "".join(
        one if one.isalnum() or one in _PLAIN else "".join(f"={b:02X}" for b in one.encode())
        for one in part
    )
    if not escaped.strip(". ") or escaped[0] == "." or escaped[-1] in ". ":
        first, last = escaped[:1], escaped[-1:]
        if first in (".", " "):
            escaped = f"={ord(first):02X}{escaped[1:]}"
        if escaped and last in (".", " ") and escaped[-1] == last:
            escaped = f"{escaped[:-1]}={ord(last):02X}"
    if len(escaped.encode()) > _LONGEST_BYTES:
        digest = hashlib.sha256(part.encode()).hexdigest()[:16]
        short = escaped.encode()[: _LONGEST_BYTES - 20].decode(errors="ignore")
        return f"{short}=={digest}"
    return escaped or "="


def has_place(pattern: str) -> bool:
    """Whether a pattern has a place for a partition's key."""
    return _PLACE.search(pattern) is not None


def placed(pattern: str, part: Part | None) -> str:
    """A pattern with the key inserted, or with `*` for the files of all partitions."""

    def fill(found: re.Match[str]) -> str:
        if part is None:
            return "*"
        if found.group(1) is None:
            return glob.escape(part.key)
        return glob.escape(part.dimensions.get(found.group(1), found.group(0)))

    return _PLACE.sub(fill, pattern)


def named_by(labels: Mapping[Path, str], part: Part) -> list[Path]:
    """The files whose names have a partition's key as a word: `v_2024.csv`, else `v 2024/a.csv`.

    A file whose name is the key alone, or that is in such a folder, comes first; see `Listing`.
    """
    words = list(part.dimensions.values())
    for is_named in (_is_in_name, _is_in_path):
        found = [path for path, label in labels.items() if all(is_named(label, w) for w in words)]
        if found:
            return sorted(found)
    return []


def whole_words(label: str) -> set[str]:
    """The folders and the name of a file, with its ending and without."""
    *folders, name = label.split("/")
    return {*folders, name, name.rpartition(".")[0]}


def _is_in_name(label: str, word: str) -> bool:
    return _has_word(label.rpartition("/")[2], word)


def _is_in_path(label: str, word: str) -> bool:
    return _has_word(label, word)


def _has_word(text: str, word: str) -> bool:
    own = r"\d" if word.isdigit() else r"[^\W_]"
    return re.search(rf"(?<!{own}){re.escape(word)}(?!{own})", text) is not None


class UsedPaths:
    """The paths of a set as a function gets them, and which of them it used."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """`paths`: of the set."""
        self.all = frozenset(paths)
        self._used: set[Path | None] = set()
        self.paths: list[Path] = [_Watched.of(path, self._used) for path in paths]

    def used(self) -> frozenset[Path]:
        """The paths that it used for more than their names; all, where that is not known."""
        if None in self._used or not self._used:
            return self.all
        return frozenset(path for path in self._used if path is not None)


class _Watched(type(Path())):  # type: ignore[misc]
    """A path that records when it is used for anything but its name."""

    __slots__ = ("_plain", "_used")

    @classmethod
    def of(cls, path: Path, used: set[Path | None]) -> "_Watched":
        made = cls(path)
        object.__setattr__(made, "_used", used)
        object.__setattr__(made, "_plain", path)
        return made

    def __getattribute__(self, name: str) -> object:
        if name in _LOOKED_AT and (plain := _plain(self)) is not None:
            return getattr(plain, name)
        if not name.startswith("__"):
            _note(self, leads_on=name in _LEADS_ON)
        return super().__getattribute__(name)

    def __truediv__(self, other: str | os.PathLike[str]) -> Path:
        _note(self, leads_on=True)
        return Path(self.__fspath__()) / other

    def __fspath__(self) -> str:
        _note(self)
        plain = _plain(self)
        return super().__str__() if plain is None else str(plain)

    def __str__(self) -> str:
        return self.__fspath__()

    def __reduce__(self) -> tuple[type[Path], tuple[str]]:
        return Path, (self.__fspath__(),)


def unwatched(path: Path) -> Path:
    """The plain path, for uses that are not the function's."""
    return (_plain(path) or path) if isinstance(path, _Watched) else path


def _plain(path: _Watched) -> Path | None:
    """The watched path; None for one that was derived from such a path."""
    try:
        found: Path = object.__getattribute__(path, "_plain")
    except AttributeError:
        return None
    return found


def _note(path: _Watched, *, leads_on: bool = False) -> None:
    plain = _plain(path)
    if plain is not None:
        used: set[Path | None] = object.__getattribute__(path, "_used")
        used.add(None if leads_on else plain)
