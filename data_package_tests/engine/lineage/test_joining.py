"""What columns are made of where two frames become one."""

import polars as pl
import pytest

from data_package_tests.engine.lineage.deriving import Case, check

col, lit = pl.col, pl.lit

CASES: dict[str, Case] = {
    "frames that are aligned": (
        lambda a, b: pl.concat([a.select("k", "y"), b.select("k", "z")], how="align"),
        {"k": "a.k b.k", "y": "a.y", "z": "b.z"},
        "a.k b.k",
    ),
    "inner join": (
        lambda a, b: a.join(b, on="k").select("k", "x", "x_right", "z"),
        {"k": "a.k", "x": "a.x", "x_right": "b.x", "z": "b.z"},
        "a.k b.k",
    ),
    "left join on other names": (
        lambda a, b: a.select("k", "y").join(b, left_on="y", right_on="x", how="left"),
        {"k": "a.k", "y": "a.y", "k_right": "b.k", "z": "b.z", "e": "b.e"},
        "a.y b.x",
    ),
    "left join, keys of both": (
        lambda a, b: a.select("k", "y").join(
            b.select("k", "z"), on="k", how="left", coalesce=False
        ),
        {"k": "a.k", "y": "a.y", "k_right": "b.k", "z": "b.z"},
        "a.k b.k",
    ),
    "right join": (
        lambda a, b: a.select("y", "x", "k").join(b, on="k", how="right"),
        {"y": "a.y", "x": "a.x", "k": "b.k", "x_right": "b.x", "z": "b.z", "e": "b.e"},
        "a.k b.k",
    ),
    "full join, one key": (
        lambda a, b: a.select("k", "y").join(b.select("k", "z"), on="k", how="full", coalesce=True),
        {"k": "a.k b.k", "y": "a.y", "z": "b.z"},
        "a.k b.k",
    ),
    "full join": (
        lambda a, b: a.select("k", "y").join(b.select("k", "z"), on="k", how="full"),
        {"k": "a.k", "y": "a.y", "k_right": "b.k", "z": "b.z"},
        "a.k b.k",
    ),
    "semi join": (
        lambda a, b: a.join(b.filter(col("z") > 1), on="k", how="semi").select("x"),
        {"x": "a.x"},
        "a.k b.k b.z",
    ),
    "cross join": (
        lambda a, b: a.select("x").join(b.select("z"), how="cross"),
        {"x": "a.x", "z": "b.z"},
        "",
    ),
    "join on expressions": (
        lambda a, b: a.select("x", "y").join(
            b.select("z"), left_on=col("x") + col("y"), right_on="z"
        ),
        {"x": "a.x", "y": "a.y", "z": "b.z"},
        "a.x a.y b.z",
    ),
    "join with itself": (
        lambda a, b: a.select("k", "x").join(a.group_by("k").agg(m=col("y").max()), on="k"),
        {"k": "a.k", "x": "a.x", "m": "a.y"},
        "a.k",
    ),
    "the nearest": (
        lambda a, b: (
            a.sort("d").join_asof(b.sort("e"), left_on="d", right_on="e", by="k").select("x", "z")
        ),
        {"x": "a.x", "z": "b.z"},
        "a.d a.k b.e b.k",
    ),
    "join where": (
        lambda a, b: a.join_where(b, col("y") > col("z")).select("x", "x_right"),
        {"x": "a.x", "x_right": "b.x"},
        "a.y b.z",
    ),
    "update": (
        lambda a, b: a.select("k", "x", "y").update(b, on="k"),
        {"k": "a.k", "x": "a.x b.x", "y": "a.y"},
        "a.k b.k",
    ),
    "one below the other": (
        lambda a, b: pl.concat([a.select("k", "x"), b.filter(col("z") > 1).select("k", x="z")]),
        {"k": "a.k b.k", "x": "a.x b.z"},
        "b.z",
    ),
    "one below the other, of different columns": (
        lambda a, b: pl.concat([a.select("k", "y"), b.select("k", "z")], how="diagonal"),
        {"k": "a.k b.k", "y": "a.y", "z": "b.z"},
        "",
    ),
    "side by side": (
        lambda a, b: pl.concat([a.select("x"), b.select("z")], how="horizontal"),
        {"x": "a.x", "z": "b.z"},
        "",
    ),
    "with labels": (
        lambda a, b: pl.concat([a.select("k", of=lit("a")), b.select("k", of=lit("b"))]).select(
            "of"
        ),
        {"of": ""},
        "",
    ),
    "merged": (
        lambda a, b: a.select("x", "y").merge_sorted(b.select("x", y="z"), "x"),
        {"x": "a.x b.x", "y": "a.y b.z"},
        "a.x b.x",
    ),
    "a lookup in the code": (
        lambda a, b: a.join(pl.LazyFrame({"k": ["u"], "name": ["U"]}), on="k", how="left").select(
            "x", "name"
        ),
        {"x": "a.x", "name": ""},
        "a.k",
    ),
    "a total beside each row": (
        lambda a, b: a.select("x").join(b.select(total=col("z").sum(), n=pl.len()), how="cross"),
        {"x": "a.x", "total": "b.z", "n": ""},
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_columns_are_followed_through_joins(case: str) -> None:
    check(*CASES[case])
