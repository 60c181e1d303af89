"""What grouping does: keys say which rows there are, and aggregations read what they name."""

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl
from polars.lazyframe.group_by import LazyGroupBy

from data_package.engine.lineage import operations
from data_package.engine.lineage.attention import paused
from data_package.engine.lineage.facts import NOTHING, NotTold, Refs
from data_package.engine.lineage.frames import Frames, expressions_of, held

Real = Callable[..., Any]


class Groups(LazyGroupBy):
    """The groups of a frame that is followed."""

    def __init__(
        self,
        frames: Frames,
        regroup: Callable[[], LazyGroupBy],
        frame: pl.LazyFrame,
        keys: list[pl.Expr],
        kept: dict[str, Refs],
    ) -> None:
        """Ready to be aggregated.

        Args:
            frames: that it belongs to.
            regroup: groups as Polars does, as often as it is called.
            frame: what is grouped.
            keys: what it is grouped by.
            kept: the columns that stand before those of any aggregation.
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
            values = {**self._aggregated(expressions_of(aggs, named_aggs)), **self._kept}
            return self._made(schema, values)

    def head(self, n: int = 5) -> pl.LazyFrame:
        """The first rows of each group."""
        return self._rows_of(lambda groups: groups.head(n))

    def tail(self, n: int = 5) -> pl.LazyFrame:
        """The last rows of each group."""
        return self._rows_of(lambda groups: groups.tail(n))

    def map_groups(self, *_args: Any, **_kwargs: Any) -> pl.LazyFrame:
        """A function of the user's, on whole groups."""
        with paused():
            raise NotTold("map_groups hands whole groups to a Python function")

    def _rows_of(self, take: Callable[[LazyGroupBy], pl.LazyFrame]) -> pl.LazyFrame:
        with paused():
            schema = take(self._regroup()).collect_schema()
            return self._made(schema, {**self._frames.known(self._frame).values, **self._kept})

    def _made(self, schema: pl.Schema, values: dict[str, Refs]) -> pl.LazyFrame:
        if set(schema) - set(values):
            raise NotTold("a group has columns that were not expected")
        return self._frames.make(schema, {name: values[name] for name in schema}, self._rows)

    def _aggregated(self, aggs: Iterable[pl.Expr]) -> dict[str, Refs]:
        """A selector in an aggregation does not stand for keys; a name may."""
        plain = [key.meta.output_name() for key in self._keys if key.meta.is_column()]
        values: dict[str, Refs] = {}
        for one in aggs:
            if not one.meta.has_multiple_outputs():
                values |= self._frames.outputs(self._frame, [one])
            elif set(plain) & set(one.meta.root_names()):
                raise NotTold("an aggregation of many columns names a key")
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
    kept = {**frames.outputs(frame, keys), **frames.outputs(frame, index)}
    place = NOTHING.union(*frames.outputs(frame, index).values())
    if kwargs.get("include_boundaries"):
        kept |= {"_lower_boundary": place, "_upper_boundary": place}

    def regroup() -> Any:
        return real(frame, index_column, group_by=group_by, **kwargs)

    return Groups(frames, regroup, frame, [*keys, *index], kept)
