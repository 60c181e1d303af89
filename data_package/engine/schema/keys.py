"""Unique fields, primary keys, unique keys and foreign keys, over tables of any size.

https://datapackage.org/standard/table-schema/#primaryKey and the sections after it.

A row's key is kept as one 64-bit fingerprint: eight bytes a row, whatever the key's width. The key
of a single integer or temporal field is its own fingerprint; otherwise it is a hash, and rows
whose hashes meet are compared by value afterwards, in a second look at those rows only. Where a
second look would mean to parse a file again, a second hash is kept instead, 128 bits together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from data_package.engine.schema.columns import TEXTS, column
from data_package.engine.schema.contract import Contract
from data_package.engine.schema.rules import comparable_column

# Fills the gaps between the hashes of a composite key's parts (2**64 divided by the golden ratio).
_MIX = 0x9E3779B97F4A7C15
_SECOND_SEED = 0x5EED
# Reference keys up to this many are looked up batch by batch, larger sets once at the end.
_SMALL = 2_000_000
# Beyond this many rows with equal hashes they are taken for equal: comparing them would not fit.
_COMPARABLE = 20_000_000

Reread: TypeAlias = Callable[[pl.Series, Sequence[str]], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Key:
    """Fields whose values together may not repeat; `rule` is the property that says so."""

    code: str
    rule: str
    fields: tuple[str, ...]

    @property
    def label(self) -> str:
        """The fields' names as a report shows them."""
        return ", ".join(self.fields)


def declared_keys(contract: Contract, present: Mapping[str, pl.DataType]) -> list[Key]:
    """Return every uniqueness that the contract asks for and whose fields are all present."""
    keys = [
        Key("unique-error", "unique", (field.name,)) for field in contract.fields if field.unique
    ]
    if contract.primary_key:
        keys.append(Key("primary-key", "primaryKey", contract.primary_key))
    keys.extend(Key("unique-error", "uniqueKeys", names) for names in contract.unique_keys if names)
    return [key for key in keys if all(name in present for name in key.fields)]


def has_null(names: Sequence[str]) -> pl.Expr:
    """Return where any part of a key is null."""
    return pl.any_horizontal([column(name).is_null() for name in names])


class Uniqueness:
    """The fingerprints of one key, gathered batch by batch."""

    def __init__(
        self, key: Key, contract: Contract, dtypes: Mapping[str, pl.DataType], *, double: bool
    ) -> None:
        self.key = key
        self._parts: list[list[pl.Series]] = []
        columns = [comparable_column(contract.field(name), dtypes[name]) for name in key.fields]
        first = dtypes[key.fields[0]]
        self._exact = len(columns) == 1 and _is_its_own_fingerprint(first)
        # NaN equals nothing, itself included.
        floats = [name for name in key.fields if dtypes[name].is_float()]
        excluded = has_null(key.fields)
        if floats:
            excluded = excluded | pl.any_horizontal(
                [column(name).is_nan().fill_null(value=False) for name in floats]
            )
        if self._exact:
            self.expressions: list[pl.Expr] = [columns[0].to_physical()]
        else:
            seeds = (0, _SECOND_SEED) if double else (0,)
            self.expressions = [
                pl.when(~excluded).then(_fingerprint(columns, seed)) for seed in seeds
            ]

    def take(self, fingerprints: list[pl.Series]) -> None:
        """Add a batch's fingerprints, one Series per expression, in the order of its rows."""
        self._parts.append(fingerprints)

    def repeats(self, reread: Reread | None) -> pl.Series:
        """Return the positions of rows whose key is in an earlier row, in order."""
        if not self._parts:
            return pl.Series([], dtype=pl.UInt32)
        columns = [[part[i] for part in self._parts] for i in range(len(self.expressions))]
        prints = pl.concat(columns[0], rechunk=True)
        second = pl.concat(columns[1], rechunk=True) if len(columns) > 1 else None
        self._parts = []
        repeated = _repeated(prints)
        if repeated is None:
            return pl.Series([], dtype=pl.UInt32)
        meeting = prints.is_in(repeated.implode()).fill_null(value=False)
        positions = meeting.arg_true()
        if second is not None:
            both = pl.DataFrame(
                [prints.gather(positions).alias("1"), second.gather(positions).alias("2")]
            )
            return positions.filter(~_first_distinct(both))
        if self._exact or reread is None or len(positions) > _COMPARABLE:
            return positions.filter(~prints.gather(positions).is_first_distinct())
        del prints
        keys = reread(meeting, self.key.fields)
        return positions.filter(~_first_distinct(keys))


