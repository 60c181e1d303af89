"""An answer as a Parquet file: spooled as it arrives, then typed and checked.

Both passes take a piece of the rows at a time. What a type cannot hold as it is stays text, and
what no table can hold is refused: a value is never rounded, cut or dropped.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from polars.io.plugins import register_io_source

from data_package.engine.errors import BuildError
from data_package.engine.fetching.answers import CellKind, SourceAnswer
from data_package.engine.schema.columns import column
from data_package.engine.sources.snapshots import CONTRACT_KEY
from data_package.engine.storage import PRIVATE_FILE, hash_file, sync, temporary_beside
from data_package.engine.unusable import why_failed

# As tables have them, whatever the sizes of the pieces that arrive.
_ROW_GROUP_ROWS = 122_880
_MOST_DIGITS = 38
_DAYS = (-719_162, 2_932_896)
_SECONDS_OF_DAY = 86_400
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_PLAIN = r"^-?([0-9]+)(?:\.([0-9]+))?$"


@dataclass(frozen=True)
class KeptAnswer:
    """A Parquet file before it is moved to its place."""

    path: Path
    rows: int
    sha256: str
    size_bytes: int
    notes: tuple[str, ...] = ()


@contextmanager
def kept(answer: SourceAnswer, folder: Path) -> Iterator[KeptAnswer]:
    """Write an answer into a folder, under a temporary name; the file is gone when the block ends.

    Raises BuildError for a date or time that no table can hold, and when the disk is full.
    """
    spool, made = (temporary_beside(folder / name) for name in ("spool", "made"))
    try:
        for path in (spool, made):
            path.touch(PRIVATE_FILE, exist_ok=False)
        rows, nulls = _spool(answer, spool)
        refused: BuildError | None = None
        try:
            _type(answer, spool, made)
        except pl.exceptions.PolarsError as error:
            # Its message may quote a value.
            refused = BuildError(
                why_failed(error, folder) or f"The answer cannot be kept ({type(error).__name__})."
            )
        if refused is not None:
            raise refused
        _refuse_loss(made, nulls)
        sync(made)
        yield KeptAnswer(made, rows, hash_file(made), made.stat().st_size, answer.notes())
    finally:
        for path in (spool, made):
            path.unlink(missing_ok=True)


def _spool(answer: SourceAnswer, path: Path) -> tuple[int, list[int]]:
    """Write an answer as it is; returns its rows, and the nulls of each column."""
    rows = 0
    first = next(answer.batches)
    nulls = [0] * first.num_columns
    with pq.ParquetWriter(path, first.schema, compression="lz4") as writer:
        batch: pa.RecordBatch | None = first
        while batch is not None:
            _refuse_beyond(batch)
            if batch.num_rows:
                writer.write_batch(batch)
                rows += batch.num_rows
                nulls = [n + one.null_count for n, one in zip(nulls, batch.columns, strict=True)]
            batch = next(answer.batches, None)
    return rows, nulls


def _refuse_beyond(batch: pa.RecordBatch) -> None:
    """Raise BuildError for days before the year 1 or after 9999, and times beyond a day.

    Databases have infinite dates, which arrive as one of these; Polars would make some of them
    null.
    """
    for name, cells in zip(batch.schema.names, batch.columns, strict=True):
        known = _bounds(cells.type)
        if known is None:
            continue
        stored, first, last = known
        found = pc.min_max(cells.view(stored)).as_py()
        if found["min"] is not None and not first <= found["min"] <= found["max"] <= last:
            raise BuildError(
                f"The column {name!r} has a value that no table can hold: infinite, before the "
                "year 1, after 9999, or later than 23:59:59.\n"
                f"Ask for it as text, cast({name} as text), or for null instead, "
                f"nullif({name}, 'infinity')."
            )


def _bounds(dtype: pa.DataType) -> tuple[pa.DataType, int, int] | None:
    """How a type is stored, and the first and the last value that tables hold."""
    first, last = _DAYS
    if pa.types.is_date32(dtype):
        return pa.int32(), first, last
    if pa.types.is_timestamp(dtype):
        per_day = _SECONDS_OF_DAY * _PER_SECOND[dtype.unit]
        return pa.int64(), first * per_day, (last + 1) * per_day - 1
    if pa.types.is_time64(dtype):
        return pa.int64(), 0, _SECONDS_OF_DAY * _PER_SECOND[dtype.unit] - 1
    return None


def _type(answer: SourceAnswer, spool: Path, made: Path) -> None:
    """Write what was spooled as the file that is kept, with the contract of its source."""
    frame = _typed(_rows_of(spool), answer.kinds(), answer.scales())
    contract = answer.contract()
    metadata = {CONTRACT_KEY: json.dumps(contract, ensure_ascii=False)} if contract else {}
    frame.sink_parquet(made, row_group_size=_ROW_GROUP_ROWS, metadata=metadata)


def _rows_of(path: Path) -> pl.LazyFrame:
    """A Parquet file, a piece at a time: Polars would read far ahead of what is written."""

    def give(
        names: list[str] | None, predicate: pl.Expr | None, rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        assert predicate is None
        assert rows is None
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(_ROW_GROUP_ROWS, columns=names, use_threads=False):
                yield pl.DataFrame(batch)

    return register_io_source(give, schema=pl.read_parquet_schema(path))


def _refuse_loss(path: Path, nulls: list[int]) -> None:
    """Raise BuildError where values became null while they were converted."""
    frame = _rows_of(path)
    for name, count, before in zip(
        frame.collect_schema().names(),
        frame.select(pl.all().null_count()).collect(engine="streaming").row(0),
        nulls,
        strict=True,
    ):
        if count != before:
            raise BuildError(f"The column {name!r} has values that cannot be kept as they are.")


def _typed(
    frame: pl.LazyFrame, kinds: Mapping[str, CellKind], scales: Mapping[str, tuple[int, int]]
) -> pl.LazyFrame:
    """The rows with columns of text as what they hold, where that is exact."""
    known = _digits(frame, [n for n, kind in kinds.items() if kind is CellKind.DECIMAL], scales)
    casts = []
    for name, kind in kinds.items():
        cell = column(name)
        match kind:
            case CellKind.WHOLE:
                casts.append(cell.cast(pl.Int64))
            case CellKind.FLOAT:
                casts.append(cell.cast(pl.Float64))
            case CellKind.BYTES:
                casts.append(cell.str.decode("hex"))
            case CellKind.BOOLEAN:
                yes = pl.when(cell == "1").then(pl.lit(value=True))
                casts.append(yes.when(cell == "0").then(pl.lit(value=False)).alias(name))
            case CellKind.DECIMAL:
                if name in known:
                    casts.append(cell.cast(pl.Decimal(*known[name])))
    return frame.with_columns(casts)


def _digits(
    frame: pl.LazyFrame, names: list[str], declared: Mapping[str, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    """The digits, and those of the fraction, that hold every number of columns of text.

    Those that the database declares, or as many as there are. A column with more digits than a
    decimal has, or with what is not a number (`NaN`), has none.
    """
    if not names:
        return {}
    asked = []
    for name in names:
        cell = column(name)
        whole = cell.str.extract(_PLAIN, 1).str.strip_chars_start("0").str.len_bytes()
        fraction = cell.str.extract(_PLAIN, 2).str.len_bytes()
        plain = cell.is_null() | cell.str.contains(_PLAIN)
        asked.append(
            pl.struct(
                plain.all().alias("plain"),
                whole.max().fill_null(0).alias("whole"),
                fraction.max().fill_null(0).alias("fraction"),
            ).alias(name)
        )
    found = frame.select(asked).collect(engine="streaming").row(0, named=True)
    return {
        name: declared.get(name, (_MOST_DIGITS, one["fraction"]))
        for name, one in found.items()
        if one["plain"] and one["whole"] + one["fraction"] <= _MOST_DIGITS
    }
