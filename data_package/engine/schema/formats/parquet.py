"""Parquet, https://parquet.apache.org/docs/file-format/: scanned by its exact name."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from data_package.engine.schema.formats.bytes_like import matches
from data_package.engine.schema.formats.file_format import FileFormat, TypedFile

if TYPE_CHECKING:
    import polars as pl

_BATCH_ROWS = 1 << 18


@contextmanager
def _typed(path: Path) -> Iterator[TypedFile]:
    from data_package.engine.schema.columns import column
    from data_package.engine.schema.parquet import scan_delivered

    scan = scan_delivered(path)

    def batches(
        names: Sequence[str], coded: Collection[str] = (), whole: Collection[str] = ()
    ) -> "Iterator[pl.DataFrame]":
        del coded, whole
        yield from scan.select(map(column, names)).collect_batches(
            chunk_size=_BATCH_ROWS, maintain_order=True, engine="streaming"
        )

    yield TypedFile(dict(scan.collect_schema()), batches, scan=scan)


PARQUET = FileFormat("a Parquet file", (".parquet",), matches(rb"PAR1[^ -~\r\n\t]"), typed=_typed)
