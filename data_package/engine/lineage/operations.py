"""What each operation on a lazy frame does to its columns and to its rows.

A rule gets the frames, the operation as Polars does it, and what it was called with. The columns
that come out are asked of Polars; a rule says which of them come from where.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl
import polars.selectors as cs

from data_package.engine.lineage.facts import NOTHING, NotTold, Refs
from data_package.engine.lineage.frames import Frames, Known, expressions_of

Real = Callable[..., Any]


def select(frames: Frames, real: Real, frame: pl.LazyFrame, *given: Any, **named: Any) -> Any:
    """Each column is made of what its expression reads."""
    schema = real(frame, *given, **named).collect_schema()
    expressions = expressions_of(given, named)
    values = frames.outputs(frame, expressions)
    frames.reads_more |= not all(values.values())
    # Some expressions change how many rows there are, and no one can tell which.
    computed = [one for one in expressions if not one.meta.undo_aliases().meta.is_column()]
    frames.may_shape |= frames.refs(frame, computed)
    return frames.make(schema, values, frames.known(frame).rows)


def with_columns(frames: Frames, real: Real, frame: pl.LazyFrame, *given: Any, **named: Any) -> Any:
    """Likewise, beside the columns that are kept."""
    known = frames.known(frame)
    schema = real(frame, *given, **named).collect_schema()
    made = frames.outputs(frame, expressions_of(given, named))
    frames.reads_more |= not all(made.values())
    values = {**known.values, **made}
    return frames.make(schema, values, known.rows)


def by_name(frames: Frames, real: Real, frame: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
    """Each column is made of the one of its name, and of what expressions among the arguments read.

    So do filling, casting, shifting and aggregating whole frames, and choosing rows by place.
    """
    known = frames.known(frame)
    schema = real(frame, *args, **kwargs).collect_schema()
    given = (*args, *kwargs.values())
    if any(isinstance(a, Mapping) and _holds_expressions(a) for a in given):
        raise NotTold("it gives expressions by the names of columns")
    more = frames.refs(frame, [a for a in given if isinstance(a, pl.Expr)])
    values = {name: known.values.get(name, NOTHING) | more for name in schema}
    return frames.make(schema, values, known.rows)


def dropped(frames: Frames, real: Real, frame: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
    """Some columns go."""
    known = frames.known(frame)
    schema = real(frame, *args, **kwargs).collect_schema()
    return frames.make(schema, {name: known.values[name] for name in schema}, known.rows)


def rows_by(*parameters: str) -> Callable[..., Any]:
    """Columns stay; what these arguments, the first one by place, read decides about rows."""

    def rule(frames: Frames, real: Real, frame: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
        known = frames.known(frame)
        schema = real(frame, *args, **kwargs).collect_schema()
        given = [*args, *(kwargs[name] for name in parameters if name in kwargs)]
        return frames.make(
            schema,
            known.values,
            known.rows | frames.refs(frame, expressions_of(g for g in given if g is not None)),
        )

    return rule


def top(frames: Frames, real: Real, frame: pl.LazyFrame, k: int, *, by: Any, **kw: Any) -> Any:
    """Likewise, for the first rows in an order."""
    return rows_by("by")(frames, lambda f, by: real(f, k, by=by, **kw), frame, by=by)


def filtered(frames: Frames, real: Real, frame: pl.LazyFrame, *given: Any, **named: Any) -> Any:
    """Columns stay; what is read by the conditions decides about rows."""
    known = frames.known(frame)
    schema = real(frame, *given, **named).collect_schema()
    conditions = expressions_of(one for one in given if not isinstance(one, bool))
    conditions += [pl.col(name) for name in named]
    conditions += [one for one in named.values() if isinstance(one, pl.Expr)]
    return frames.make(schema, known.values, known.rows | frames.refs(frame, conditions))


def without(kind: Callable[[], pl.Expr]) -> Callable[..., Any]:
    """Rows with a missing value are dropped; `kind` are the columns looked at by default."""

    def rule(frames: Frames, real: Real, frame: pl.LazyFrame, subset: Any = None) -> Any:
        looked_at = [kind()] if subset is None else expressions_of([subset])
        known = frames.known(frame)
        schema = real(frame, subset).collect_schema()
        return frames.make(schema, known.values, known.rows | frames.refs(frame, looked_at))

    return rule


def unique(frames: Frames, real: Real, frame: pl.LazyFrame, subset: Any = None, **kw: Any) -> Any:
    """One row is kept of each set of equal ones."""
    looked_at = [cs.all()] if subset is None else expressions_of([subset])
    known = frames.known(frame)
    schema = real(frame, subset, **kw).collect_schema()
    return frames.make(schema, known.values, known.rows | frames.refs(frame, looked_at))


def explode(frames: Frames, real: Real, frame: pl.LazyFrame, *columns: Any, **kwargs: Any) -> Any:
    """A row for each element."""
    known = frames.known(frame)
    schema = real(frame, *columns, **kwargs).collect_schema()
    lists = frames.refs(frame, expressions_of(columns))
    return frames.make(schema, known.values, known.rows | lists)


def renamed(frames: Frames, real: Real, frame: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
    """The columns keep their places."""
    known = frames.known(frame)
    schema = real(frame, *args, **kwargs).collect_schema()
    return frames.make(schema, dict(zip(schema, known.values.values(), strict=True)), known.rows)


def with_row_index(
    frames: Frames, real: Real, frame: pl.LazyFrame, name: str = "index", offset: int = 0
) -> Any:
    """A column that is made of none."""
    known = frames.known(frame)
    schema = real(frame, name, offset).collect_schema()
    return frames.make(schema, {**known.values, name: NOTHING}, known.rows)


def unnest(frames: Frames, real: Real, frame: pl.LazyFrame, *columns: Any, **kwargs: Any) -> Any:
    """The fields of a struct, in its place."""
    known = frames.known(frame)
    schema = real(frame, *columns, **kwargs).collect_schema()
    given = [one for one in columns if one is not None]
    chosen = set(frame.select(expressions_of(given)).collect_schema())
    values: list[Refs] = []
    for name, dtype in known.schema.items():
        fields = dtype.fields if name in chosen and isinstance(dtype, pl.Struct) else [name]
        values += [known.values[name]] * len(fields)
    return frames.make(schema, dict(zip(schema, values, strict=True)), known.rows)


def unpivot(
    frames: Frames, real: Real, frame: pl.LazyFrame, on: Any = None, *, index: Any = None, **kw: Any
) -> Any:
    """The names of columns become one column, which is made of none, and their values another."""
    known = frames.known(frame)
    schema = real(frame, on, index=index, **kw).collect_schema()
    kept = _names(frame, index)
    melted = _names(frame, on) if on is not None else [n for n in known.schema if n not in kept]
    names = list(schema)
    value, variable = kw.get("value_name") or "value", kw.get("variable_name") or "variable"
    values = {name: known.values[name] for name in kept}
    values |= {variable: NOTHING, value: known.all_of(melted)}
    frames.reads_more = True
    return frames.make(schema, {name: values[name] for name in names}, known.rows)


def pivot(
    frames: Frames,
    real: Real,
    frame: pl.LazyFrame,
    on: Any,
    on_columns: Any,
    *,
    index: Any = None,
    values: Any = None,
    **kw: Any,
) -> Any:
    """A column for each value of `on`; those of `index` say which rows there are."""
    known = frames.known(frame)
    schema = real(frame, on, on_columns, index=index, values=values, **kw).collect_schema()
    keys, read = _names(frame, on), _names(frame, values)
    kept = _names(frame, index)
    if index is None:
        kept = [n for n in known.schema if n not in {*keys, *read}]
    if values is None:
        read = [n for n in known.schema if n not in {*keys, *kept}]
    made = known.all_of([*keys, *read])
    return frames.make(
        schema,
        {name: known.values[name] if name in kept else made for name in schema},
        known.rows | known.all_of(kept),
    )


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
        # Both sides share the columns of their keys: those of one side are gone.
        for key, twin in twins.items():
            if how == "full":
                mine[key] |= theirs[twin]
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
            raise NotTold("a condition of join_where stands for many columns")
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
    """Values of the other frame, where it has any, in the place of this one's."""
    schema = real(frame, other, on, how, left_on=left_on, right_on=right_on, **kw).collect_schema()
    left, right = frames.known(frame), frames.known(other)
    on_left = _strings(left_on if on is None else on)
    on_right = _strings(right_on if on is None else on)
    values = {
        name: left.values[name]
        | (right.values[name] if name in right.values and name not in on_right else NOTHING)
        for name in schema
    }
    if how == "full":
        for mine, theirs in zip(on_left, on_right, strict=True):
            values[mine] |= right.values[theirs]
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


