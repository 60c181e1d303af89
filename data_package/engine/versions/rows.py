"""How the rows of two Parquet files, or scans of some, differ, in bounded memory.

First each row is reduced to two 64-bit hashes, one of its key and one of its other values. Hashes
that both files have equally often are equal rows. Then the remaining rows, often few, are read
again and compared by value, a share of them at a time. The size of a share is bounded; nothing is
written to the disk. Without a key, whole rows are counted: how many more or fewer there are of
each.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path

import polars as pl

from data_package.engine.errors import BuildError
from data_package.engine.schema.columns import column
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.schema.keys import common_type, in_type
from data_package.engine.schema.octets import as_text

# About how many bytes the rows of one file take while they are compared by value.
SHARE_BYTES = 96 * 1024 * 1024
# How many rows of each file have their hashes in memory at a time, 16 bytes a row.
SHARE_ROWS = 5_000_000
# The number of parts in which hashes are grouped: grouping takes a multiple of their memory.
_PARTS = 8
_SECOND_SEED = 0x5EED
_MIX = 0x9E3779B97F4A7C15
_TEXT_BYTES = 40
_NESTED_BYTES = 96
_NEW = "\0new"
_FIELD = "\0field"
_KEY, _VALUE, _SIGN = "\0key", "\0value", "\0sign"


@dataclass(frozen=True)
class RowDifference:
    """How the rows of a table differ.

    Attributes:
        old: rows before.
        new: rows now.
        key: the fields that rows are matched by; empty where whole rows are counted.
        changed: rows that both have and whose values differ; None where rows are counted.
        fields: in how many of these each field differs, those that do.
        not_compared: fields whose types have no common one.
        shown: rows that differ, with their values; for the user's own terminal only.
    """

    old: int
    new: int
    added: int
    removed: int
    changed: int | None
    key: tuple[str, ...] = ()
    fields: Mapping[str, int] = field(default_factory=dict)
    not_compared: tuple[str, ...] = ()
    shown: Mapping[str, pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_equal(self) -> bool:
        """Whether both have the same rows, in any order."""
        return not (self.added or self.removed or self.changed)

    def to_dict(self) -> dict[str, object]:
        """The counts as JSON's types."""
        return {
            "old": self.old,
            "new": self.new,
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "matched_by": list(self.key),
            "fields": dict(self.fields),
            "not_compared": list(self.not_compared),
        }


def compare_rows(
    old: Path | pl.LazyFrame,
    new: Path | pl.LazyFrame,
    key: Sequence[str],
    *,
    show: int = 0,
    share_rows: int = SHARE_ROWS,
    share_bytes: int = SHARE_BYTES,
    report: Callable[[float], None] = lambda _done: None,
) -> RowDifference:
    """Compare the rows of two Parquet files in the fields that both have.

    Args:
        old: the old file, or what is read instead of one.
        new: the new one.
        key: fields that identify rows. Where they are not in both files, or not unique in each,
            whole rows are counted.
        show: how many rows of each kind to return with their values.
        share_rows: how many rows of a file have their hashes in memory at a time.
        share_bytes: about how much of a file's rows is in memory at a time, in bytes.
        report: is called with the share done, from 0 to 1.

    Raises:
        BuildError: a file cannot be read.
    """
    try:
        pair = _Pair(old, new)
        shares = _Shares(share_rows, share_bytes, report)
        if key and all(name in pair.plain for name in key):
            try:
                return pair.named(_by_key(pair, [pair.plain[name] for name in key], show, shares))
            except _NotAKeyError:
                pass
        return pair.named(_by_count(pair, show, shares))
    except DAMAGED as error:
        # The message of Polars may quote values.
        files = " and ".join(str(each) for each in (old, new) if isinstance(each, Path))
        raise BuildError(
            f"{files or 'The rows'} cannot be compared: {type(error).__name__}.\n"
            "Check that both files are complete: sha256sum --check SHA256SUMS"
        ) from None
    except OSError as error:
        where = error.filename or (old if isinstance(old, Path) else "A file")
        raise BuildError(f"{where} cannot be read: {error.strerror}.") from None


class _NotAKeyError(Exception):
    """Two rows of one file have the same key."""


@dataclass(frozen=True)
class _Shares:
    """How much is compared at a time, and the callback for progress."""

    rows: int
    size_bytes: int
    report: Callable[[float], None]


