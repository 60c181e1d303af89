"""What each operation on a lazy frame does to its columns and to its rows.

A rule gets the frames, Polars' own operation, and its arguments. Polars determines the resulting
columns; a rule determines where each of them comes from.
"""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import polars.selectors as cs

from data_package.engine.lineage import joining
from data_package.engine.lineage.column_lineage import NOTHING, CannotFollow, Refs
from data_package.engine.lineage.followed_frames import Frames, as_computed, expressions_of

Real = Callable[..., Any]


def select(frames: Frames, real: Real, frame: pl.LazyFrame, *given: Any, **named: Any) -> Any:
    """Each column is computed from what its expression reads."""
    schema = real(frame, *given, **named).collect_schema()
    expressions = expressions_of(given, named)
    values = frames.outputs(frame, expressions)
    frames.reads_more |= not all(values.values())
    # Some expressions change the number of rows, and it cannot be known which.
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
    """Each column comes from the one of the same name, and from what expressions in arguments read.

    This covers casting, and choosing rows by position.
    """
    known = frames.known(frame)
    schema = real(frame, *args, **kwargs).collect_schema()
    given = (*args, *kwargs.values())
    if any(isinstance(a, Mapping) and _holds_expressions(a) for a in given):
        raise CannotFollow("it gives expressions by the names of columns")
    more = frames.refs(frame, [a for a in given if isinstance(a, pl.Expr)])
    values = {name: known.values.get(name, NOTHING) | more for name in schema}
    return frames.make(schema, values, known.rows)


