"""Putting the data package in place: all of it in one step, or none of it."""

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from data_package.engine.package import descriptor as d
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.storage import (
    PRIVATE_FILE,
    HashCache,
    make_private_folder,
    remove,
    replace_folder,
    temporary_beside,
    write_private,
)
from data_package.engine.tables.table import Table

_TABLES = "tables"
_CHUNK_BYTES = 1 << 26


def publish(
    project: Project,
    tables: Sequence[tuple[Table, Contract]],
    properties: dict[str, object],
    hashes: HashCache,
    *,
    still_good: Callable[[], None],
) -> dict[str, object]:
    """Write the data package beside the present one, then put it in its place.

    `still_good` is called between the copying of the tables and the exchange, and raises when what
    was copied must not be published. Returns the descriptor.
    """
    folder = project.published
    make_private_folder(folder.parent)
    new = temporary_beside(folder)
    make_private_folder(new / _TABLES)
    try:
        resources = []
        for table, contract in tables:
            path = f"{_TABLES}/{table.resource}.parquet"
            digest = hashes.hash(table.path)
            _bring(table.path, new / path, present=folder / path, digest=digest, hashes=hashes)
            file = d.PublishedFile(path, (new / path).stat().st_size, digest)
            resources.append(d.resource(table, contract, file))
        document = d.descriptor(properties, resources)
        write_private(new / d.FILE_NAME, d.to_json(document))
        still_good()
        replace_folder(new, folder)
    except BaseException:
        remove(new)
        raise
    return document


def _bring(origin: Path, target: Path, *, present: Path, digest: str, hashes: HashCache) -> None:
    """Link the file that is published already when it is the same, else copy the built one.

    The table's own file is never linked: whoever overwrites it in place would overwrite what is
    published.
    """
    with suppress(OSError):
        if hashes.hash(present) == digest:
            target.hardlink_to(present)
            hashes.remember(target, digest)
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
