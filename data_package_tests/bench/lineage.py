"""How long it takes to find out what columns are made of, beside asking Polars for one by one."""

import time
from collections.abc import Callable

import polars as pl
import polars.selectors as cs

from data_package.engine.lineage.derive import Input, derive
from data_package.engine.lineage.pushdown import Asker

title = "Column lineage: what the columns of wide tables are made of"


def run(quick: bool) -> str:
    """Seconds to follow a function, and to ask Polars for each column of its query instead."""
    lines = [
        "| columns | function | seconds | one by one | times as long |",
        "|--:|---|--:|--:|--:|",
    ]
    for width in (100, 500) if quick else (100, 1000, 5000):
        schema: dict[str, pl.DataType] = {"id": pl.String(), "site": pl.String()}
        schema |= {f"x{i}": pl.Float64() for i in range(width)}
        for name, table in (("selectors", _selected), ("an expression each", _listed)):
            began = time.perf_counter()
            found = derive(table, {"a": Input("a", schema)}, __name__)
            seconds = time.perf_counter() - began
            assert found.reason is None
            each = _one_by_one(table, schema)
            lines.append(
                f"| {width:,} | {name} | {seconds:.2f} | {each:.1f} | {each / seconds:.1f} |"
            )
    return "\n".join(lines)


def _selected(a: pl.LazyFrame) -> pl.LazyFrame:
    filled = cs.float().fill_null(cs.float().mean().over("site"))
    return a.filter(pl.col("x0") > 0).with_columns(filled).sort("id")


def _listed(a: pl.LazyFrame) -> pl.LazyFrame:
    names = [name for name in a.collect_schema().names() if name.startswith("x")]
    doubled = [(pl.col(name) * 2).alias(f"{name}_doubled") for name in names]
    return a.filter(pl.col("x0") > 0).select("id", *doubled).sort("id")


def _one_by_one(
    table: Callable[[pl.LazyFrame], pl.LazyFrame], schema: dict[str, pl.DataType]
) -> float:
    """Seconds to ask for every column alone, reckoned from what twenty of them take."""
    asker = Asker()
    source, _ = asker.source(schema)
    out = table(source)
    names = out.collect_schema().names()
    some = names[:: max(1, len(names) // 20)]
    began = time.perf_counter()
    for name in some:
        asker.ask(out.select(name))
    return (time.perf_counter() - began) / len(some) * len(names)
