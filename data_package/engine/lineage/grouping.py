"""What grouping does: keys determine the rows, and aggregations read the columns they name."""

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl
from polars.lazyframe.group_by import LazyGroupBy

from data_package.engine.lineage import operations
from data_package.engine.lineage.attention import paused
from data_package.engine.lineage.column_lineage import NOTHING, CannotFollow, Refs
from data_package.engine.lineage.followed_frames import Frames, as_computed, expressions_of, held

Real = Callable[..., Any]


class Groups(LazyGroupBy):
    """The groups of a followed frame."""

    def __init__(
        self,
        frames: Frames,
        regroup: Callable[[], LazyGroupBy],
        frame: pl.LazyFrame,
        keys: list[pl.Expr],
        kept: dict[str, Refs],
    ) -> None:
        """Group a frame.

        Args:
            frames: that it belongs to.
            regroup: does the grouping in Polars; may be called repeatedly.
            frame: what is grouped.
            keys: what it is grouped by.
            kept: the columns that come before those of any aggregation.
        """
        self._frames = frames
        self._regroup = regroup
        self._frame = frame
        self._keys = keys
        self._kept = kept
        self._rows = frames.known(frame).rows | frames.refs(frame, keys)
        self._having: list[Any] = []

    def having(self, *predicates: Any) -> "Groups":
        """Groups that a condition holds for."""
        predicates = tuple(map(held, predicates))
        with paused():
            self._having.append(predicates)
            self._rows |= self._frames.refs(self._frame, expressions_of(predicates))
        return self

    def agg(self, *aggs: Any, **named_aggs: Any) -> pl.LazyFrame:
        """One row for each group."""
        aggs = tuple(map(held, aggs))
        with paused():
            schema = self._regroup().agg(*aggs, **named_aggs).collect_schema()
            made = as_computed(self._aggregated(expressions_of(aggs, named_aggs)))
            values = {**made, **self._kept}
            return self._made(schema, values)

    def head(self, n: int = 5) -> pl.LazyFrame:
        """The first rows of each group."""
        return self._rows_of(lambda groups: groups.head(n))

    def tail(self, n: int = 5) -> pl.LazyFrame:
        """The last rows of each group."""
        return self._rows_of(lambda groups: groups.tail(n))

    def map_groups(self, *_args: Any, **_kwargs: Any) -> pl.LazyFrame:
        """A user's function on whole groups."""
        with paused():
            raise CannotFollow("map_groups passes whole groups to a Python function")

    def _rows_of(self, take: Callable[[LazyGroupBy], pl.LazyFrame]) -> pl.LazyFrame:
        with paused():
            schema = take(self._regroup()).collect_schema()
            return self._made(schema, {**self._frames.known(self._frame).values, **self._kept})

    def _made(self, schema: pl.Schema, values: dict[str, Refs]) -> pl.LazyFrame:
        if set(schema) - set(values):
            raise CannotFollow("a group has unexpected columns")
        return self._frames.make(schema, {name: values[name] for name in schema}, self._rows)

    def _aggregated(self, aggs: Iterable[pl.Expr]) -> dict[str, Refs]:
        """A selector in an aggregation does not include keys; a name may be a key."""
        plain = [key.meta.output_name() for key in self._keys if key.meta.is_column()]
        values: dict[str, Refs] = {}
        for one in aggs:
            if not one.meta.has_multiple_outputs():
                values |= self._frames.outputs(self._frame, [one])
            elif set(plain) & set(one.meta.root_names()):
                raise CannotFollow("an aggregation of many columns names a key")
            else:
                others = operations.dropped(self._frames, pl.LazyFrame.drop, self._frame, *plain)
                values |= self._frames.outputs(others, [one])
        return values


def group_by(
    frames: Frames,
    real: Real,
    frame: pl.LazyFrame,
    *by: Any,
    maintain_order: bool = False,
    **named_by: Any,
) -> Groups:
    """Groups by keys."""
    keys = expressions_of(by, named_by)
    kept = frames.outputs(frame, keys)

    def regroup() -> Any:
        return real(frame, *by, maintain_order=maintain_order, **named_by)

    return Groups(frames, regroup, frame, keys, kept)


def windows(
    frames: Frames,
    real: Real,
    frame: pl.LazyFrame,
    index_column: Any,
    *,
    group_by: Any = None,
    **kwargs: Any,
) -> Groups:
    """Groups by windows over a column, and by keys."""
    keys = expressions_of([group_by]) if group_by is not None else []
    index = expressions_of([index_column])
    started = as_computed(frames.outputs(frame, index))
    kept = {**frames.outputs(frame, keys), **started}
    place = NOTHING.union(*started.values())
    if kwargs.get("include_boundaries"):
        kept |= {"_lower_boundary": place, "_upper_boundary": place}

    def regroup() -> Any:
        return real(frame, index_column, group_by=group_by, **kwargs)

    return Groups(frames, regroup, frame, [*keys, *index], kept)
