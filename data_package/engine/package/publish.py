"""Putting the data package in place: all of it in one step, or none of it."""

import errno
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data_package.engine.package import descriptor as d
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.storage import (
    PRIVATE_FILE,
    HashCache,
    hash_file,
    make_private_folder,
    remove,
    replace_folder,
    temporary_beside,
    write_private,
)
from data_package.engine.tables.table import Table

_TABLES = "tables"
_CHUNK_BYTES = 1 << 26


@dataclass(frozen=True)
class Contents:
    """What goes into a data package."""

    project: Project
    tables: Sequence[tuple[Table, Contract]]
    properties: dict[str, object]
    hashes: HashCache


def publish(contents: Contents, *, still_good: Callable[[], None]) -> dict[str, object]:
    """Write the data package beside the present one, then put it in its place.

    `still_good` is called between the copying of the tables and the exchange, and raises when what
    was copied must not be published. Returns the descriptor.
    """
    folder = contents.project.published
    document = describe(contents)
    make_private_folder(folder.parent)
    new = temporary_beside(folder)
    make_private_folder(new / _TABLES)
    try:
        for table, _ in contents.tables:
            path = _path(table)
            _bring(table.path, new / path, present=folder / path, hashes=contents.hashes)
        write_private(new / d.FILE_NAME, d.to_json(document))
        still_good()
        replace_folder(new, folder)
    except BaseException:
        remove(new)
        raise
    contents.hashes.remember(folder / d.FILE_NAME, hash_file(folder / d.FILE_NAME))
    for table, _ in contents.tables:
        contents.hashes.remember(folder / _path(table), contents.hashes.hash(table.path))
    return document


def describe(contents: Contents) -> dict[str, object]:
    """The descriptor of the tables as they are now."""
    resources = []
    for table, contract in contents.tables:
        file = d.PublishedFile(
            _path(table), table.path.stat().st_size, contents.hashes.hash(table.path)
        )
        resources.append(d.resource(table, contract, file))
    return d.descriptor(contents.properties, resources)


def is_published(contents: Contents) -> bool:
    """Whether what is in place is what `publish` would put there."""
    folder = contents.project.published
    hashes = contents.hashes
    text = d.to_json(describe(contents)).encode()
    return hashes.hash(folder / d.FILE_NAME) == hashlib.sha256(text).hexdigest() and all(
        hashes.hash(folder / _path(table)) == hashes.hash(table.path)
        for table, _ in contents.tables
    )


def _path(table: Table) -> str:
    return f"{_TABLES}/{table.resource}.parquet"


def _bring(origin: Path, target: Path, *, present: Path, hashes: HashCache) -> None:
    """Link the file that is published already when it is the same, else copy the built one.

    The table's own file is never linked: whoever overwrites it in place would overwrite what is
    published.
    """
    with suppress(OSError):
        if hashes.hash(present) == hashes.hash(origin):
            target.hardlink_to(present)
            return
    _copy(origin, target)


def _copy(origin: Path, target: Path) -> None:
    """Copy a file; file systems that can share blocks between files do."""
    left = origin.stat().st_size
    with (
        origin.open("rb") as source,
        os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE), "wb") as out,
    ):
        while left > 0:
            try:
                done = os.copy_file_range(source.fileno(), out.fileno(), min(left, _CHUNK_BYTES))
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
                    raise
                done = os.sendfile(out.fileno(), source.fileno(), None, min(left, _CHUNK_BYTES))
            if done == 0:
                break
            left -= done
        os.fsync(out.fileno())
