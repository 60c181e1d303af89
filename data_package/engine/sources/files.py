"""Finding raw files and hashing their content. Standard library only: the fast path imports it."""

import glob
import hashlib
import importlib.util
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data_package.engine.errors import ProjectError
from data_package.engine.sources.shares import Part, Seen, Share, has_place, named_by, placed
from data_package.engine.storage import HashCache

Bad = Literal["stop", "null", "reject"]


@dataclass(frozen=True)
class RawFile:
    """Where a raw file, or a set of them, is found.

    `patterns` are paths or globs, relative to the project's root or, with `package`, to the folder
    of an installed Python package; absolute paths are taken as they are. `contract_path` is where
    its contract stands or would stand, and `bad` what becomes of what breaks it: of at most the
    share `worst` of a file's rows. `may_be_empty` says that a file without rows is right, and
    `file_column` names a column that tells each row's file.
    """

    name: str
    patterns: tuple[str, ...]
    package: str | None = None
    contract_path: Path | None = None
    bad: Bad = "stop"
    worst: float | None = None
    may_be_empty: bool = False
    file_column: str | None = None

    def base(self, root: Path) -> Path:
        """The folder that relative patterns start from."""
        if self.package is None:
            return root
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise ProjectError(
                f"The raw file '{self.name}' comes with the Python package '{self.package}', "
                f"which is not installed.\nInstall it into this environment, then build again."
            )
        return Path(spec.submodule_search_locations[0])

    def is_several(self) -> bool:
        """Whether it may stand for more than one file."""
        return len(self.patterns) > 1 or any(_is_glob(p) or has_place(p) for p in self.patterns)

    @property
    def globs(self) -> tuple[str, ...]:
        """The patterns, where one names the place of a partition's key with those of all keys."""
        return tuple(placed(pattern, None) for pattern in self.patterns)

    def resolve(self, root: Path, part: Part | None = None) -> list[Path]:
        """The files there are now, in a fixed order: by pattern, then by name.

        With `part`, a pattern that names the place of a partition's key finds those of that key.
        Raises ProjectError when a pattern finds no file, or what is not one.
        """
        base = self.base(root)
        found: list[Path] = []
        for declared in self.patterns:
            pattern = placed(declared, part)
            if (base / pattern).is_file():
                # As it is written, whatever signs of a glob its name may hold.
                paths = [base / pattern]
            else:
                paths = [base / name for name in sorted(_matches(pattern, base))]
            if not paths:
                raise ProjectError(
                    f"The raw file '{self.name}' is not there: nothing matches "
                    f"{self.place(pattern)!r}.\n{_other_spelling(base / pattern)}Put the file "
                    "there, or correct the path in its source_file(...)."
                )
            for path in paths:
                if not path.is_file():
                    raise ProjectError(
                        f"The raw file '{self.name}' is not there: {self.label(path, root)} is "
                        f"{_what(path)}.\nPut the file there, take away what is there, or correct "
                        f"{self.place(pattern)!r} in its source_file(...)."
                    )
            found.extend(path for path in paths if path not in found)
        return found

    def place(self, pattern: str) -> str:
        """How a pattern is named to people: the same on every machine."""
        return f"{self.package}:{pattern}" if self.package else pattern

    def label(self, path: Path, root: Path) -> str:
        """How one found file is named to people: the same on every machine where it can be."""
        base = self.base(root)
        relative = path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)
        return self.place(relative)


def _escaped(pattern: str) -> str:
    """Return a pattern in which `[1]` is a part of a name, as browsers number their downloads."""
    return re.sub(r"\[([^][*?!])\]", r"[[]\1]", pattern)


def _is_glob(pattern: str) -> bool:
    """Tell whether a pattern may match more than one name."""
    return glob.has_magic(re.sub(r"\[[\[*?]\]", "", _escaped(pattern)))


def _matches(pattern: str, base: Path) -> list[str]:
    """Return what a pattern matches in a folder; `**` at its end is for files alone."""
    names = glob.glob(_escaped(pattern), root_dir=base, recursive=True)
    if Path(pattern).name == "**":
        return [name for name in names if not (base / name).is_dir()]
    return names


