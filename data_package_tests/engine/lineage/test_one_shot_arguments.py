"""What an operation is given may be a generator: it is followed like the list of what it gives."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import polars as pl
import pytest

from data_package_tests.engine.lineage.deriving import answer, lineage_of

col = pl.col
Given = Callable[[Iterable[Any]], Any]
# An operation for which Polars takes any iterable; its last argument makes one of a list.
Query = Callable[[pl.LazyFrame, pl.LazyFrame, Given], pl.LazyFrame]


class Stream:
    """Not an iterator, and gone through once all the same."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)

    def __iter__(self) -> Iterator[Any]:
        return self._items


QUERIES: dict[str, Query] = {
    "select": lambda a, b, g: a.select(g(["x", col("y") * 2])),
    "select_seq": lambda a, b, g: a.select_seq(g(["x", col("y") * 2])),
    "with_columns": lambda a, b, g: a.with_columns(g(col("x").alias(f"m{j}") for j in range(3))),
    "with_columns_seq": lambda a, b, g: a.with_columns_seq(g([col("x").alias("m")])),
    "filter": lambda a, b, g: a.filter(g([col("x") > 1, col("y") > 1])),
    "remove": lambda a, b, g: a.remove(g([col("x") > 1, col("y") > 1])),
    "sort": lambda a, b, g: a.sort(g(["x", "y"])),
    "sort by keyword": lambda a, b, g: a.sort(by=g(["x", "y"])),
    "top_k": lambda a, b, g: a.top_k(3, by=g(["x", "y"])),
    "bottom_k": lambda a, b, g: a.bottom_k(3, by=g(["x", "y"])),
    "drop": lambda a, b, g: a.drop(g(["x", "y"])),
    "unique": lambda a, b, g: a.unique(g(["x", "y"])),
    "unique by keyword": lambda a, b, g: a.unique(subset=g(["x", "y"])),
    "join": lambda a, b, g: a.join(b, g(["k", "x"])),
    "join by keywords": lambda a, b, g: a.join(b, left_on=g(["k", "y"]), right_on=g(["k", "x"])),
    "group_by": lambda a, b, g: a.group_by(g(["k", "b"])).agg(g([col("x").sum(), col("y").max()])),
    "having": lambda a, b, g: a.group_by("k").having(g([col("x").sum() > 1])).agg(v=col("y").max()),
    "rolling": lambda a, b, g: (
        a.sort("d").rolling("d", period="3d", group_by=g(["k"])).agg(g([col("x").sum()]))
    ),
    "group_by_dynamic": lambda a, b, g: (
        a.sort("d").group_by_dynamic("d", every="3d", group_by=g(["k"])).agg(g([col("x").sum()]))
    ),
    "concat": lambda a, b, g: pl.concat(g([a.select("x"), b.select("x")])),
    "concat of what is made on the way": lambda a, b, g: pl.concat(
        g(f.with_columns(v=col("x") * 2).select("v") for f in (a, b))
    ),
    "made of a frame that is followed": lambda a, b, g: a.select(
        g(n for n in a.select("x", "y").collect_schema())
    ),
    "one after another": lambda a, b, g: a.with_columns(g([col("x").alias("m")])).select(
        g(["m", "y"])
    ),
}


def _same(item: object) -> object:
    return item


WAYS: dict[str, Given] = {
    "generator": lambda items: (item for item in items),
    "iterator": iter,
    "map": lambda items: map(_same, items),
    "object": Stream,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", QUERIES)
def test_what_is_given_once_is_followed_like_a_list(name: str, way: str) -> None:
    query = QUERIES[name]

    wanted = lineage_of(lambda a, b: query(a, b, list))
    assert wanted.reason is None
    assert lineage_of(lambda a, b: query(a, b, WAYS[way])) == wanted


def test_a_generator_is_run_once_and_what_it_does_is_followed() -> None:
    runs = 0

    def columns(frame: pl.LazyFrame) -> Iterator[pl.Expr]:
        nonlocal runs
        runs += 1
        for name in frame.select("x", "y").collect_schema():
            yield (col(name) + 1).alias(f"{name}_more")

    found = lineage_of(lambda a, b: a.with_columns(columns(a)).select("x_more", "y_more"))
    assert {n: answer(r) for n, r in found.columns.items()} == {"x_more": "a.x", "y_more": "a.y"}
    # The function is called twice: it is followed, and then compared with what Polars reads.
    assert runs == 2


def test_what_cannot_be_followed_leaves_its_arguments_unread() -> None:
    unread: list[list[str]] = []

    def hiding(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        columns = iter(["x"])
        try:
            a.clear(columns)  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001
            unread.append(list(columns))
        return a

    assert lineage_of(hiding).reason == "it uses LazyFrame.clear"
    assert unread == [["x"]]