class Reference:
    """One foreign key: the rows whose values the other table does not have.

    Rows in which every part is null refer to nothing and are skipped; a null among other parts is
    looked up unchanged.
    """

    def __init__(
        self,
        names: Sequence[str],
        target: pl.DataFrame | None,
        target_names: Sequence[str],
        dtypes: Mapping[str, pl.DataType],
        *,
        comparable: bool = True,
    ) -> None:
        self._own: list[pl.Series] = []
        self._targets: list[pl.Series] = []
        target_dtypes = dict(target.schema) if target is not None else dtypes
        pairs = [
            common_type(dtypes[name], target_dtypes[other])
            for name, other in zip(names, target_names, strict=True)
        ]
        self.comparable = comparable and all(pair is not None for pair in pairs)
        common = [pair for pair in pairs if pair is not None]
        present = ~pl.all_horizontal([column(name).is_null() for name in names])
        if not self.comparable:
            self.expression: pl.Expr = pl.when(present).then(pl.lit(0, dtype=pl.UInt64))
            self._known: pl.Series | None = pl.Series([], dtype=pl.UInt64)
            return
        columns = [
            in_type(column(name), dtypes[name], to) for name, to in zip(names, common, strict=True)
        ]
        # NaN equals nothing, so no NaN is there to be found.
        others = [
            _without_nan(in_type(column(name), target_dtypes[name], to), to)
            for name, to in zip(target_names, common, strict=True)
        ]
        small = target is not None and target.height <= _SMALL
        if len(columns) == 1 and (small or _is_its_own_fingerprint(common[0])):
            self.expression, target_print = columns[0], others[0]
        else:
            self.expression = pl.when(present).then(_fingerprint(columns))
            target_print = _fingerprint(others)
        self.target_expression = target_print
        self._known = None
        self._eager = small
        if target is not None:
            self._known = target.select(target_print.alias("known")).to_series().drop_nulls()
            self._known = self._known.unique()

    @property
    def is_self(self) -> bool:
        """Whether the table refers to itself, so that its own rows are the targets."""
        return self._known is None

    def take(self, own: pl.Series, targets: pl.Series | None) -> None:
        """Add a batch's keys, and its targets when the table refers to itself."""
        if self._known is not None and (not self.comparable or self._eager):
            missing = own.is_not_null() & ~own.is_in(self._known.implode()).fill_null(value=False)
            own = missing
        elif targets is not None:
            self._targets.append(targets.drop_nulls().unique())
        self._own.append(own)

    def dangling(self) -> pl.Series:
        """Return the positions of rows that refer to nothing there is, in order."""
        if not self._own:
            return pl.Series([], dtype=pl.UInt32)
        own = pl.concat(self._own, rechunk=True)
        self._own = []
        if self._known is not None and own.dtype == pl.Boolean:
            return own.arg_true()
        known = self._known
        if known is None:
            known = pl.concat(self._targets).unique()
        return (own.is_not_null() & ~own.is_in(known.implode()).fill_null(value=False)).arg_true()


def _fingerprint(columns: Sequence[pl.Expr], seed: int = 0) -> pl.Expr:
    mixed = columns[0].hash(seed)
    for each in columns[1:]:
        mixed = (mixed * pl.lit(_MIX, dtype=pl.UInt64)) ^ each.hash(seed)
    return mixed


def _repeated(prints: pl.Series) -> pl.Series | None:
    """Return the fingerprints that occur more than once, or None when there are none."""
    rising = prints.null_count() == 0 and bool((prints > prints.shift(1)).all())
    if rising:
        return None
    ordered = prints.drop_nulls().sort()
    again = ordered.filter(ordered == ordered.shift(1))
    return again.unique() if len(again) else None


def _first_distinct(keys: pl.DataFrame) -> pl.Series:
    return keys.select(pl.struct(pl.all()).is_first_distinct().alias("first")).to_series()


def _is_its_own_fingerprint(dtype: pl.DataType) -> bool:
    return (
        dtype.is_integer() or (dtype.is_temporal() and dtype != pl.Datetime) or dtype == pl.Boolean
    )


def common_type(own: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """Return the type in which two columns are compared, None when their values never are equal."""
    if own in TEXTS and other in TEXTS:
        return pl.String()
    if own.is_integer() and other.is_integer():
        wide = (pl.UInt64, pl.Int128)
        return pl.Int128() if own in wide or other in wide else pl.Int64()
    if own.is_numeric() and other.is_numeric():
        return pl.Float64()
    if isinstance(own, pl.Datetime) and isinstance(other, pl.Datetime):
        return pl.Datetime("us")
    if own == pl.Duration and other == pl.Duration:
        return pl.Duration("us")
    if pl.Null in {own, other}:
        return other if own == pl.Null else own
    return own if own == other else None


def _without_nan(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return column.fill_nan(None) if dtype.is_float() else column


def in_type(column: pl.Expr, dtype: pl.DataType, common: pl.DataType) -> pl.Expr:
    """Return a column of type `dtype` in a type that `common_type` gave."""
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column if dtype == common else column.cast(common)