def _what(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return "a link to nothing" if path.is_symlink() else "not a file"


def _other_spelling(path: Path) -> str:
    """Return a sentence on a file whose name looks the same and is written in other characters."""
    wanted = unicodedata.normalize("NFC", path.name)
    with suppress(OSError):
        for each in path.parent.iterdir():
            if each.name != path.name and unicodedata.normalize("NFC", each.name) == wanted:
                return (
                    "A file there has a name that looks the same: its letters are in another form "
                    "of Unicode, as a Mac writes them. Rename it.\n"
                )
    return ""


@dataclass(frozen=True)
class Content:
    """What a raw file holds: one hash over all its files, in order, and their bytes."""

    sha256: str
    size_bytes: int


class Deliveries:
    """The raw files of a project: where they are now, and what they hold."""

    def __init__(self, root: Path, files: Mapping[str, RawFile], hashes: HashCache) -> None:
        """`files`: by name."""
        self.files = files
        self._root = root
        self._hashes = hashes
        self._handed: dict[tuple[str, Part | None], Content] = {}
        self._whole: dict[str, Content] = {}
        self._seen: dict[tuple[str, Part], Seen] = {}

    def look_ahead(self) -> None:
        """Read what there is and may have changed, several files at once."""
        paths: list[Path] = []
        for file in self.files.values():
            with suppress(ProjectError):
                paths += file.resolve(self._root)
        self._hashes.hash_ahead(paths)

    def content(self, name: str, part: Part | None = None, share: Share = Share.WHOLE) -> Content:
        """What a raw file holds now, or what a partition takes of it.

        Raises ProjectError when it is not there.
        """
        return self._content(name, self.paths(name, part, share), share)

    def paths(self, name: str, part: Part | None = None, share: Share = Share.WHOLE) -> list[Path]:
        """The files of a raw file, or those of them that a partition takes.

        Raises ProjectError when there is none.
        """
        file = self.files[name]
        if part is None or share is Share.WHOLE:
            return file.resolve(self._root)
        if share is Share.PLACED:
            return file.resolve(self._root, part)
        found = named_by({p: file.label(p, self._root) for p in file.resolve(self._root)}, part)
        if not found:
            raise ProjectError(
                f"No file of '{name}' is named by the partition '{part.key}'.\nPut the file there, "
                "or take the partition out."
            )
        return found

    def _content(self, name: str, paths: Sequence[Path], share: Share) -> Content:
        file = self.files[name]
        digests = [self._hashes.hash(path) for path in paths]
        size = sum(path.stat().st_size for path in paths)
        if not file.is_several() or (share is not Share.WHOLE and len(paths) == 1):
            return Content(digests[0], size)
        labels = [file.label(path, self._root) for path in paths]
        return Content(combine_hashes(zip(labels, digests, strict=True)), size)

    def hand_out(
        self, name: str, part: Part | None = None, share: Share = Share.WHOLE
    ) -> list[Path]:
        """The paths for a function that is about to read them.

        The content is noted first: a file that changes while it is read then counts as changed
        since, and its tables are built again. What a partition uses of the whole is seen.
        """
        paths = self.paths(name, part, share)
        self._handed[name, part] = self._content(name, paths, share)
        if part is None or share is not Share.WHOLE:
            return paths
        seen = self._seen[name, part] = Seen(paths)
        return seen.paths

    def handed(self, name: str, part: Part | None = None, share: Share = Share.WHOLE) -> Content:
        """What a raw file held when it was last handed out, or holds now."""
        return self._handed.get((name, part)) or self.content(name, part, share)

    def own_share(self, name: str, part: Part) -> Content | None:
        """What a partition used of a set that it was handed as a whole, when it left the rest.

        None unless it used just the files that are named by its key, and there were others.
        """
        seen = self._seen.get((name, part))
        if seen is None or seen.used() == seen.all:
            return None
        file = self.files[name]
        own = named_by({path: file.label(path, self._root) for path in seen.all}, part)
        if seen.used() != frozenset(own):
            return None
        return self._content(name, sorted(own), Share.NAMED)

    def whole(self, name: str) -> Content:
        """What a raw file held when it was first asked for: partitions ask for each file alone."""
        if name not in self._whole:
            self._whole[name] = self.content(name)
        return self._whole[name]


def combine_hashes(parts: Iterable[tuple[str, str]]) -> str:
    """One SHA-256 for named hashes, in the order given."""
    whole = hashlib.sha256()
    for name, digest in parts:
        whole.update(f"{len(name)}:{name}={digest}\n".encode())
    return whole.hexdigest()