def _together(schema: Mapping[str, pl.DataType], frames: list[Known]) -> dict[str, Refs]:
    return {
        name: NOTHING.union(*(one.values[name] for one in frames if name in one.values))
        for name in schema
    }


def _beside(
    schema: Mapping[str, pl.DataType], left: Known, right: Known, suffix: str
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


def _holds_expressions(given: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, pl.Expr) for value in given.values())


def _names(frame: pl.LazyFrame, chosen: Any) -> list[str]:
    if chosen is None:
        return []
    return frame.select(expressions_of([chosen])).collect_schema().names()


def _strings(given: Any) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(one) for one in given]


BY_NAME = [
    "cache",
    "cast",
    "clone",
    "count",
    "fill_nan",
    "fill_null",
    "first",
    "gather_every",
    "head",
    "interpolate",
    "last",
    "limit",
    "match_to_schema",
    "max",
    "mean",
    "median",
    "min",
    "null_count",
    "quantile",
    "reverse",
    "set_sorted",
    "shift",
    "slice",
    "std",
    "sum",
    "tail",
    "var",
]

RULES: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(BY_NAME, by_name),
    "bottom_k": top,
    "drop": dropped,
    "drop_nans": without(cs.float),
    "drop_nulls": without(cs.all),
    "explode": explode,
    "filter": filtered,
    "gather": rows_by("indices"),
    "join": join,
    "join_asof": join_asof,
    "join_where": join_where,
    "merge_sorted": merge_sorted,
    "pivot": pivot,
    "remove": filtered,
    "rename": renamed,
    "select": select,
    "select_seq": select,
    "sort": rows_by("by"),
    "top_k": top,
    "unique": unique,
    "unnest": unnest,
    "unpivot": unpivot,
    "update": update,
    "with_columns": with_columns,
    "with_columns_seq": with_columns,
    "with_row_index": with_row_index,
}
