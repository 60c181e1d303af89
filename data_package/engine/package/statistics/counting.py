"""Counting subjects: how many have a row in each cell of each field. Polars, streamed.

Counts leave the process only through `suppression`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data_package.engine.package.statistics.bins import (
    MISSING_BIT,
    Bins,
    Scale,
    tail_size,
)
from data_package.engine.package.statistics.subjects import SUBJECT
from data_package.engine.schema.columns import column

_SAMPLE_SLICES = 16
_SAMPLE_CELLS = 20_000_000
_SAMPLE_ROWS = 500_000
_SETS_BYTES = 1 << 29
_CODES = 20_000_000
_ONE = pl.lit(1, dtype=pl.UInt64)
_HIDDEN = "__id__"


@dataclass(frozen=True)
class Size:
    """Rows, subjects, and the missing values of each column (NaN among them)."""

    rows: int
    subjects: int
    missing: Mapping[str, int]


@dataclass(frozen=True)
class SubjectCounts:
    """The subjects with a row in each cell of a field, with a missing value, with any value."""

    cells: tuple[int, ...]
    missing: int
    present: int


def size_of(frame: pl.LazyFrame, schema: Mapping[str, pl.DataType], names: Sequence[str]) -> Size:
    """Count a table's rows and subjects, and each column's missing values."""
    missing = [
        (column(name).is_null() | column(name).is_nan()).sum().alias(name)
        if schema[name].is_float()
        else column(name).null_count().alias(name)
        for name in names
    ]
    subjects = [pl.col(SUBJECT).hash().n_unique().alias(SUBJECT)] if SUBJECT in schema else []
    found = frame.select(pl.len().alias(_HIDDEN), *subjects, *missing).collect(engine="streaming")
    rows = int(found[_HIDDEN][0])
    return Size(
        rows=rows,
        subjects=int(found[SUBJECT][0]) if subjects else rows,
        missing={name: int(found[name][0]) for name in names},
    )


def edges(
    frame: pl.LazyFrame, scales: Sequence[Scale], size: Size, k: int, *, grouped: bool
) -> dict[str, tuple[float, float]]:
    """For each field, two values beyond which at least k subjects lie, from a part of the rows.

    If k subjects of a part lie beyond, so do k of the whole: evenly spread slices suffice.
    """
    if not scales or not size.rows:
        return {}
    part = _part(frame, size.rows, len(scales))
    places = [scale.place.cast(pl.Float64).alias(scale.field) for scale in scales]
    names = [scale.field for scale in scales]
    if grouped:
        by = part.select(pl.col(SUBJECT).hash().alias(_HIDDEN), *places).group_by(_HIDDEN)
        lowest = by.agg(pl.exclude(_HIDDEN).min())
        highest = by.agg(pl.exclude(_HIDDEN).max())
    else:
        lowest = highest = part.select(places)
    low, high = pl.collect_all([lowest, highest])
    found = {}
    for name in names:
        ordered = low[name].drop_nulls().sort()
        beyond = tail_size(ordered.len(), k)
        if ordered.len() >= 4 * beyond:
            top = high[name].drop_nulls().sort(descending=True)
            found[name] = float(ordered[beyond - 1]), float(top[beyond - 1])
    return found


def tallies(
    frame: pl.LazyFrame, fields: Sequence[Bins], size: Size, *, grouped: bool
) -> dict[str, SubjectCounts]:
    """Count the subjects of every cell of the given fields."""
    found: dict[str, SubjectCounts] = {}
    at_once = max(1, min(256, _SETS_BYTES // (8 * max(1, size.subjects)))) if grouped else 256
    for start in range(0, len(fields), at_once):
        some = fields[start : start + at_once]
        found |= _sets(frame, some) if grouped else _rows(frame, some, size.rows)
    return found


def _sets(frame: pl.LazyFrame, fields: Sequence[Bins]) -> dict[str, SubjectCounts]:
    """Each subject's bins as one set of bits, then the subjects that have each bit."""
    bits = frame.select(pl.col(SUBJECT).hash().alias(_HIDDEN), *(each.bit() for each in fields))
    sets = bits.group_by(_HIDDEN).agg(pl.exclude(_HIDDEN).bitwise_or()).collect(engine="streaming")
    found = {}
    for each in fields:
        one = sets[each.field].to_frame("set").group_by("set").len().rows()
        has = [(int(cells), int(count)) for cells, count in one]
        found[each.field] = SubjectCounts(
            cells=tuple(
                sum(count for cells, count in has if cells >> at & 1)
                for at in range(len(each.labels))
            ),
            missing=sum(count for cells, count in has if cells >> MISSING_BIT & 1),
            present=sum(count for cells, count in has if cells & ~(1 << MISSING_BIT)),
        )
    return found


def _rows(frame: pl.LazyFrame, fields: Sequence[Bins], rows: int) -> dict[str, SubjectCounts]:
    """The same where each row is a subject: the rows of each code."""
    counts = [
        each.code.cast(pl.UInt32).alias("code").value_counts().implode().alias(each.field)
        for each in fields
    ]
    found: dict[str, Counter[int | None]] = {each.field: Counter() for each in fields}
    # Their codes are in memory together.
    length = max(1, _CODES // len(fields))
    for start in range(0, rows, length):
        part = frame.slice(start, length).select(counts).collect(engine="streaming")
        for name, pairs in found.items():
            for item in part[name][0].to_list():
                pairs[item["code"]] += int(item["count"])
    return {each.field: _counts_of(found[each.field], len(each.labels)) for each in fields}


def _counts_of(pairs: Mapping[int | None, int], cells: int) -> SubjectCounts:
    found = tuple(pairs.get(at, 0) for at in range(cells))
    return SubjectCounts(found, pairs.get(None, 0), sum(found))


def _part(frame: pl.LazyFrame, rows: int, columns: int) -> pl.LazyFrame:
    wanted = max(10_000, min(_SAMPLE_ROWS, _SAMPLE_CELLS // columns))
    if rows <= wanted:
        return frame
    length = wanted // _SAMPLE_SLICES
    starts = [rows * at // _SAMPLE_SLICES for at in range(_SAMPLE_SLICES)]
    return pl.concat([frame.slice(start, length) for start in starts])
