"""A table's Parquet file with titles and descriptions in it, and no value touched.

A Parquet file's metadata are in a footer after the rows. So the published file is the stored one
byte for byte up to there, with another footer: no row is decoded, and a changed title costs one
copy. Polars and pandas do not show these metadata; pyarrow, DuckDB and R's arrow do.
https://github.com/apache/parquet-format#metadata
"""

import errno
import json
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import polars as pl

from data_package.engine.storage import PRIVATE_FILE

# The key of the whole Data Resource in the file's key-value metadata.
RESOURCE_KEY = "datapackage:resource"

_MAGIC = b"PAR1"
_KEY_VALUES = 5
_CHUNK_BYTES = 1 << 26


def copy_with_words(origin: Path, target: Path, resource: Mapping[str, object]) -> None:
    """Copy a Parquet file, and write a Data Resource into the copy's metadata.

    Args:
        origin: the stored table; only read.
        target: a new file, made private.
        resource: name, title, description and schema. The whole resource goes into the file's
            metadata under `datapackage:resource`, each field's title and description into the
            field's.
    """
    with origin.open("rb") as source:
        start, footer = _footer(source)
        donor = BytesIO(_empty_table(origin, resource))
        _, words = _footer(donor)
        ours, theirs = _span(footer), _span(words)
        new = footer[: ours[0]] + words[theirs[0] : theirs[1]] + footer[ours[1] :]
        handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
        with os.fdopen(handle, "wb") as out:
            source.seek(0)
            _copy(source, out, start)
            out.seek(start)
            out.write(new + len(new).to_bytes(4, "little") + _MAGIC)
            out.flush()
            os.fsync(out.fileno())


def _empty_table(origin: Path, resource: Mapping[str, object]) -> bytes:
    """A Parquet file without rows whose metadata Polars has written."""
    import pyarrow as pa

    empty = pl.scan_parquet(origin, glob=False, hive_partitioning=False).clear().collect()
    arrow = empty.to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    words = _words(resource)
    fields = [
        field.with_metadata({**(field.metadata or {}), **words.get(field.name, {})})
        for field in arrow
    ]
    out = BytesIO()
    text = json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
    empty.write_parquet(out, metadata={RESOURCE_KEY: text}, arrow_schema=pa.schema(fields))
    return out.getvalue()


def _words(resource: Mapping[str, object]) -> dict[str, dict[str, str]]:
    schema = resource.get("schema")
    fields = schema.get("fields") if isinstance(schema, dict) else None
    return {
        str(field["name"]): {
            key: str(field[key]) for key in ("title", "description") if field.get(key)
        }
        for field in fields or ()
    }


def _footer(file: BinaryIO) -> tuple[int, bytes]:
    """Where a Parquet file's footer begins, and the footer."""
    end = file.seek(0, os.SEEK_END)
    file.seek(end - 8)
    tail = file.read(8)
    if tail[4:] != _MAGIC:
        raise OSError(errno.EINVAL, "not a whole Parquet file")
    start = end - 8 - int.from_bytes(tail[:4], "little")
    file.seek(start)
    return start, file.read(end - 8 - start)


def _span(footer: bytes) -> tuple[int, int]:
    """Where the key-value metadata begins and ends in a footer, its field header included."""
    position = field = 0
    while (header := footer[position]) != 0:
        begin = position
        position += 1
        if header >> 4:
            field += header >> 4
        else:
            number, position = _varint(footer, position)
            field = number >> 1 ^ -(number & 1)
        position = _skip(footer, position, header & 15)
        if field == _KEY_VALUES:
            return begin, position
    raise OSError(errno.EINVAL, "a Parquet file without metadata")


def _skip(buffer: bytes, at: int, kind: int, *, in_list: bool = False) -> int:
    """The position after a value of Thrift's compact protocol."""
    if kind in (1, 2):
        return at + 1 if in_list else at
    if kind in (4, 5, 6):
        while buffer[at] & 128:
            at += 1
        return at + 1
    if kind == 8:
        size, at = _varint(buffer, at)
        return at + size
    if kind in (9, 10):
        size, inner = buffer[at] >> 4, buffer[at] & 15
        at += 1
        if size == 15:
            size, at = _varint(buffer, at)
        for _ in range(size):
            at = _skip(buffer, at, inner, in_list=True)
        return at
    if kind == 12:
        while (header := buffer[at]) != 0:
            at += 1
            if not header >> 4:
                _, at = _varint(buffer, at)
            at = _skip(buffer, at, header & 15)
        return at + 1
    widths = {3: 1, 7: 8}
    if kind not in widths:
        raise OSError(errno.EINVAL, "a Parquet footer of an unknown kind")
    return at + widths[kind]


def _varint(buffer: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = buffer[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if not byte & 128:
            return value, at


def _copy(source: BinaryIO, out: BinaryIO, left: int) -> None:
    """Copy the first bytes of a file; file systems that can share blocks between files do."""
    while left > 0:
        wanted = min(left, _CHUNK_BYTES)
        try:
            done = os.copy_file_range(source.fileno(), out.fileno(), wanted)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
                raise
            done = os.sendfile(out.fileno(), source.fileno(), None, wanted)
        if done == 0:
            break
        left -= done
