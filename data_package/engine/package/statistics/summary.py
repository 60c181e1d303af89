"""The summary of a table in the data dictionary: disclosure control is applied to all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from data_package.engine.package.statistics import counting
from data_package.engine.package.statistics.bins import (
    MAX_CELLS,
    Bins,
    bins_of,
    keys,
    scale_of,
)
from data_package.engine.package.statistics.subjects import Subjects
from data_package.engine.package.statistics.suppression import (
    coarse_share,
    rounded,
    rounded_rows,
    shown,
)
from data_package.engine.schema import Contract, Field
from data_package.engine.schema.columns import column

NONE_MISSING = "none"
NOT_SHOWN = "not shown"
_KEY = "a key: it identifies rows and is not summarised"
_TEXT = "free text is never summarised"
# Reasons that the page gives once for all fields.
SELF_EVIDENT = frozenset((_KEY, _TEXT))


@dataclass(frozen=True)
class Bars:
    """Subjects by bin: None for a count that is not shown."""

    kind: str
    labels: tuple[str, ...]
    counts: tuple[int | None, ...]


@dataclass(frozen=True)
class FieldSummary:
    """What is shown of a field's values: `missing` in words, and bars or why there are none."""

    missing: str
    bars: Bars | None = None
    why: str = ""


@dataclass(frozen=True)
class Summary:
    """What is shown of a table's values: rows and subjects rounded, None where not shown.

    `subjects` is None also where each row counts as one.
    """

    rows: int | None
    subjects: int | None
    fields: Mapping[str, FieldSummary]

    def to_dict(self) -> dict[str, object]:
        """The summary as JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> "Summary":
        """The summary that `to_dict` made."""
        fields = value["fields"]
        assert isinstance(fields, dict)
        rows, subjects = value["rows"], value["subjects"]
        return cls(
            rows=rows if isinstance(rows, int) else None,
            subjects=subjects if isinstance(subjects, int) else None,
            fields={name: _field_summary(item) for name, item in fields.items()},
        )


def summarise(
    contract: Contract,
    subjects: Subjects,
    paths: Mapping[str, Path],
    *,
    k: int,
    rounding: int,
) -> Summary:
    """Summarise one table.

    Args:
        contract: the table's.
        subjects: who the rows are about.
        paths: the Parquet file of each table, by name.
        k: the fewest subjects that anything shown may be based on.
        rounding: counts are rounded to multiples of this.
    """
    if subjects.undecided:
        why = "what counts as a subject is not settled: set `subject` in pyproject.toml"
        return _nothing(contract, why)
    one_each = subjects.is_one_row_each(contract.name)
    frame = subjects.rows(contract.name, paths)
    schema = frame.collect_schema()
    fields = [each for each in contract.fields if each.name in schema]
    size = counting.size_of(frame, schema, [each.name for each in fields])
    if size.subjects < k:
        return _nothing(contract, f"the table has fewer than {k} subjects")
    plan = _plan(contract, fields, schema, frame, size, k, grouped=not one_each)
    tallies = counting.tallies(frame, list(plan.values()), size, grouped=not one_each)
    return Summary(
        rows=rounded_rows(size.rows, size.subjects, rounding),
        subjects=rounded(size.subjects, rounding) if subjects.reaches(contract.name) else None,
        fields={
            each.name: _summary(
                each,
                plan.get(each.name),
                tallies.get(each.name),
                size,
                k,
                rounding,
                is_key=each.name in keys(contract),
            )
            for each in fields
        },
    )


def _plan(
    contract: Contract,
    fields: Sequence[Field],
    schema: Mapping[str, pl.DataType],
    frame: pl.LazyFrame,
    size: counting.Size,
    k: int,
    *,
    grouped: bool,
) -> dict[str, Bins]:
    """The bins of each field that is counted at all."""
    summarised = [each for each in fields if each.name not in keys(contract)]
    plan = {each.name: cells for each in summarised if (cells := bins_of(each, schema[each.name]))}
    scales = [
        scale
        for each in summarised
        if each.name not in plan and (scale := scale_of(each, schema[each.name]))
    ]
    found = counting.edges(frame, scales, size, k, grouped=grouped)
    for scale in scales:
        cells = scale.cells(*found[scale.field]) if scale.field in found else None
        if cells is not None and len(cells.labels) <= MAX_CELLS:
            plan[scale.field] = cells
    for each in fields:
        if each.name not in plan and size.missing[each.name]:
            # Only whether there is a value, not which.
            code = pl.when(column(each.name).is_not_null()).then(pl.lit(0, dtype=pl.UInt32))
            plan[each.name] = Bins(each.name, ("a value",), code, kind="presence")
    return plan


def _summary(
    field: Field,
    cells: Bins | None,
    tally: counting.SubjectCounts | None,
    size: counting.Size,
    k: int,
    rounding: int,
    *,
    is_key: bool,
) -> FieldSummary:
    why = _why_not(field, is_key=is_key)
    missing_rows = size.missing[field.name]
    if cells is None or tally is None:
        return FieldSummary(NONE_MISSING, why=why)
    if not missing_rows and cells.kind == "presence":
        return FieldSummary(NONE_MISSING, why=why)
    counts = [*tally.cells, *([tally.missing] if missing_rows else [])]
    visible = shown(counts, k, bounds=cells.bounds)
    hidden = missing_rows and (visible[-1] is None or tally.present < k)
    missing = (
        NONE_MISSING
        if not missing_rows
        else NOT_SHOWN
        if hidden
        else coarse_share(missing_rows, size.rows, size.subjects, max(k, rounding))
    )
    if cells.kind == "presence":
        return FieldSummary(missing, why=why)
    bars = tuple(None if c is None else rounded(c, rounding) for c in visible[: len(cells.labels)])
    if all(count is None for count in bars):
        return FieldSummary(
            missing, why=f"too few subjects: a count would be based on fewer than {k}"
        )
    return FieldSummary(missing, Bars(cells.kind, cells.labels, bars))


def _why_not(field: Field, *, is_key: bool) -> str:
    if is_key:
        return _KEY
    if field.type in ("string", "any"):
        return _TEXT
    if field.type in ("integer", "number", "year", "date", "datetime", "time"):
        return "the values, or their subjects, are too few or too close together for a histogram"
    return f"values of the type {field.type} are not summarised"


def _nothing(contract: Contract, why: str) -> Summary:
    return Summary(
        None, None, {each.name: FieldSummary(NOT_SHOWN, why=why) for each in contract.fields}
    )


def _field_summary(item: Mapping[str, object]) -> FieldSummary:
    bars = item.get("bars")
    return FieldSummary(
        missing=str(item["missing"]),
        bars=Bars(str(bars["kind"]), tuple(bars["labels"]), tuple(bars["counts"]))
        if isinstance(bars, dict)
        else None,
        why=str(item.get("why") or ""),
    )