def computed(frames: Frames, real: Real, frame: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
    """Likewise, with other values."""
    known = frames.known(by_name(frames, real, frame, *args, **kwargs))
    return frames.make(known.schema, as_computed(known.values), known.rows)


def dropped(frames: Frames, real: Real, frame: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
    """Some columns are dropped."""
    known = frames.known(frame)
    schema = real(frame, *args, **kwargs).collect_schema()
    return frames.make(schema, {name: known.values[name] for name in schema}, known.rows)


def rows_by(*parameters: str) -> Callable[..., Any]:
    """Columns stay; what these arguments (the first may be positional) read determines the rows."""

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
    """Columns stay; what the conditions read determines the rows."""
    known = frames.known(frame)
    schema = real(frame, *given, **named).collect_schema()
    conditions = expressions_of(one for one in given if not isinstance(one, bool))
    conditions += [pl.col(name) for name in named]
    conditions += [one for one in named.values() if isinstance(one, pl.Expr)]
    return frames.make(schema, known.values, known.rows | frames.refs(frame, conditions))


def without(kind: Callable[[], pl.Expr]) -> Callable[..., Any]:
    """Rows with a missing value are dropped; `kind` selects the columns considered by default."""

    def rule(frames: Frames, real: Real, frame: pl.LazyFrame, subset: Any = None) -> Any:
        looked_at = [kind()] if subset is None else expressions_of([subset])
        known = frames.known(frame)
        schema = real(frame, subset).collect_schema()
        return frames.make(schema, known.values, known.rows | frames.refs(frame, looked_at))

    return rule


def unique(frames: Frames, real: Real, frame: pl.LazyFrame, subset: Any = None, **kw: Any) -> Any:
    """One row of each set of equal ones is kept."""
    looked_at = [cs.all()] if subset is None else expressions_of([subset])
    known = frames.known(frame)
    schema = real(frame, subset, **kw).collect_schema()
    return frames.make(schema, known.values, known.rows | frames.refs(frame, looked_at))


def explode(frames: Frames, real: Real, frame: pl.LazyFrame, *columns: Any, **kwargs: Any) -> Any:
    """A row for each element."""
    known = frames.known(frame)
    schema = real(frame, *columns, **kwargs).collect_schema()
    made = frames.outputs(frame, expressions_of(columns))
    rows = known.rows.union(*made.values())
    return frames.make(schema, {**known.values, **as_computed(made)}, rows)


def renamed(frames: Frames, real: Real, frame: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
    """The columns keep their places."""
    known = frames.known(frame)
    schema = real(frame, *args, **kwargs).collect_schema()
    return frames.make(schema, dict(zip(schema, known.values.values(), strict=True)), known.rows)


def with_row_index(
    frames: Frames, real: Real, frame: pl.LazyFrame, name: str = "index", offset: int = 0
) -> Any:
    """A new column that comes from no other."""
    known = frames.known(frame)
    schema = real(frame, name, offset).collect_schema()
    return frames.make(schema, {**known.values, name: NOTHING}, known.rows)


def unnest(frames: Frames, real: Real, frame: pl.LazyFrame, *columns: Any, **kwargs: Any) -> Any:
    """A struct is replaced by its fields."""
    known = frames.known(frame)
    schema = real(frame, *columns, **kwargs).collect_schema()
    given = [one for one in columns if one is not None]
    chosen = set(frame.select(expressions_of(given)).collect_schema())
    values: list[Refs] = []
    for name, dtype in known.schema.items():
        fields = dtype.fields if name in chosen and isinstance(dtype, pl.Struct) else [name]
        made = {name: known.values[name]}
        values += [(as_computed(made) if name in chosen else made)[name]] * len(fields)
    return frames.make(schema, dict(zip(schema, values, strict=True)), known.rows)


def unpivot(
    frames: Frames, real: Real, frame: pl.LazyFrame, on: Any = None, *, index: Any = None, **kw: Any
) -> Any:
    """Column names become one column, which comes from no other, and their values another."""
    known = frames.known(frame)
    schema = real(frame, on, index=index, **kw).collect_schema()
    kept = _names(frame, index)
    melted = _names(frame, on) if on is not None else [n for n in known.schema if n not in kept]
    names = list(schema)
    value, variable = kw.get("value_name") or "value", kw.get("variable_name") or "variable"
    values = {name: known.values[name] for name in kept}
    values |= as_computed({variable: NOTHING, value: known.all_of(melted)})
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
    """A column for each value of `on`; the columns of `index` determine the rows."""
    known = frames.known(frame)
    schema = real(frame, on, on_columns, index=index, values=values, **kw).collect_schema()
    keys, read = _names(frame, on), _names(frame, values)
    kept = _names(frame, index)
    if index is None:
        kept = [n for n in known.schema if n not in {*keys, *read}]
    if values is None:
        read = [n for n in known.schema if n not in {*keys, *kept}]
    made = as_computed({name: known.all_of([*keys, *read]) for name in schema})
    return frames.make(
        schema,
        {name: known.values[name] if name in kept else made[name] for name in schema},
        known.rows | known.all_of(kept),
    )


def _holds_expressions(given: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, pl.Expr) for value in given.values())


def _names(frame: pl.LazyFrame, chosen: Any) -> list[str]:
    if chosen is None:
        return []
    return frame.select(expressions_of([chosen])).collect_schema().names()


BY_NAME = [
    "cache",
    "cast",
    "clone",
    "first",
    "gather_every",
    "head",
    "last",
    "limit",
    "match_to_schema",
    "reverse",
    "set_sorted",
    "slice",
    "tail",
]

BY_NAME_COMPUTED = [
    "count",
    "fill_nan",
    "fill_null",
    "interpolate",
    "max",
    "mean",
    "median",
    "min",
    "null_count",
    "quantile",
    "shift",
    "std",
    "sum",
    "var",
]

RULES: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(BY_NAME, by_name),
    **dict.fromkeys(BY_NAME_COMPUTED, computed),
    "bottom_k": top,
    "drop": dropped,
    "drop_nans": without(cs.float),
    "drop_nulls": without(cs.all),
    "explode": explode,
    "filter": filtered,
    "gather": rows_by("indices"),
    "join": joining.join,
    "join_asof": joining.join_asof,
    "join_where": joining.join_where,
    "merge_sorted": joining.merge_sorted,
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
    "update": joining.update,
    "with_columns": with_columns,
    "with_columns_seq": with_columns,
    "with_row_index": with_row_index,
}
