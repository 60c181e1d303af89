"""Finding raw files and hashing their content. Standard library only: the fast path imports it."""

import glob
import hashlib
import importlib.util
import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from data_package.engine.errors import ProjectError
from data_package.engine.sources.order import Order
from data_package.engine.sources.shares import (
    Part,
    Share,
    UsedPaths,
    has_place,
    named_by,
    placed,
    whole_words,
)
from data_package.engine.sources.snapshots import Snapshot
from data_package.engine.storage import HashCache

# More are named in one line: the whole must fit a screen.
_LINES = 15
Bad = Literal["stop", "null", "reject"]


class NotThere(ProjectError):
    """A raw file is not there.

    Attributes:
        name: of the raw file.
        why: what there is instead, in a few words.
        is_snapshot: whether it is fetched, and not delivered.
    """

    def __init__(self, name: str, why: str, cure: str, *, is_snapshot: bool = False) -> None:
        """`cure`: what to do."""
        self.name, self.why, self.is_snapshot = name, why, is_snapshot
        super().__init__(f"The raw file '{name}' is not there: {why}.\n{cure}")


def all_of(faults: Sequence[ProjectError]) -> ProjectError:
    """One error that says all that is wrong with raw files."""
    every = list({str(fault): fault for fault in faults}.values())
    if len(every) == 1:
        return every[0]
    missing = [fault for fault in every if isinstance(fault, NotThere)]
    lines = [f"  {fault.name}: {fault.why}" for fault in missing[:_LINES]]
    if more := [fault.name for fault in missing[_LINES:]]:
        lines.append(f"  and {len(more)} more: {', '.join(more)}")
    texts = [str(fault) for fault in every if not isinstance(fault, NotThere)]
    if missing:
        count = f"{len(missing)} raw files are" if len(missing) > 1 else "A raw file is"
        cures = [f"Fetch what is missing: {fetch_of(f.name for f in missing if f.is_snapshot)}"]
        if not any(fault.is_snapshot for fault in missing):
            cures.clear()
        if not all(fault.is_snapshot for fault in missing):
            cures.append("Put the files there, or correct the paths in their source_file(...).")
        texts.insert(0, "\n".join([f"{count} not there:", *lines, *cures]))
    return ProjectError("\n\n".join(texts))


def fetch_of(names: Iterable[str]) -> str:
    """The command that fetches these raw files."""
    return shlex.join(["data-package", "fetch", *names])


@dataclass(frozen=True)
class Declared:
    """Where something is declared in a project's code."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class RawFile:
    """Where a raw file, or a set of them, is found.

    `patterns` are paths or globs, relative to the project's root or, with `package`, to the folder
    of an installed Python package; absolute paths are allowed. `declared` is the
    place of its source_file(...), and `bad` what happens to data that break it, in at most the
    share `worst` of a file's rows. `may_be_empty` allows a file without rows, and
    `file_column` names a column that holds each row's file. With `newest_per`, the names of
    fields, only the newest row of each key is passed on, the files being in this `order`. With
    `snapshot` it is fetched from there, and its only pattern is the place of the fetch that counts.
    """

    name: str
    patterns: tuple[str, ...]
    package: str | None = None
    declared: Declared | None = None
    bad: Bad = "stop"
    worst: float | None = None
    may_be_empty: bool = False
    file_column: str | None = None
    newest_per: tuple[str, ...] = ()
    order: Order = ()
    snapshot: Snapshot | None = None

    @property
    def contract_path(self) -> Path | None:
        """Where its contract is or would be: beside the module that declares it."""
        if self.declared is None:
            return None
        return self.declared.file.with_name(f"{self.name.replace('/', '__')}.yaml")

    def base(self, root: Path) -> Path:
        """The folder that relative patterns start from.

        Raises ProjectError when its Python package is not installed.
        """
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
        """Whether it may match more than one file."""
        return len(self.patterns) > 1 or any(_is_glob(p) or has_place(p) for p in self.patterns)

    @property
    def globs(self) -> tuple[str, ...]:
        """The patterns; where one has a place for a partition's key, with `*` there."""
        return tuple(placed(pattern, None) for pattern in self.patterns)

    def globs_at(self, root: Path) -> list[str]:
        """The same for `glob.glob`, whatever glob characters the names of the folders hold.

        Raises ProjectError as `base`.
        """
        base = self.base(root)
        return [_placed_at(base, pattern) for pattern in self.globs]

    def resolve(self, root: Path, part: Part | None = None) -> list[Path]:
        """The files there are now, in a fixed order: by pattern, then by name.

        With `part`, a pattern with a place for a partition's key finds the files of that key.
        Raises ProjectError when a pattern finds no file, or what is not one.
        """
        if self.snapshot is not None:
            return [self._fetched(root, self.snapshot)]
        base = self.base(root)
        found: dict[Path, None] = {}
        for declared in self.patterns:
            pattern = placed(declared, part)
            if (base / pattern).is_file():
                # The literal path comes first, whatever glob characters its name may hold.
                paths = [base / pattern]
            else:
                paths = [base / name for name in sorted(_matches(pattern, base))]
            if not paths:
                raise NotThere(
                    self.name,
                    f"nothing matches {self.place(pattern)!r}",
                    f"{_other_spelling(base / pattern)}Put the file there, or correct the path in "
                    "its source_file(...).",
                )
            for path in paths:
                if not path.is_file():
                    raise NotThere(
                        self.name,
                        f"{self.label(path, root)} is {_what(path)}",
                        "Put the file there, remove what is there, or correct "
                        f"{self.place(pattern)!r} in its source_file(...).",
                    )
            found.update(dict.fromkeys(paths))
        return list(found)

    def _fetched(self, root: Path, snapshot: Snapshot) -> Path:
        if fault := snapshot.fault:
            raise self.not_fetched(fault)
        path = root / self.patterns[0]
        if not path.is_file():
            raise self.not_fetched(f"{self.patterns[0]} is missing")
        return path

    def not_fetched(self, why: str) -> NotThere:
        """The error on a snapshot that is of no use."""
        cure = f"Fetch it: {fetch_of([self.name])}"
        return NotThere(self.name, why, cure, is_snapshot=True)

    def place(self, pattern: str) -> str:
        """How a pattern is named in messages: the same on every machine."""
        if self.snapshot is not None:
            return f"snapshot:{self.name}"
        return f"{self.package}:{pattern}" if self.package else pattern

    def label(self, path: Path, root: Path) -> str:
        """How one found file is named in messages: the same on every machine where possible."""
        base = self.base(root)
        relative = path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)
        return self.place(relative)


