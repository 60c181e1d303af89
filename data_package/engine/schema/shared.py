"""Parts of a contract that are in files of their own, so that several contracts can name them.

`schema:` and `dialect:` may be a path (https://datapackage.org/standard/data-resource/#schema).
Everywhere else a mapping with `$ref` is replaced by what it names: a file, or after `#` a part of
one by JSON Pointer (https://www.rfc-editor.org/rfc/rfc6901); properties beside `$ref` win over
those that it brings. Paths go from the file that names them and stay within the project.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from data_package.engine.errors import did_you_mean
from data_package.engine.schema.code_list import Vocabulary, code_lines, read_codes
from data_package.engine.schema.contract_cache import ContractCache
from data_package.engine.schema.document import Document, Place, Problem
from data_package.engine.schema.document import Path as Steps
from data_package.engine.schema.yaml_document import read_document

REFERENCE = "$ref"
_CODES = (".csv", ".tsv")
_SUFFIXES = (".yaml", ".yml", ".json", *_CODES)
# JSON of the publisher's own, in which `$ref` means something else or nothing.
_DATA = frozenset({"jsonSchema", "example", "data"})
_PATHS: tuple[Steps, ...] = (("schema",), ("dialect",))
_DEEPEST = 16
_MOST = 20_000

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class SharedFault:
    """Something wrong with a shared part, or with how it is named."""

    file: Path
    place: Place
    what: str


@dataclass(slots=True)
class Whole:
    """A contract with its shared parts in it.

    `origins` says of the parts that come from elsewhere from which file, and where in it; `stamps`
    are the sizes, times and inodes of these files from before they were read, `digests` the sha256
    of their content, `named` which file each name in each file leads to.
    """

    value: object
    faults: list[SharedFault] = field(default_factory=list)
    origins: dict[Steps, tuple[Path, Steps]] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def origin(self, at: Steps) -> tuple[Path, Steps] | None:
        """Return the file and the place in it of a part; None for one of the contract's own."""
        for length in range(len(at), -1, -1):
            if (found := self.origins.get(at[:length])) is not None:
                return found[0], (*found[1], *at[length:])
        return None


def with_shared_parts(document: Document, path: Path, cache: ContractCache | None = None) -> Whole:
    """Return a contract's value with every shared part that it names in its place."""
    if not _names_any(document.value):
        return Whole(document.value)
    return _Joiner(document, path, cache).joined()


