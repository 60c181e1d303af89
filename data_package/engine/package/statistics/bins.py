"""The bins that a field's values fall into: its categories, or intervals between round numbers.

Intervals never begin or end at a value of the data. Both ends are open, and the outer edges are
chosen so that at least k subjects lie beyond each. Values of fields without bins (free text, keys,
structures) are not looked at.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from data_package.engine.schema import Contract, Field
from data_package.engine.schema.columns import column

MAX_CELLS = 60
MISSING_BIT = 62
_BINS = 10
_TAIL = 0.025
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_HOURS = (1, 2, 3, 6)


@dataclass(frozen=True)
class Bins:
    """The bins of one field.

    Attributes:
        labels: the label of each bin.
        code: the expression that gives a row's bin, null for a missing value.
        bounds: the open-ended ones among them.
        kind: `categories` or `histogram`.
    """

    field: str
    labels: tuple[str, ...]
    code: pl.Expr
    bounds: tuple[int, ...] = ()
    kind: str = "categories"

    def bit(self) -> pl.Expr:
        """A row's bin as one bit, so that a subject's rows combine to the set of their bins."""
        code = self.code.cast(pl.UInt32).fill_null(pl.lit(MISSING_BIT, dtype=pl.UInt32))
        return pl.lit(2, dtype=pl.UInt64).pow(code).alias(self.field)


@dataclass(frozen=True)
class Scale:
    """A field with ordered values: the position of each on a line, and which steps are round."""

    field: str
    place: pl.Expr
    unit: str
    whole: bool

    def cells(self, low: float, high: float) -> Bins | None:
        """Bins such that subjects at `low` and at `high` lie in an open-ended one."""
        step = self._step((high - low) / _BINS)
        if step is None:
            return None
        first = math.floor(low / step + 1e-9) + 1
        last = math.floor(high / step + 1e-9)
        if last < first or last - first + 2 > MAX_CELLS:
            return None
        bin_of = (self.place / step + 1e-9).floor().clip(first - 1, last)
        code = (bin_of - (first - 1)).cast(pl.UInt32).alias(self.field)
        below, beyond = ("before", "later") if self.unit else ("under", "more")
        labels = (
            f"{below} {self._edge(first, step)}",
            *(self._bin(at, step) for at in range(first, last)),
            f"{self._edge(last, step)} and {beyond}",
        )
        return Bins(self.field, labels, code, (0, len(labels) - 1), "histogram")

    def _step(self, wanted: float) -> float | None:
        ladder: Sequence[int] = {"month": _MONTHS, "hour": _HOURS}.get(self.unit, ())
        if ladder:
            return next((step for step in ladder if step >= wanted), ladder[-1])
        if not wanted > 0 or not math.isfinite(wanted):
            return None
        size = 10.0 ** math.floor(math.log10(wanted))
        step = next((s * size for s in (1, 2, 5, 10) if s * size >= wanted * 0.999), 10 * size)
        return max(1.0, step) if self.whole else step

    def _bin(self, at: int, step: float) -> str:
        if self.whole and step == 1:
            return self._edge(at, step)
        if self.unit == "month" and step in (1, 12):
            return self._edge(at, step)
        return f"{self._edge(at, step)} to {self._edge(at + 1, step)}"

    def _edge(self, at: int, step: float) -> str:
        if self.unit == "month":
            year, month = divmod(int(at * step), 12)
            return str(year) if step % 12 == 0 else f"{year}-{month + 1:02d}"
        if self.unit == "hour":
            return f"{int(at * step):02d}:00"
        return f"{at * step:.12g}"


def keys(contract: Contract) -> set[str]:
    """The fields that identify something: those of a key, or unique ones."""
    named = {name for key in (contract.primary_key, *contract.unique_keys) for name in key}
    named |= {name for key in contract.foreign_keys for name in key.fields}
    return named | {field.name for field in contract.fields if field.unique}


def bins_of(field: Field, dtype: pl.DataType) -> Bins | None:
    """The bins of a field that has categories or two values."""
    if dtype == pl.Boolean:
        return Bins(field.name, ("false", "true"), column(field.name).cast(pl.UInt32))
    values = field.categories
    if values is None:
        listed = field.constraints.get("enum")
        values = tuple(listed) if isinstance(listed, list) else None
    if not values or len(values) > MAX_CELLS or field.type not in ("string", "integer"):
        return None
    texts = [str(value) for value in values]
    if len(set(texts)) < len(texts):
        return None
    given = field.category_labels if field.categories is not None else ()
    labels = tuple(
        label or text for text, label in zip(texts, [*given, *[None] * len(texts)], strict=False)
    )
    known = column(field.name).cast(pl.String).cast(pl.Enum(texts), strict=False)
    return Bins(field.name, labels, known.to_physical().cast(pl.UInt32))


def scale_of(field: Field, dtype: pl.DataType) -> Scale | None:
    """The scale of a field of numbers, days or times of day."""
    value = column(field.name)
    if dtype in (pl.Date, pl.Datetime):
        month = value.dt.year().cast(pl.Int64) * 12 + value.dt.month().cast(pl.Int64) - 1
        return Scale(field.name, month, "month", whole=True)
    if dtype == pl.Time:
        return Scale(field.name, value.dt.hour().cast(pl.Int64), "hour", whole=True)
    if dtype.is_numeric() and field.type in ("integer", "number", "year"):
        whole = dtype.is_integer()
        number = value.cast(pl.Float64)
        # Infinities are in the open ends, wherever those begin.
        return Scale(field.name, number.fill_nan(None).clip(-1e300, 1e300), "", whole=whole)
    return None


def tail_size(subjects: int, k: int) -> int:
    """The smallest number of subjects beyond the first and beyond the last edge."""
    return max(k, math.ceil(subjects * _TAIL))