def read_as_pattern(path: Path) -> str | None:
    """Return what is wrong with a file whose name Polars takes for a pattern of other files."""
    if not glob.has_magic(str(path)):
        return None
    others = [name for name in glob.glob(str(path), recursive=True) if Path(name) != path]
    if not others:
        return None
    return (
        f"The file {path.name} has a name that Polars takes for a pattern: it would read "
        f"{Path(others[0]).name} instead.\nRename one of them, or give the raw file a contract and "
        "take its rows."
    )


def _escaped(pattern: str) -> str:
    """Return a pattern in which `[1]` is literal, as in names of numbered downloads."""
    return re.sub(r"\[([^][*?!])\]", r"[[]\1]", pattern)


def _placed_at(base: Path, pattern: str) -> str:
    place = base / pattern
    if place.is_file():
        return glob.escape(str(place))
    return str(Path(glob.escape(str(base))) / _escaped(pattern))


def _is_glob(pattern: str) -> bool:
    """Return whether a pattern may match more than one name."""
    return glob.has_magic(re.sub(r"\[[\[*?]\]", "", _escaped(pattern)))


def _matches(pattern: str, base: Path) -> list[str]:
    """Return what a pattern matches in a folder; `**` at its end matches files only."""
    names = glob.glob(_escaped(pattern), root_dir=base, recursive=True)
    if Path(pattern).name == "**":
        return [name for name in names if not (base / name).is_dir()]
    return names


