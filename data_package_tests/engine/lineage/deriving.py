"""Two tables, and what the columns of a query on them are made of."""

from collections.abc import Callable

import polars as pl

from data_package.engine.lineage.column_lineage import TableLineage
from data_package.engine.lineage.derive import Input, derive

A: dict[str, pl.DataType] = {
    "k": pl.String(),
    "x": pl.Int64(),
    "y": pl.Int64(),
    "b": pl.Boolean(),
    "d": pl.Date(),
    "l": pl.List(pl.Int64()),
    "s": pl.Struct({"p": pl.Int64(), "q": pl.String()}),
}
B: dict[str, pl.DataType] = {"k": pl.String(), "x": pl.Int64(), "z": pl.Int64(), "e": pl.Date()}
Query = Callable[[pl.LazyFrame, pl.LazyFrame], pl.LazyFrame]
# A query, what each of its columns is made of, and what decides on its rows.
Case = tuple[Query, dict[str, str], str]


def lineage_of(query: Query) -> TableLineage:
    def table(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        return query(a, b)

    return derive(table, {"a": Input("a", A), "b": Input("b", B)}, __name__)


def answer(refs: object) -> str:
    assert isinstance(refs, frozenset)
    return " ".join(sorted(f"{table}.{column}" for table, column in refs))


def same(**more: str) -> dict[str, str]:
    """Every column of `a` made of itself, and these."""
    return {name: f"a.{name}" for name in A} | more


def check(query: Query, columns: dict[str, str], rows: str) -> None:
    """A query is reported as it should be."""
    found = lineage_of(query)
    assert found.reason is None
    assert {name: answer(refs) for name, refs in found.columns.items()} == columns
    assert answer(found.rows) == rows
