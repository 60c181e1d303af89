"""What the columns of groups and windows are made of."""

import polars as pl
import polars.selectors as cs
import pytest

from data_package_tests.engine.lineage.deriving import Case, check

col = pl.col

CASES: dict[str, Case] = {
    "group keys": (
        lambda a, b: a.group_by("k").agg(col("x").sum(), n=pl.len()),
        {"k": "a.k", "x": "a.x", "n": ""},
        "a.k",
    ),
    "a computed key": (
        lambda a, b: a.group_by(g=col("x") + col("y")).agg(col("k").first()),
        {"g": "a.x a.y", "k": "a.k"},
        "a.x a.y",
    ),
    "a key that is aggregated": (
        lambda a, b: a.group_by("k", "x").agg(n=col("k").n_unique()),
        {"k": "a.k", "x": "a.x", "n": "a.k"},
        "a.k a.x",
    ),
    "a key under the name of a column": (
        lambda a, b: a.select("k", "x", "y").group_by(x="y").agg(pl.all().first()).select("x", "k"),
        {"x": "a.y", "k": "a.k"},
        "a.y",
    ),
    "keys by a selector": (
        lambda a, b: a.select("k", "x", "y").group_by(cs.string()).agg(cs.integer().sum()),
        {"k": "a.k", "x": "a.x", "y": "a.y"},
        "a.k",
    ),
    "aggregating all": (
        lambda a, b: a.select("k", "x", "y").group_by("k").agg(pl.all().max().name.prefix("m_")),
        {"k": "a.k", "m_x": "a.x", "m_y": "a.y"},
        "a.k",
    ),
    "groups with sum": (
        lambda a, b: a.select("k", "x").group_by("k").sum(),
        {"k": "a.k", "x": "a.x"},
        "a.k",
    ),
    "groups with len": (
        lambda a, b: a.group_by("k").len("n"),
        {"k": "a.k", "n": ""},
        "a.k",
    ),
    "having": (
        lambda a, b: a.group_by("k").having(col("y").max() > 1).agg(col("x").max()),
        {"k": "a.k", "x": "a.x"},
        "a.k a.y",
    ),
    "first of groups": (
        lambda a, b: a.select("k", "x").group_by("k").head(1),
        {"k": "a.k", "x": "a.x"},
        "a.k",
    ),
    "a filter within an aggregation": (
        lambda a, b: a.group_by("k").agg(v=col("x").filter(col("b")).sum()),
        {"k": "a.k", "v": "a.b a.x"},
        "a.k",
    ),
    "windows in time": (
        lambda a, b: (
            a.sort("d").group_by_dynamic("d", every="1mo", group_by="k").agg(col("x").sum())
        ),
        {"k": "a.k", "d": "a.d", "x": "a.x"},
        "a.d a.k",
    ),
    "rolling windows": (
        lambda a, b: a.sort("d").rolling("d", period="3d").agg(m=col("x").mean()),
        {"d": "a.d", "m": "a.x"},
        "a.d",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_columns_are_followed_through_groups(case: str) -> None:
    check(*CASES[case])