class _Pair:
    """Two files, with their common fields cast to common types.

    `plain` are the names that fields have here, by their own: Polars takes `*` for all of them.
    """

    def __init__(self, old: Path | pl.LazyFrame, new: Path | pl.LazyFrame) -> None:
        scans = [
            each
            if isinstance(each, pl.LazyFrame)
            else pl.scan_parquet(each, glob=False, hive_partitioning=False)
            for each in (old, new)
        ]
        schemas = [scan.collect_schema() for scan in scans]
        self.types: dict[str, pl.DataType] = {}
        self.plain: dict[str, str] = {}
        self.not_compared: tuple[str, ...] = ()
        for name, dtype in schemas[0].items():
            if name in schemas[1]:
                common = _common(dtype, schemas[1][name])
                if common is None:
                    self.not_compared += (name,)
                else:
                    self.plain[name] = str(len(self.plain))
                    self.types[self.plain[name]] = common
        self.sides = [
            scan.select(
                _in(name, schema[name], self.types[plain]).alias(plain)
                for name, plain in self.plain.items()
            )
            for scan, schema in zip(scans, schemas, strict=True)
        ]
        self.rows = [int(scan.select(pl.len()).collect().item()) for scan in scans]

    def named(self, found: RowDifference) -> RowDifference:
        """A difference with the fields' own names."""
        own = {plain: name for name, plain in self.plain.items()}
        return replace(
            found,
            key=tuple(own[name] for name in found.key),
            fields={own[name]: count for name, count in found.fields.items()},
            shown={
                kind: rows.with_columns(pl.col(_FIELD).replace(own)).rename(own, strict=False)
                if _FIELD in rows.columns
                else rows.rename(own, strict=False)
                for kind, rows in found.shown.items()
            },
        )

    @property
    def row_bytes(self) -> int:
        """About how many bytes a row takes in memory."""
        return sum(_bytes(dtype) for dtype in self.types.values())

    def unequal(
        self, by: pl.Expr, values: pl.Expr, shares: _Shares, *, is_key: bool
    ) -> Iterator[pl.DataFrame]:
        """The hashes of rows that one file has more often, with the excess in the new one.

        Raises _NotAKeyError when the hash of the key repeats in a file.
        """
        number = max(1, ceil(max(self.rows) / shares.rows))
        for share in range(number):
            shares.report(share / number)
            sides = []
            for scan, sign in zip(self.sides, (-1, 1), strict=True):
                prints = scan.select(by.alias(_KEY), values.alias(_VALUE))
                if number > 1:
                    prints = prints.filter(pl.col(_KEY) % number == share)
                sides.append((prints.collect(engine="streaming"), sign))
            for part in range(_PARTS):
                yield _balance(sides, (pl.col(_KEY) // number) % _PARTS == part, is_key=is_key)


def _balance(
    sides: Sequence[tuple[pl.DataFrame, int]], part: pl.Expr, *, is_key: bool
) -> pl.DataFrame:
    parts = [(prints.filter(part), sign) for prints, sign in sides]
    if is_key and any(prints[_KEY].n_unique() < prints.height for prints, _ in parts):
        raise _NotAKeyError
    signed = [prints.with_columns(pl.lit(sign, pl.Int64).alias(_SIGN)) for prints, sign in parts]
    grouped = pl.concat(signed).lazy().group_by(_KEY, _VALUE).agg(pl.col(_SIGN).sum())
    return grouped.filter(pl.col(_SIGN) != 0).collect(engine="streaming")


def _by_key(pair: _Pair, key: Sequence[str], show: int, shares: _Shares) -> RowDifference:
    values = [name for name in pair.types if name not in key]
    by = _hash(key)
    parts = pair.unequal(by, _hash(values), shares, is_key=True)
    unequal = pl.concat([part[_KEY] for part in parts]).unique()
    counts = dict.fromkeys(values, 0)
    added = removed = changed = 0
    shown = _Shown(show)
    number = ceil(len(unequal) * pair.row_bytes / shares.size_bytes)
    for share in range(number):
        shares.report(share / number)
        wanted = unequal.filter(unequal % number == share).implode()
        old, new = (
            side.filter(by.is_in(wanted)).collect(engine="streaming") for side in pair.sides
        )
        both = old.join(new, on=list(key), how="inner", suffix=_NEW, nulls_equal=True)
        differs = both.select(
            pl.col(name).ne_missing(pl.col(f"{name}{_NEW}")).alias(name) for name in values
        )
        if values:
            for name, count in differs.sum().row(0, named=True).items():
                counts[name] += int(count)
            changed += int(differs.select(pl.any_horizontal(pl.all()).sum()).item())
        added += new.height - both.height
        removed += old.height - both.height
        for kind, one, other in (("added", new, old), ("removed", old, new)):
            if shown.wants(kind):
                shown.add(kind, one.join(other, on=list(key), how="anti", nulls_equal=True))
        if values and shown.wants("changed"):
            shown.add("changed", _long(both, key, values))
    return RowDifference(
        old=pair.rows[0],
        new=pair.rows[1],
        added=added,
        removed=removed,
        changed=changed,
        key=tuple(key),
        fields={name: count for name, count in counts.items() if count},
        not_compared=pair.not_compared,
        shown=shown.frames,
    )


def _by_count(pair: _Pair, show: int, shares: _Shares) -> RowDifference:
    names = list(pair.types)
    by = _hash(names)
    # Tables without common fields differ by their number of rows only.
    more_rows = 0 if names else pair.rows[1] - pair.rows[0]
    added, removed = max(more_rows, 0), max(-more_rows, 0)
    shown = _Shown(show)
    parts = pair.unequal(by, _hash(names, _SECOND_SEED), shares, is_key=False)
    for part in parts if names else ():
        more, fewer = (part.filter(pl.col(_SIGN).sign() == sign) for sign in (1, -1))
        added += int(more[_SIGN].sum())
        removed -= int(fewer[_SIGN].sum())
        for kind, side, some in (("added", 1, more), ("removed", 0, fewer)):
            if wanted := shown.wants(kind):
                shown.add(kind, _some_of(pair.sides[side], by, some[_KEY].head(wanted)))
    return RowDifference(
        old=pair.rows[0],
        new=pair.rows[1],
        added=added,
        removed=removed,
        changed=None,
        not_compared=pair.not_compared,
        shown=shown.frames,
    )


def _some_of(side: pl.LazyFrame, by: pl.Expr, wanted: pl.Series) -> pl.DataFrame:
    """A row of each of some hashes."""
    found = side.filter(by.is_in(wanted.implode()))
    return found.unique(maintain_order=True).collect(engine="streaming")


def _hash(names: Sequence[str], seed: int = 0) -> pl.Expr:
    """One hash of several fields; equal values have equal hashes, nulls and NaN too."""
    if not names:
        return pl.lit(0, dtype=pl.UInt64)
    mixed = pl.col(names[0]).hash(seed)
    for name in names[1:]:
        mixed = (mixed * pl.lit(_MIX, dtype=pl.UInt64)) ^ pl.col(name).hash(seed)
    return mixed


class _Shown:
    """The first rows of each kind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.frames: dict[str, pl.DataFrame] = {}

    def wants(self, kind: str) -> int:
        """How many more rows of a kind may be shown."""
        return self._most - (self.frames[kind].height if kind in self.frames else 0)

    def add(self, kind: str, rows: pl.DataFrame) -> None:
        """Add rows of a kind, up to the limit."""
        found = rows.head(self.wants(kind))
        if not found.is_empty():
            have = self.frames.get(kind)
            self.frames[kind] = found if have is None else have.vstack(found)


def _long(both: pl.DataFrame, key: Sequence[str], values: Sequence[str]) -> pl.DataFrame:
    """A line for each value that differs: the key, the field, the value before and now."""
    parts = [
        both.filter(pl.col(name).ne_missing(pl.col(f"{name}{_NEW}"))).select(
            *key,
            pl.lit(name).alias(_FIELD),
            _text(pl.col(name), both.schema[name]).alias("\0before"),
            _text(pl.col(f"{name}{_NEW}"), both.schema[name]).alias("\0now"),
        )
        for name in values
    ]
    return pl.concat(parts).sort(key, maintain_order=True)


def _text(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_nested():
        return pl.struct(as_text(values, dtype).alias("value")).struct.json_encode()
    if dtype == pl.Binary:
        return values.bin.encode("hex")
    if isinstance(dtype, pl.Duration):
        return values.dt.to_string("iso")
    return values.cast(pl.String)


def _common(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    if one in (pl.Categorical, pl.Enum):
        return common_type(one, other)
    return one if one == other else common_type(one, other)


def _in(name: str, dtype: pl.DataType, common: pl.DataType) -> pl.Expr:
    return column(name) if dtype == common else in_type(column(name), dtype, common)


def _bytes(dtype: pl.DataType) -> int:
    if dtype.is_nested():
        return _NESTED_BYTES
    if dtype in (pl.String, pl.Binary):
        return _TEXT_BYTES
    return {pl.Boolean: 1, pl.Int8: 1, pl.UInt8: 1, pl.Int16: 2, pl.UInt16: 2}.get(type(dtype), 8)
