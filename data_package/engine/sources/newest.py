"""The newest row of each key of several deliveries, and what each delivery changed.

Decided on keys alone: which row belongs to which key, and in which delivery. A newer row that was
left out because it is bad still takes the place of the older one: its key is left out, so that no
old value passes for the newest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

_SHOWN = 10
# The columns of `Delivery.keys` beside the keys; `mark` is a hash of the row, to see what changed.
ROW, PLACE, MARK, BAD = "row", "place", "mark", "bad"
_AT, _BEFORE, _AFTER, _MARK_BEFORE = "at", "before", "after", "mark before"
_SAME = "the key of the row above"


@dataclass(frozen=True)
class Rows:
    """Some rows of a file: how many, and the numbers of the first ten."""

    count: int = 0
    rows: tuple[int, ...] = ()

    @classmethod
    def of(cls, numbers: pl.Series) -> "Rows":
        """The rows with these numbers."""
        return cls(len(numbers), tuple(numbers.sort().head(_SHOWN).to_list()))

    def after(self, words: str) -> str:
        """`2 left out: rows 3, 8`."""
        listed = ", ".join(map(str, self.rows)) + (", …" if self.count > len(self.rows) else "")
        return f"{self.count:,} {words}: row{'' if self.count == 1 else 's'} {listed}"


@dataclass(frozen=True)
class DeliveryReport:
    """What one delivery brought, against those before it, and what is left of it now.

    Attributes:
        source: the raw file that it belongs to.
        file: the file's name.
        keys: the fields that identify a row.
        rows: how many rows with a key it has.
        kept: how many of them are in the table.
        new: rows of keys that no earlier delivery has.
        replaced: rows in the place of which a later delivery has another.
        replaces: rows that take the place of an earlier one.
        changed: those of them that have another value.
        came_back: rows of keys that an earlier delivery has, and the one just before has not.
        vanished: rows of the delivery just before whose keys are not in this one.
        broken: rows that break the contract, and take the place of an earlier row.
        left_out: those of them that are left out, and their keys with them.
    """

    source: str
    file: str
    keys: tuple[str, ...]
    rows: int
    kept: int
    new: int = 0
    replaced: Rows = Rows()
    replaces: Rows = Rows()
    changed: Rows = Rows()
    came_back: Rows = Rows()
    vanished: Rows = Rows()
    broken: Rows = Rows()
    left_out: Rows = Rows()

    @property
    def changes(self) -> tuple[tuple[str, Rows], ...]:
        """What it changed, in words and with the rows."""
        found = (
            ("replaced by a later delivery", self.replaced),
            ("in the place of an earlier row", self.replaces),
            ("with another value than before", self.changed),
            ("back after a delivery without its key", self.came_back),
            ("of the delivery before without its key in this one", self.vanished),
            ("with errors, in the place of an earlier row", self.broken),
            ("left out with its key", self.left_out),
        )
        return tuple((words, some) for words, some in found if some.count)

    def render(self) -> str:
        """The report as lines of plain text."""
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        return "\n".join(
            [
                f"{self.file}: {rows}, {self.kept:,} kept, {self.new:,} new",
                *(f"  {some.after(words)}" for words, some in self.changes),
            ]
        )


@dataclass(frozen=True)
class Delivery:
    """The keys of one delivery.

    `keys` has the key's columns under the names of `key_columns`, `row` (Int64, the row's number in
    the file), `place` (the row's place among the rows that were read, null where it was left out),
    `mark` and `bad`. `unknown` are the numbers of rows whose key cannot be read for certain.
    """

    source: str
    file: str
    keys: pl.DataFrame
    unknown: pl.Series


@dataclass(frozen=True)
class Chosen:
    """Of one delivery: the places of the rows that are kept, its report, and its faults.

    `repeated` and `without_key` are the numbers of rows with the key of an earlier row of the
    same delivery, and of rows with no key; `unknown` those that may have replaced any row.
    """

    places: pl.Series
    report: DeliveryReport
    repeated: pl.Series
    without_key: pl.Series
    unknown: pl.Series


def key_columns(names: Sequence[str]) -> list[str]:
    """The columns of `Delivery.keys` that hold the fields of these names, which may be any."""
    return [f"key {i}" for i in range(len(names))]


def newest(deliveries: Sequence[Delivery], names: Sequence[str]) -> list[Chosen]:
    """The rows to keep of deliveries that are in order, from the oldest to the newest."""
    keys = key_columns(names)
    frames = [
        one.keys.select(*keys, *(ROW, PLACE, MARK, BAD), pl.lit(at, pl.Int64).alias(_AT))
        for at, one in enumerate(deliveries)
    ]
    whole = [frame.drop_nulls(keys) for frame in frames]
    # A key twice in one delivery is an error, which is reported; its first row is followed.
    once = [frame.unique(keys, keep="first", maintain_order=True) for frame in whole]
    every = _with_neighbours(pl.concat(once, how="vertical_relaxed"), keys)
    is_kept = pl.col(_AFTER).is_null() & pl.col(PLACE).is_not_null()
    oldest = _oldest_kept(once, deliveries, keys)
    chosen = []
    for at, one in enumerate(deliveries):
        here = every.filter(pl.col(_AT) == at)
        last = every.filter(pl.col(_AT) == at - 1)
        kept = here.filter(is_kept)
        read = here.filter(pl.col(PLACE).is_not_null())
        later = pl.col(_BEFORE).is_not_null()
        broken = here.filter(later & (pl.col(BAD) | pl.col(PLACE).is_null()))
        report = DeliveryReport(
            one.source,
            one.file,
            tuple(names),
            rows=here.height,
            kept=kept.height,
            new=read.filter(~later).height,
            replaced=Rows.of(read.filter(pl.col(_AFTER).is_not_null())[ROW]),
            replaces=Rows.of(read.filter(later)[ROW]),
            changed=Rows.of(read.filter(later & (pl.col(MARK) != pl.col(_MARK_BEFORE)))[ROW]),
            came_back=Rows.of(read.filter(pl.col(_BEFORE) < at - 1)[ROW]),
            vanished=Rows.of(last.filter(pl.col(_AFTER).is_null() | (pl.col(_AFTER) > at))[ROW]),
            broken=Rows.of(broken[ROW]),
            left_out=Rows.of(
                broken.filter(pl.col(PLACE).is_null() & pl.col(_AFTER).is_null())[ROW]
            ),
        )
        # An unknown key matters as long as some older row is kept that it may belong to.
        matters = oldest is not None and oldest < at
        chosen.append(
            Chosen(
                places=kept[PLACE].sort(),
                report=report,
                repeated=whole[at].join(once[at], on=ROW, how="anti", maintain_order="left")[ROW],
                without_key=frames[at].join(whole[at], on=ROW, how="anti")[ROW].sort(),
                unknown=one.unknown if matters else one.unknown.clear(),
            )
        )
    return chosen


def _with_neighbours(rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Rows, each with the deliveries before and after it that have its key, and the mark before."""
    same = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in keys)
    is_first = pl.int_range(pl.len()) == 0
    return (
        rows.sort(*keys, _AT)
        .with_columns((same & ~is_first).alias(_SAME))
        .with_columns(
            pl.when(_SAME).then(pl.col(_AT).shift(1)).alias(_BEFORE),
            pl.when(pl.col(_SAME).shift(-1)).then(pl.col(_AT).shift(-1)).alias(_AFTER),
            pl.when(_SAME).then(pl.col(MARK).shift(1)).alias(_MARK_BEFORE),
        )
    )


def _oldest_kept(
    frames: Sequence[pl.DataFrame], deliveries: Sequence[Delivery], keys: Sequence[str]
) -> int | None:
    """The oldest delivery with a row that none with a certain key replaces.

    None without rows, and where every key is certain.
    """
    if not any(len(one.unknown) for one in deliveries):
        return None
    certain = [
        frame.filter(~pl.col(ROW).is_in(one.unknown.implode()))
        for frame, one in zip(frames, deliveries, strict=True)
    ]
    last = (
        pl.concat(certain, how="vertical_relaxed")
        .group_by(keys)
        .agg(pl.col(_AT, PLACE).sort_by(_AT).last())
    )
    oldest = last.drop_nulls(PLACE)[_AT].min()
    return oldest if isinstance(oldest, int) else None
