"""What operations on several frames do: joins, updates, vertical and horizontal concatenation."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from data_package.engine.lineage.column_lineage import NOTHING, CannotFollow, Refs
from data_package.engine.lineage.followed_frames import Frames, KnownFrame, either, expressions_of

Real = Callable[..., Any]


def join(
    frames: Frames,
    real: Real,
    frame: pl.LazyFrame,
    other: pl.LazyFrame,
    on: Any = None,
    how: str = "inner",
    *,
    left_on: Any = None,
    right_on: Any = None,
    suffix: str = "_right",
    **kw: Any,
) -> Any:
    """Columns of both sides, rows by the keys of both."""
    schema = real(
        frame, other, on, how, left_on=left_on, right_on=right_on, suffix=suffix, **kw
    ).collect_schema()
    left, right = frames.known(frame), frames.known(other)
    on_left = expressions_of([left_on if on is None else on]) if how != "cross" else []
    on_right = expressions_of([right_on if on is None else on]) if how != "cross" else []
    rows = left.rows | right.rows
    rows |= frames.refs(frame, on_left) | frames.refs(other, on_right)
    if how in ("semi", "anti"):
        return frames.make(schema, left.values, rows)
    twins = _same_keys(on_left, on_right)
    mine, theirs = dict(left.values), dict(right.values)
    if len(schema) < len(mine) + len(theirs):
        # Both sides share their key columns: those of one side are dropped.
        for key, twin in twins.items():
            if how == "full":
                mine[key] = either(mine[key], theirs[twin])
            del (mine if how == "right" else theirs)[key if how == "right" else twin]
    values = [*mine.values(), *theirs.values()]
    return frames.make(schema, dict(zip(schema, values, strict=True)), rows)


def join_asof(
    frames: Frames,
    real: Real,
    frame: pl.LazyFrame,
    other: pl.LazyFrame,
    *,
    suffix: str = "_right",
    **kw: Any,
) -> Any:
    """Columns of both sides, rows by the nearest key."""
    schema = real(frame, other, suffix=suffix, **kw).collect_schema()
    left, right = frames.known(frame), frames.known(other)
    on_left = [kw[name] for name in ("on", "left_on", "by", "by_left") if kw.get(name) is not None]
    on_right = [
        kw[name] for name in ("on", "right_on", "by", "by_right") if kw.get(name) is not None
    ]
    rows = left.rows | right.rows
    rows |= frames.refs(frame, expressions_of(on_left))
    rows |= frames.refs(other, expressions_of(on_right))
    return frames.make(schema, _beside(schema, left, right, suffix), rows)


def join_where(
    frames: Frames,
    real: Real,
    frame: pl.LazyFrame,
    other: pl.LazyFrame,
    *conditions: Any,
    suffix: str = "_right",
    **kw: Any,
) -> Any:
    """Columns of both sides, rows by conditions on both."""
    schema = real(frame, other, *conditions, suffix=suffix, **kw).collect_schema()
    left, right = frames.known(frame), frames.known(other)
    values = _beside(schema, left, right, suffix)
    rows = left.rows | right.rows
    for condition in expressions_of(conditions):
        if condition.meta.has_multiple_outputs():
            raise CannotFollow("a condition of join_where expands to many columns")
        rows = rows.union(*(values[name] for name in condition.meta.root_names()))
    return frames.make(schema, values, rows)


def update(
    frames: Frames,
    real: Real,
    frame: pl.LazyFrame,
    other: pl.LazyFrame,
    on: Any = None,
    how: str = "left",
    *,
    left_on: Any = None,
    right_on: Any = None,
    **kw: Any,
) -> Any:
    """Values of this frame replaced by those of the other, where it has any."""
    schema = real(frame, other, on, how, left_on=left_on, right_on=right_on, **kw).collect_schema()
    left, right = frames.known(frame), frames.known(other)
    on_left = _strings(left_on if on is None else on)
    on_right = _strings(right_on if on is None else on)
    values = {
        name: either(left.values[name], right.values[name])
        if name in right.values and name not in on_right
        else left.values[name]
        for name in schema
    }
    if how == "full":
        for mine, theirs in zip(on_left, on_right, strict=True):
            values[mine] = either(values[mine], right.values[theirs])
    rows = left.rows | right.rows | left.all_of(on_left) | right.all_of(on_right)
    return frames.make(schema, values, rows)


def merge_sorted(
    frames: Frames, real: Real, frame: pl.LazyFrame, other: pl.LazyFrame, key: Any, **kw: Any
) -> Any:
    """The rows of both, in the order of a key."""
    schema = real(frame, other, key, **kw).collect_schema()
    both = [frames.known(frame), frames.known(other)]
    rows = NOTHING.union(*(one.rows | one.all_of(_strings(key)) for one in both))
    return frames.make(schema, _together(schema, both), rows)


def concat(frames: Frames, real: Real, items: Iterable[Any], **kw: Any) -> Any:
    """The rows of all, or their columns."""
    given = list(items)
    if not any(isinstance(one, pl.LazyFrame) for one in given):
        return real(given, **kw)
    schema = real(given, **kw).collect_schema()
    all_of_them = [frames.known(one) for one in given]
    rows = NOTHING.union(*(one.rows for one in all_of_them))
    how = str(kw.get("how", "vertical"))
    frames.reads_more |= how == "horizontal"
    if how.startswith("align"):
        shared = set.intersection(*(set(one.schema) for one in all_of_them))
        rows = rows.union(*(one.all_of(shared) for one in all_of_them))
    return frames.make(schema, _together(schema, all_of_them), rows)


def _together(schema: Mapping[str, pl.DataType], frames: list[KnownFrame]) -> dict[str, Refs]:
    return {
        name: either(*(one.values[name] for one in frames if name in one.values)) for name in schema
    }


def _beside(
    schema: Mapping[str, pl.DataType], left: KnownFrame, right: KnownFrame, suffix: str
) -> dict[str, Refs]:
    """The columns of two sides: the left one's come under their names."""
    values = {}
    for name in schema:
        if name in left.values:
            values[name] = left.values[name]
        else:
            own = name if name in right.values else name.removesuffix(suffix)
            values[name] = right.values[own]
    return values


def _same_keys(left: list[pl.Expr], right: list[pl.Expr]) -> dict[str, str]:
    """The keys that are plain columns, left and right."""
    return {
        a.meta.output_name(): b.meta.output_name()
        for a, b in zip(left, right, strict=True)
        if a.meta.is_column() and b.meta.is_column()
    }


def _strings(given: Any) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(one) for one in given]