def places_in(file: Path) -> Callable[[Steps], Place]:
    """Return what finds the places of the parts of a file."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return lambda _: Place(1, 1)
    if file.suffix not in _CODES:
        return read_document(text, spans=True).place
    begins = code_lines(text)
    return lambda at: Place(begins[at[0]], 1) if at and isinstance(at[0], int) else Place(1, 1)


class _NotFoundError(Exception):
    """A reference that leads nowhere; its words say why."""


class _TooManyError(Exception):
    """References that multiply."""


class _Joiner:
    def __init__(self, document: Document, path: Path, cache: ContractCache | None) -> None:
        self._cache = cache
        self._path = path.resolve()
        self._root = _root_of(path)
        self._documents: dict[Path, Document] = {self._path: document}
        self._open: list[tuple[Path, str]] = []
        self._targets: dict[tuple[str, Path], Path] = {}
        self._digests: dict[Path, str] = {}
        self._count = 0
        self._whole = Whole(document.value)

    def joined(self) -> Whole:
        try:
            self._whole.value = self._join(self._documents[self._path].value, (), self._path, ())
        except _TooManyError:
            what = f"the contract unfolds to more than {_MOST:,} references"
            self._whole.faults.append(SharedFault(self._path, Place(1, 1), what))
        return self._whole

    def _join(self, value: object, at: Steps, file: Path, here: Steps) -> object:
        """Return a value with what it names; `at` is its place in the whole, `here` in `file`."""
        if isinstance(value, str) and at in _PATHS:
            return self._named(value, {}, at, file, here)
        if isinstance(value, dict):
            if not isinstance(value.get(REFERENCE, ""), str):
                place = places_in(file)((*here, REFERENCE))
                what = "$ref must be the path of a file, such as ../shared/fields.yaml#/person_id"
                self._whole.faults.append(SharedFault(file, place, what))
                return None
            if REFERENCE in value:
                beside = {key: item for key, item in value.items() if key != REFERENCE}
                return self._named(str(value[REFERENCE]), beside, at, file, (*here, REFERENCE))
            return {
                key: item if key in _DATA else self._join(item, (*at, key), file, (*here, key))
                for key, item in value.items()
            }
        if isinstance(value, list) and at[-1:] != ("enum",):
            return [self._join(item, (*at, i), file, (*here, i)) for i, item in enumerate(value)]
        return value

    def _named(
        self, reference: str, beside: Mapping[str, object], at: Steps, file: Path, here: Steps
    ) -> object:
        try:
            found = self._target(reference, at, file)
            if not beside:
                return found
            if not isinstance(found, dict):
                raise _NotFoundError("only a mapping can have properties beside its $ref")
        except _NotFoundError as error:
            self._whole.faults.append(SharedFault(file, places_in(file)(here), str(error)))
            return None
        outer = here[:-1]
        own = {
            key: item if key in _DATA else self._join(item, (*at, key), file, (*outer, key))
            for key, item in beside.items()
        }
        for key in beside:
            self._whole.origins[(*at, key)] = (file, (*outer, key))
        return {**found, **own}

    def _target(self, reference: str, at: Steps, file: Path) -> object:
        self._count += 1
        if self._count > _MOST:
            raise _TooManyError
        name, _, pointer = reference.partition("#")
        if (name, file) not in self._targets:
            self._targets[name, file] = self._file(name, file) if name else file
            self._whole.named[f"{file} names {name}"] = str(self._targets[name, file])
        target = self._targets[name, file]
        if (target, pointer) in self._open or len(self._open) >= _DEEPEST:
            raise _NotFoundError(f"{reference!r} leads back to itself")
        document = self._document(target)
        steps, value = _at(document.value, pointer, reference)
        self._whole.origins[at] = (target, steps)
        if at[-1:] == ("categories",) and isinstance(value, list):
            name = str(steps[-1]) if steps else target.stem
            return _vocabulary(target, self._digest(target), pointer, name, self._cache)
        if at[-1:] == ("enum",) and isinstance(value, list):
            return list(Vocabulary(value, name=target.stem).values)
        self._open.append((target, pointer))
        try:
            return self._join(value, at, target, steps)
        finally:
            self._open.pop()

    def _file(self, name: str, file: Path) -> Path:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|[/~]", name) or "\\" in name:
            raise _NotFoundError(f"{name!r} is not a path from this file to a file of the project")
        try:
            target = (file.parent / unquote(name)).resolve()
            is_there = target.is_file()
        except (OSError, ValueError, RuntimeError):
            raise _NotFoundError(f"{name!r} cannot be a path") from None
        if not target.is_relative_to(self._root):
            raise _NotFoundError(f"{name!r} leads out of the project")
        if target.suffix not in _SUFFIXES:
            raise _NotFoundError(f"{name!r} is not a file in YAML, JSON or CSV by its name")
        if not is_there:
            raise _NotFoundError(f"{name!r} is not there: {target.relative_to(self._root)}")
        return target

    def _digest(self, target: Path) -> str:
        if target not in self._digests:
            self._digests[target] = self._whole.digests[str(target)] = _digest(target)
        return self._digests[target]

    def _document(self, target: Path) -> Document:
        if target not in self._documents:
            self._whole.stamps[str(target)] = _stamp(target)
            self._documents[target] = _read(target, self._digest(target), self._cache)
        document = self._documents[target]
        if document.problems:
            self._whole.faults.extend(
                fault
                for problem in document.problems
                if (fault := SharedFault(target, problem.place, problem.what))
                not in self._whole.faults
            )
            raise _NotFoundError("the file that is named cannot be used")
        return document


def _names_any(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    paths = (value.get(steps[0]) for steps in _PATHS)
    return any(isinstance(each, str) for each in paths) or _has_reference(value)


def _has_reference(value: object) -> bool:
    if isinstance(value, dict):
        return REFERENCE in value or any(
            _has_reference(item) for key, item in value.items() if key not in _DATA
        )
    return isinstance(value, list) and any(_has_reference(item) for item in value)


def _at(value: object, pointer: str, reference: str) -> tuple[Steps, object]:
    """Follow a JSON Pointer: https://www.rfc-editor.org/rfc/rfc6901#section-4."""
    if not pointer:
        return (), value
    if not pointer.startswith("/"):
        raise _NotFoundError(f"{reference!r}: what follows # begins with /, such as #/person_id")
    steps: list[str | int] = []
    for word in unquote(pointer).split("/")[1:]:
        key = word.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
            steps.append(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
            steps.append(int(key))
        else:
            hint = did_you_mean(key, map(str, value)) if isinstance(value, dict) else ""
            raise _NotFoundError(f"{reference!r} names {key!r}, which is not there.{hint}")
    return tuple(steps), value


def _root_of(path: Path) -> Path:
    """Return the folder of the project that a contract is in, or else the contract's own."""
    folder = path.absolute().parent
    for each in (folder, *folder.parents):
        if (each / "pyproject.toml").is_file():
            return each.resolve()
    return folder.resolve()


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


@lru_cache(256)
def _read(path: Path, digest: str, cache: ContractCache | None) -> Document:
    """Return what is in a file; it is read once while its content, by its hash, is the same."""
    if cache is not None and (known := cache.document(path.suffix, digest)) is not None:
        return known
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8; save the file as UTF-8"
        return Document(None, (Problem(Place(1, 1), what),))
    except OSError as error:
        what = f"the file cannot be read: {error.strerror}"
        return Document(None, (Problem(Place(1, 1), what),))
    if hashlib.sha256(content).hexdigest() != digest:
        raise _NotFoundError(f"{path.name!r} changed while it was read; run the command again")
    document = read_codes(text) if path.suffix in _CODES else read_document(text)
    if cache is not None:
        cache.put_document(path.suffix, digest, document)
    return document


@lru_cache(256)
def _vocabulary(
    path: Path, digest: str, pointer: str, name: str, cache: ContractCache | None
) -> Vocabulary:
    _, value = _at(_read(path, digest, cache).value, pointer, pointer)
    assert isinstance(value, list)
    return Vocabulary(value, name=name, file=path, pointer=pointer)
