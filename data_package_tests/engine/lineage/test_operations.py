"""What columns are made of, one operation after another."""

import polars as pl
import polars.selectors as cs
import pytest

from data_package.engine.lineage.derive import Input, derive
from data_package.engine.lineage.pushdown import Asker
from data_package_tests.engine.lineage.deriving import Case, answer, check, same

col, lit, when = pl.col, pl.lit, pl.when

CASES: dict[str, Case] = {
    "nothing happens": (lambda a, b: a, same(), ""),
    "rename": (lambda a, b: a.select("x", "y").rename({"x": "n"}), {"n": "a.x", "y": "a.y"}, ""),
    "swapped names": (
        lambda a, b: a.select("x", "y").rename({"x": "y", "y": "x"}),
        {"y": "a.x", "x": "a.y"},
        "",
    ),
    "renamed by a function": (lambda a, b: a.select("x").rename(str.upper), {"X": "a.x"}, ""),
    "filter": (lambda a, b: a.filter(col("y") > 1).select("x"), {"x": "a.x"}, "a.y"),
    "filter by its own value": (
        lambda a, b: a.filter(col("x") > 1).select("x"),
        {"x": "a.x"},
        "a.x",
    ),
    "filter by keyword": (lambda a, b: a.filter(k="v").select("x"), {"x": "a.x"}, "a.k"),
    "filter on many": (
        lambda a, b: a.select("x", "y").filter(pl.any_horizontal(cs.numeric() > 1)),
        {"x": "a.x", "y": "a.y"},
        "a.x a.y",
    ),
    "filter on what is dropped": (
        lambda a, b: a.with_columns(t=col("x") + col("y")).filter(col("t") > 1).select("k"),
        {"k": "a.k"},
        "a.x a.y",
    ),
    "remove": (lambda a, b: a.remove(col("y") > 1).select("x"), {"x": "a.x"}, "a.y"),
    "a constant": (lambda a, b: a.select("x", c=lit(1)), {"x": "a.x", "c": ""}, ""),
    "only a constant": (lambda a, b: a.with_columns(c=lit(1)).select("c"), {"c": ""}, ""),
    "a count of rows": (lambda a, b: a.filter("b").select(n=pl.len()), {"n": ""}, "a.b"),
    "a row number": (
        lambda a, b: a.sort("y").with_row_index("n").select("n", "x"),
        {"n": "", "x": "a.x"},
        "a.y",
    ),
    "a condition": (
        lambda a, b: a.select(v=when(col("b")).then("x").otherwise(col("y"))),
        {"v": "a.b a.x a.y"},
        "",
    ),
    "overwritten": (
        lambda a, b: a.select("x", "y").with_columns(x=col("y"), y=col("x")),
        {"x": "a.y", "y": "a.x"},
        "",
    ),
    "over": (lambda a, b: a.select(v=col("x").sum().over("k")), {"v": "a.k a.x"}, ""),
    "struct fields": (
        lambda a, b: a.select(col("s").struct.field("p"), t=pl.struct("x", "y")).unnest("t"),
        {"p": "a.s", "x": "a.x a.y", "y": "a.x a.y"},
        "",
    ),
    "unnest in its place": (
        lambda a, b: a.select("x", "s", "y").unnest("s"),
        {"x": "a.x", "p": "a.s", "q": "a.s", "y": "a.y"},
        "",
    ),
    "selectors": (
        lambda a, b: a.with_columns(cs.integer() * 2).select(cs.integer() | cs.string()),
        {"k": "a.k", "x": "a.x", "y": "a.y"},
        "",
    ),
    "a selector and a name": (
        lambda a, b: a.select(cs.integer().fill_null(cs.integer().mean().over("k"))),
        {"x": "a.k a.x", "y": "a.k a.y"},
        "",
    ),
    "all together": (
        lambda a, b: a.select(v=pl.sum_horizontal(cs.integer())),
        {"v": "a.x a.y"},
        "",
    ),
    "a regular expression": (
        lambda a, b: a.select(col("^[xy]$").name.suffix("_2")),
        {"x_2": "a.x", "y_2": "a.y"},
        "",
    ),
    "the first column": (
        lambda a, b: a.select(v=pl.first(), w=pl.nth(2)),
        {"v": "a.k", "w": "a.y"},
        "",
    ),
    "exclude": (
        lambda a, b: a.select(pl.exclude("l", "s", "d", "b", "k")),
        {"x": "a.x", "y": "a.y"},
        "",
    ),
    "a slice by brackets": (lambda a, b: a.select("x")[1:3], {"x": "a.x"}, ""),
    "named by a function": (
        lambda a, b: a.select(col("x").name.map(str.upper), pl.col("y").name.suffix("_2")),
        {"X": "a.x", "y_2": "a.y"},
        "",
    ),
    "sort": (
        lambda a, b: a.sort("y", col("d")).select("x", "y"),
        {"x": "a.x", "y": "a.y"},
        "a.d a.y",
    ),
    "top": (lambda a, b: a.top_k(3, by="y").select("x"), {"x": "a.x"}, "a.y"),
    "unique": (lambda a, b: a.unique("k").select("x"), {"x": "a.x"}, "a.k"),
    "unique in all": (
        lambda a, b: a.select("x", "y").unique().select("x"),
        {"x": "a.x"},
        "a.x a.y",
    ),
    "drop nulls": (lambda a, b: a.drop_nulls(["y"]).select("x"), {"x": "a.x"}, "a.y"),
    "drop": (
        lambda a, b: a.drop(cs.temporal() | cs.nested(), "b"),
        {"k": "a.k", "x": "a.x", "y": "a.y"},
        "",
    ),
    "explode": (
        lambda a, b: a.select("x", "l").explode("l"),
        {"x": "a.x", "l": "a.l"},
        "a.l",
    ),
    "head, tail and slice": (
        lambda a, b: a.select("x").head(9).tail(8).slice(1, 3).limit(2).reverse(),
        {"x": "a.x"},
        "",
    ),
    "fill with another column": (
        lambda a, b: a.select("x", "y").fill_null(col("y")),
        {"x": "a.x a.y", "y": "a.y"},
        "",
    ),
    "cast and fill": (
        lambda a, b: a.select("x", "y").cast({"x": pl.String}).fill_null(strategy="forward"),
        {"x": "a.x", "y": "a.y"},
        "",
    ),
    "sums of columns": (lambda a, b: a.select("x", "y").sum(), {"x": "a.x", "y": "a.y"}, ""),
    "unpivot": (
        lambda a, b: a.unpivot(["x", "y"], index="k"),
        {"k": "a.k", "variable": "", "value": "a.x a.y"},
        "",
    ),
    "pivot": (
        lambda a, b: a.pivot("k", on_columns=["u", "v"], index="y", values="x"),
        {"y": "a.y", "u": "a.k a.x", "v": "a.k a.x"},
        "a.y",
    ),
    "python on values": (
        lambda a, b: a.select(
            v=col("x").map_elements(lambda v: v, return_dtype=pl.Int64),
            w=pl.struct("x", "y").map_batches(lambda s: s, return_dtype=pl.Int64),
        ),
        {"v": "a.x", "w": "a.x a.y"},
        "",
    ),
    "a lookup that is looked at": (
        lambda a, b: a.select(
            *pl.LazyFrame({"n": ["x", "y"]}).filter(col("n") != "y").collect()["n"].to_list()
        ),
        {"x": "a.x"},
        "",
    ),
    "what a schema decides": (
        lambda a, b: a.select([n for n, t in a.collect_schema().items() if t.is_integer()]),
        {"x": "a.x", "y": "a.y"},
        "",
    ),
    "cached and piped": (
        lambda a, b: a.cache().pipe(lambda f: f.select("x")).clone().lazy(),
        {"x": "a.x"},
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_columns_are_followed_through_operations(case: str) -> None:
    check(*CASES[case])


def test_an_operation_on_thousands_of_columns_takes_few_questions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0
    ask = Asker.ask

    def counted(self: Asker, query: pl.LazyFrame) -> dict[int, frozenset[str]]:
        nonlocal asked
        asked += 1
        return ask(self, query)

    monkeypatch.setattr(Asker, "ask", counted)
    schema = {"k": pl.String(), **{f"x{i}": pl.Float64() for i in range(1000)}}

    def wide(a: pl.LazyFrame) -> pl.LazyFrame:
        filled = cs.float().fill_null(cs.float().mean().over("k"))
        return a.with_columns(filled).select("k", cs.float().round(1).name.suffix("_r"))

    found = derive(wide, {"a": Input("a", schema)}, __name__)
    assert {n: answer(r) for n, r in found.columns.items()} == {
        "k": "a.k",
        **{f"x{i}_r": f"a.k a.x{i}" for i in range(1000)},
    }
    assert asked < 50
