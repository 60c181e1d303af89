"""What the final tables are made from, as far back as the raw files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from data_package.engine.libraries import version_of
from data_package.engine.sources.files import RawFile
from data_package.engine.staleness.lock import Lock
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

FILE_GROUP = "file"
_ENGINE = ("data-package", "dagster", "polars")


@dataclass(frozen=True)
class Ancestor:
    """A raw file or a table that the final tables are made from, or a final table.

    Attributes:
        group: `file` for a raw file, else the table's group.
        inputs: the names of what it is made from.
        versions: its hashes in the lock file.
        published: its name in the package, None for what is not in it.
    """

    name: str
    group: str
    inputs: tuple[str, ...]
    versions: Mapping[str, object]
    published: str | None = None


def lineage_of(catalogue: Catalogue, tables: Iterable[Table], lock: Lock) -> list[Ancestor]:
    """The raw files and tables that some tables are made from, and these, each after its inputs."""
    published = {table.key for table in tables}
    found: dict[dg.AssetKey, Ancestor] = {}
    waiting = [(key, False) for key in sorted(published, reverse=True)]
    while waiting:
        key, ready = waiting.pop()
        if key in found:
            continue
        table = catalogue.tables.get(key)
        inputs = sorted(set(table.inputs.values())) if table else []
        if not ready and any(one not in found for one in inputs):
            waiting.append((key, True))
            waiting += [(one, False) for one in reversed(inputs) if one not in found]
            continue
        if table is None:
            found[key] = _file(key.to_user_string(), catalogue, lock)
        else:
            found[key] = _made(table, table.resource if key in published else None, lock)
    return list(found.values())


def libraries_of(lineage: Iterable[Ancestor]) -> dict[str, str]:
    """The versions of the packages that the tables' functions and the engine use."""
    found = {name: version for name in _ENGINE if (version := version_of(name))}
    for one in lineage:
        libraries = one.versions.get("libraries")
        if isinstance(libraries, Mapping):
            found |= {str(name): str(version) for name, version in libraries.items()}
    return dict(sorted(found.items()))


def _file(name: str, catalogue: Catalogue, lock: Lock) -> Ancestor:
    file, entry = catalogue.deliveries.files.get(name), lock.raw.get(name)
    versions: dict[str, object] = {}
    if file is not None:
        versions["paths"] = [_place(file, pattern) for pattern in file.patterns]
    if entry is not None:
        versions |= {"bytes": entry.size_bytes, "sha256": entry.sha256}
    return Ancestor(name, FILE_GROUP, (), versions)


def _place(file: RawFile, pattern: str) -> str:
    """The path of a raw file, without parts that belong to one machine."""
    is_private = Path(pattern).is_absolute() or pattern.startswith("~")
    return Path(pattern).name if is_private else file.place(pattern)


def _made(table: Table, published: str | None, lock: Lock) -> Ancestor:
    entry = lock.whole(table.name)
    inputs = tuple(sorted({key.to_user_string() for key in table.inputs.values()}))
    versions: dict[str, object] = {"fingerprint": table.fingerprint.digest}
    if entry is not None:
        versions = {
            "fingerprint": entry.fingerprint,
            "data_version": entry.data_version,
            "inputs": dict(sorted(entry.inputs.items())),
            "libraries": dict(sorted(entry.libraries.items())),
        }
    return Ancestor(table.name, table.group, inputs, versions, published)
