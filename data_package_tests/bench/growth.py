"""How a build grows: with its tables, with the columns of one, with the rows of one."""

import sys
from collections.abc import Callable, Mapping

from data_package_tests.bench import same_tables
from data_package_tests.bench.measured import Measured

title = "Growth: what each table, column and row costs"
long = True

_TABLES = (10, 100, 500, 2000)
_COLUMNS = (10, 1000, 5000)
_ROWS = (10_000, 10_000_000, 1_250_000_000)
# One batch over and over: the rows of a table of 100 GB, without a file of that size.
_TABLE = """
from collections.abc import Iterator

import dagster as dg
import polars as pl
from polars.io.plugins import register_io_source

NUMBERS = pl.int_range(min({rows}, 1_000_000), eager=True)
BATCH = pl.DataFrame({{f"c{{n}}": NUMBERS * (n + 1) % 97 for n in range({columns})}})


def batches(columns, predicate, n_rows, batch_size) -> Iterator[pl.DataFrame]:
    batch = BATCH if columns is None else BATCH.select(columns)
    for _ in range({rows} // BATCH.height):
        yield batch if predicate is None else batch.filter(predicate)


@dg.asset
def big() -> pl.LazyFrame:
    return register_io_source(batches, schema=BATCH.schema)
"""
_BUILD = [sys.executable, "-m", "data_package.engine.cli", "build"]


def run(quick: bool) -> str:
    """One cold build of each size; in processor seconds, which a busy machine changes least."""
    lines = [
        "| | processor seconds | seconds | peak memory | each one more |",
        "|---|---:|---:|---:|---:|",
    ]
    sizes: list[tuple[str, tuple[int, ...], Callable[[int], Mapping[str, str]]]] = [
        ("tables", _TABLES, same_tables.data_package),
        ("columns", _COLUMNS, lambda n: _one_table(columns=n, rows=1000)),
        ("rows", _ROWS, lambda n: _one_table(columns=10, rows=n)),
    ]
    for what, counts, write in sizes:
        before: tuple[int, Measured] | None = None
        for count in counts[:2] if quick else counts:
            found = same_tables.measured(write(count), _BUILD)
            each = ""
            if before is not None:
                more = (found.cpu_seconds - before[1].cpu_seconds) / (count - before[0])
                each = f"{more * 1e3:.1f} ms" if what == "tables" else f"{more * 1e6:.3f} µs"
            lines.append(
                f"| {count:,} {what} | {found.cpu_seconds:.1f} | {found.seconds:.1f} "
                f"| {found.peak_bytes / 1e6:,.0f} MB | {each} |"
            )
            before = count, found
    return "\n".join(lines)


def _one_table(columns: int, rows: int) -> Mapping[str, str]:
    """A project of one table with a rule for each column."""
    fields = "".join(
        f"    - {{name: c{i}, type: integer, constraints: {{required: true, minimum: 0}}}}\n"
        for i in range(columns)
    )
    return {
        **same_tables.data_package(0),
        "same_tables/tables.py": _TABLE.format(columns=columns, rows=rows),
        "same_tables/big.yaml": f"schema:\n  fields:\n{fields}",
    }