def _what(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return "a link to nothing" if path.is_symlink() else "not a file"


def _other_spelling(path: Path) -> str:
    """Return a sentence on a file whose name looks the same but has other code points."""
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


@dataclass(frozen=True)
class Taken:
    """What a function got of a raw file, and the files of a whole set that a partition used."""

    name: str
    part: Part | None
    content: Content
    own: Content | None


@dataclass
class Listing:
    """The files of a set at one moment, with their labels for messages."""

    labels: Mapping[Path, str]
    content: Content | None = None

    @cached_property
    def _by_word(self) -> Mapping[str, Sequence[Path]]:
        found: dict[str, list[Path]] = {}
        for path, label in self.labels.items():
            for word in whole_words(label):
                found.setdefault(word, []).append(path)
        return found

    def named_by(self, part: Part) -> list[Path]:
        """The files that are named by a partition's key."""
        exact = [frozenset(self._by_word.get(word, ())) for word in part.dimensions.values()]
        if exact and (found := frozenset.intersection(*exact)):
            return sorted(found)
        return named_by(self.labels, part)


class Deliveries:
    """The raw files of a project: where they are now, and the hashes of their content."""

    def __init__(self, root: Path, files: Mapping[str, RawFile], hashes: HashCache) -> None:
        """`files`: by name."""
        self.files = files
        self._root = root
        self._hashes = hashes
        self._handed: dict[tuple[str, Part | None], Content] = {}
        self._sets: dict[str, Listing] = {}
        self._own: dict[tuple[str, Part], Content] = {}
        self._seen: dict[tuple[str, Part], UsedPaths] = {}
        self._found: dict[tuple[str, Part], Content | None] = {}

    def look_ahead(self) -> None:
        """Hash the files that exist and may have changed, several at once."""
        self._sets.clear()
        paths: list[Path] = []
        for file in self.files.values():
            with suppress(ProjectError):
                paths += file.resolve(self._root)
        self._hashes.hash_ahead(paths)

    def content(self, name: str, part: Part | None = None, share: Share = Share.WHOLE) -> Content:
        """The content hash of a raw file now, or of a partition's files of it.

        Raises ProjectError when it is missing.
        """
        if part is not None and share is Share.WHOLE:
            return self.whole(name)
        return self._content(name, self.paths(name, part, share), share)

    def paths(self, name: str, part: Part | None = None, share: Share = Share.WHOLE) -> list[Path]:
        """The files of a raw file, or those of them that a partition takes.

        Raises ProjectError when there is none.
        """
        file = self.files[name]
        if part is None:
            return file.resolve(self._root)
        if share is Share.PLACED:
            return file.resolve(self._root, part)
        listing = self._listing(name)
        if share is Share.WHOLE:
            return list(listing.labels)
        found = listing.named_by(part)
        if not found:
            raise ProjectError(
                f"No file of '{name}' is named by the partition '{part.key}'.\nPut the file there, "
                "or remove the partition."
            )
        return found

    def _listing(self, name: str) -> Listing:
        """The files of a set for its partitions: a thousand partitions list the folder once.

        Files that appear later are found by the next build.
        """
        if name not in self._sets:
            file = self.files[name]
            paths = file.resolve(self._root)
            self._sets[name] = Listing({path: file.label(path, self._root) for path in paths})
        return self._sets[name]

    def _content(self, name: str, paths: Sequence[Path], share: Share) -> Content:
        file = self.files[name]
        digests = [self._hashes.hash(path) for path in paths]
        pin = file.snapshot.pin if file.snapshot is not None else None
        if pin is not None and digests != [pin.sha256]:
            raise file.not_fetched(f"{file.patterns[0]} is damaged")
        size = sum(path.stat().st_size for path in paths)
        if not file.is_several() or (share is not Share.WHOLE and len(paths) == 1):
            return Content(digests[0], size)
        labels = [file.label(path, self._root) for path in paths]
        return Content(combine_hashes(zip(labels, digests, strict=True)), size)

    def hand_out(
        self, name: str, part: Part | None = None, share: Share = Share.WHOLE
    ) -> list[Path]:
        """The paths for a function that is about to read them.

        The content is hashed first: a file that changes while it is read then counts as changed
        since, and its tables are built again. What a partition uses of the whole set is recorded.
        """
        paths = self.paths(name, part, share)
        if part is None or share is not Share.WHOLE:
            self._handed[name, part] = self._content(name, paths, share)
            return paths
        self._handed[name, part] = self.whole(name)
        if own := self._listing(name).named_by(part):
            self._own[name, part] = self._content(name, own, Share.NAMED)
        seen = self._seen[name, part] = UsedPaths(paths)
        return seen.paths

    def handed(self, name: str, part: Part | None = None, share: Share = Share.WHOLE) -> Content:
        """The content hash of a raw file when it was last handed out, or else now."""
        return self._handed.get((name, part)) or self.content(name, part, share)

    def own_share(self, name: str, part: Part) -> Content | None:
        """The files that a partition used of a whole set, when it left the others alone.

        None unless it used exactly the files that are named by its key, and there were others.
        """
        if (name, part) in self._found:
            return self._found[name, part]
        seen = self._seen.get((name, part))
        if seen is None or seen.used() == seen.all:
            return None
        own = frozenset(self._listing(name).named_by(part))
        return self._own.get((name, part)) if seen.used() == own else None

    def taken(self) -> list[Taken]:
        """What was handed out in this process since `begin_anew`."""
        return [
            Taken(name, part, content, None if part is None else self.own_share(name, part))
            for (name, part), content in self._handed.items()
        ]

    def begin_anew(self) -> None:
        """Forget what was handed out: another function begins."""
        self._handed.clear()

    def take_in(self, taken: Iterable[Taken]) -> None:
        """Record what another process has handed out."""
        for one in taken:
            self._handed[one.name, one.part] = one.content
            if one.part is not None:
                self._found[one.name, one.part] = one.own

    def whole(self, name: str) -> Content:
        """The content hash of a raw file when partitions first looked at it."""
        listing = self._listing(name)
        if listing.content is None:
            listing.content = self._content(name, list(listing.labels), Share.WHOLE)
        return listing.content


def combine_hashes(parts: Iterable[tuple[str, str]]) -> str:
    """One SHA-256 for named hashes, in the order given."""
    whole = hashlib.sha256()
    for name, digest in parts:
        whole.update(f"{len(name)}:{name}={digest}\n".encode())
    return whole.hexdigest()
