"""Which columns are copies of one input column, and not computed from it."""

import polars as pl
import polars.selectors as cs
import pytest

from data_package.engine.lineage.column_lineage import TableLineage
from data_package_tests.engine.lineage.deriving import Query, lineage_of

col = pl.col

CASES: dict[str, tuple[Query, str]] = {
    "chosen, renamed and given another type": (
        lambda a, b: (
            a.select(
                "x", n=col("y"), i=col("y").cast(pl.String), j=col("y").cast(pl.Int32, strict=False)
            )
            .rename({"x": "m"})
            .cast({"m": pl.Float64})
        ),
        "i j m n",
    ),
    "chosen by a selector": (lambda a, b: a.select(cs.integer().name.prefix("my_")), "my_x my_y"),
    "computed": (
        lambda a, b: a.select(
            "k", u=col("x") + 1, v=col("x").fill_null(0), w=col("x").max().over("k"), c=pl.lit(1)
        ),
        "k",
    ),
    "computed by a selector": (lambda a, b: a.select("k", cs.integer().mean()), "k"),
    "counted and averaged by group": (
        lambda a, b: a.group_by("k").agg(n=col("x").count(), m=col("x").mean(), l="x"),
        "k",
    ),
    "groups of computed keys": (lambda a, b: a.group_by(col("x") // 2).agg(pl.len()), ""),
    "a whole frame": (lambda a, b: a.select("x", "y").mean(), ""),
    "filled": (lambda a, b: a.select("x").fill_null(0), ""),
    "other rows in another order": (
        lambda a, b: a.select("k", "x").filter(col("x") > 1).sort("x").unique().head(3),
        "k x",
    ),
    "joined": (
        lambda a, b: a.select("k", "x").join(b.select("k", "z"), on="k", how="left"),
        "k x z",
    ),
    "keys of either side": (
        lambda a, b: a.select("k", "x").join(b.select("k", "z"), on="k", how="full", coalesce=True),
        "x z",
    ),
    "replaced where the other has a value": (
        lambda a, b: a.select("k", "x", "y").update(b.select("k", "x"), on="k"),
        "k y",
    ),
    "below one another": (
        lambda a, b: pl.concat([a.select("k", "x"), a.select("k", x=pl.lit(0, pl.Int64))]),
        "k",
    ),
    "of several tables": (lambda a, b: pl.concat([a.select("k", "x"), b.select("k", "x")]), ""),
    "elements and parts": (lambda a, b: a.select("k", "l", "s").explode("l").unnest("s"), "k"),
    "made long": (lambda a, b: a.select("k", "x").unpivot(["x"], index=["k"]), "k"),
    "made wide": (
        lambda a, b: a.select("k", "b", "x").pivot(
            "b", pl.Series([True, False]), index="k", values="x", aggregate_function="first"
        ),
        "k",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_column_is_a_copy_only_where_its_values_are_those_of_an_input(case: str) -> None:
    query, expected = CASES[case]
    found = lineage_of(query)
    assert found.reason is None
    assert " ".join(sorted(found.copies)) == expected
    assert TableLineage.from_dict(found.to_dict()) == found
