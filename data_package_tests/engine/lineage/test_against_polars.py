"""The lineage found is compared with what Polars itself needs of the columns."""

from collections.abc import Callable

import polars as pl
import polars.selectors as cs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_package.engine.lineage.pushdown import Asker
from data_package_tests.engine.lineage.deriving import A, B, lineage_of

col, when = pl.col, pl.when

STEPS: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "filter": lambda f: f.filter(col("x") > 0),
    "sort": lambda f: f.sort("y"),
    "over": lambda f: f.with_columns(x=col("x").sum().over("k")),
    "mix": lambda f: f.with_columns(y=col("x") + col("z"), z=when(col("x") > 1).then("z")),
    "swap": lambda f: f.rename({"x": "y", "y": "x"}),
    "all": lambda f: f.with_columns(cs.integer() * 2),
    "centred": lambda f: f.with_columns(cs.integer() - cs.integer().mean().over("k")),
    "groups": lambda f: f.group_by("k").agg(cs.numeric().sum()),
    "groups of two": lambda f: f.group_by("k", "x").agg(col("y").max(), z=col("z").min()),
    "unique": lambda f: f.unique(["k", "z"]),
    "drop nulls": lambda f: f.drop_nulls("z"),
    "head": lambda f: f.head(3),
    "twice": lambda f: pl.concat([f, f.with_columns(x="z")], how="vertical_relaxed"),
    "itself": lambda f: (
        f.join(f.group_by("k").agg(m=col("x").max()), on="k").with_columns(y="m").drop("m")
    ),
    "top": lambda f: f.top_k(5, by="y"),
    "long and wide": lambda f: (
        f.unpivot(["x", "y"], index=["k", "z"])
        .group_by("k", "z")
        .agg(x=col("value").first(), y=col("value").last())
    ),
    "nested": lambda f: f.with_columns(s=pl.struct("x", "y")).drop("x", "y").unnest("s"),
    "listed": lambda f: f.group_by("k").agg("x", "y", "z").explode("x", "y", "z"),
}


# No value of one column is a value, or a sum of values, of another.
DATA = {
    "a": pl.LazyFrame({"k": [*"ppqqr"], "x": [3, 5, 9, 17, 33], "y": [200, 400, 800, 1600, 3200]}),
    "b": pl.LazyFrame({"k": [*"pqqs"], "z": [10**5, 10**5 * 2, 10**5 * 4, 10**5 * 8]}),
}


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=5), st.sampled_from(["left", "inner"]))
def test_each_column_alone_asks_polars_for_exactly_the_columns_found(
    steps: list[str], how: str
) -> None:
    def query(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        frame = a.select("k", "x", "y").join(b.select("k", "z"), on="k", how=how)  # type: ignore[arg-type]
        for step in steps:
            frame = STEPS[step](frame)
        return frame

    found = lineage_of(query)
    assert found.reason is None
    asker = Asker()
    (a, of_a), (b, of_b) = asker.source(A), asker.source(B)
    out = query(a, b)
    for name, refs in found.columns.items():
        answer = asker.ask(out.select(name))
        asked = {("a", n) for n in answer[of_a]} | {("b", n) for n in answer[of_b]}
        assert refs <= asked
        # For any column of a frame made long, or with a struct taken apart, Polars reads all.
        assert asked <= refs | found.rows or {"long and wide", "nested"} & set(steps)
    assert set(found.columns) >= found.copies
    made = query(*DATA.values()).collect()
    for name in found.copies:
        ((table, column),) = found.columns[name]
        held = DATA[table].select(column).collect().to_series()
        assert set(made[name].drop_nulls()) <= set(held)
