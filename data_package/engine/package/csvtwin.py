"""A table's CSV twin: UTF-8, RFC 4180, for programs that cannot read Parquet.

Dates and times are ISO 8601, booleans `true` and `false`, lists and structs JSON, bytes base64, a
missing value is an empty cell. One streamed pass: the table is never in memory.
https://datapackage.org/standard/table-dialect/
"""

import hashlib
import io
import os
from math import isfinite
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import polars as pl
from polars import selectors as cs

from data_package.engine.schema.columns import column
from data_package.engine.schema.octets import as_text
from data_package.engine.storage import PRIVATE_FILE

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

DIALECT: dict[str, object] = {
    "$schema": "https://datapackage.org/profiles/2.0/tabledialect.json",
    "header": True,
    "delimiter": ",",
    "lineTerminator": "\r\n",
    "quoteChar": '"',
    "doubleQuote": True,
}


def write_csv(origin: Path, target: Path) -> str:
    """Write the CSV twin of a Parquet file into a new private file; returns its SHA-256, in hex."""
    frame = pl.scan_parquet(origin, glob=False, hive_partitioning=False)
    handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    with os.fdopen(handle, "wb") as file:
        hashed = _Hashed(file)
        frame.select(
            cell(name, dtype) for name, dtype in _with_infinities(origin, frame).items()
        ).sink_csv(
            cast("IO[bytes]", hashed),
            line_terminator="\r\n",
            time_format="%H:%M:%S%.f",
            datetime_format="%Y-%m-%dT%H:%M:%S%.f",
        )
        file.flush()
        os.fsync(handle)
    return hashed.digest.hexdigest()


class _Hashed(io.RawIOBase):
    """Hashes what is written through it, while the next rows are formatted."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        """It can be written."""
        return True

    def write(self, data: "Buffer", /) -> int:
        """Write everything."""
        self.digest.update(data)
        return self._file.write(data)


def _with_infinities(origin: Path, frame: pl.LazyFrame) -> dict[str, pl.DataType | None]:
    """The columns' types, None for a column of floats with an infinity."""
    schema = frame.collect_schema()
    open_ended = _open_ended(origin) & set(cs.expand_selector(schema, cs.float()))
    if not open_ended:
        return dict(schema)
    named = cs.by_name(*sorted(open_ended))
    floats = frame.select(named.is_infinite().any()).collect(engine="streaming")
    found = {name for name in floats.columns if floats[name][0]}
    return {name: None if name in found else dtype for name, dtype in schema.items()}


def _open_ended(origin: Path) -> set[str]:
    """The columns whose extremes in the file's metadata are infinite or unknown."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowNotImplementedError

    found = set()
    try:
        file = pq.read_metadata(origin)
    except ArrowNotImplementedError:
        # A file with 128-bit integers, which pyarrow cannot read.
        return set(pl.read_parquet_schema(origin))
    for group in (file.row_group(at) for at in range(file.num_row_groups)):
        for chunk in (group.column(at) for at in range(file.num_columns)):
            if chunk.physical_type == "FIXED_LEN_BYTE_ARRAY":
                # Half precision, whose extremes are bytes.
                found.add(chunk.path_in_schema)
            if chunk.physical_type not in ("FLOAT", "DOUBLE"):
                continue
            known = chunk.statistics
            if known is None or not known.has_min_max or not isfinite(known.max - known.min):
                found.add(chunk.path_in_schema)
    return found


def cell(name: str, dtype: pl.DataType | None) -> pl.Expr:
    """A column as CSV writes it; None for a column of floats that holds an infinity."""
    value = column(name)
    if dtype is None:
        # https://datapackage.org/standard/table-schema/#number writes infinity in capitals.
        return (
            pl.when(value.is_infinite())
            .then(pl.when(value > 0).then(pl.lit("INF")).otherwise(pl.lit("-INF")))
            .otherwise(value.cast(pl.String))
            .alias(name)
        )
    if isinstance(dtype, pl.Struct):
        json = as_text(value, dtype).struct.json_encode()
        return pl.when(value.is_not_null()).then(json).alias(name)
    if isinstance(dtype, pl.List | pl.Array):
        inside = pl.struct(as_text(value, dtype).alias("v")).struct.json_encode()
        json = inside.str.strip_prefix('{"v":').str.strip_suffix("}")
        return pl.when(value.is_not_null()).then(json).alias(name)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        utc = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return utc.dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ").alias(name)
    if isinstance(dtype, pl.Duration):
        return value.dt.to_string("iso")
    if isinstance(dtype, pl.Binary):
        return as_text(value, dtype)
    return value
