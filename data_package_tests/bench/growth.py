"""How a build grows: with its tables, with the columns of one, with the rows of one."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from data_package_tests.bench import same_tables
from data_package_tests.bench.measured import Measured, measure

title = "Growth: what each table, column and row costs"

_TABLES = (10, 100, 500, 2000)
_COLUMNS = (10, 1000, 5000)
_ROWS = (10_000, 1_000_000, 10_000_000)
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
            found = _build(write(count))
            each = ""
            if before is not None:
                more = (found.cpu_seconds - before[1].cpu_seconds) / (count - before[0])
                each = f"{more * 1e3:.1f} ms" if what == "tables" else f"{more * 1e6:.2f} µs"
            lines.append(
                f"| {count:,} {what} | {found.cpu_seconds:.1f} | {found.seconds:.1f} "
                f"| {found.peak_bytes / 1e6:,.0f} MB | {each} |"
            )
            before = count, found
    return "\n".join(lines)


def _build(files: Mapping[str, str]) -> Measured:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        same_tables.write_raw_file(folder)
        return measure(_BUILD, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _one_table(columns: int, rows: int) -> Mapping[str, str]:
    """A project of one table with a rule for each column."""
    fields = "".join(
        f"    - {{name: c{i}, type: integer, constraints: {{required: true, minimum: 0}}}}\n"
        for i in range(columns)
    )
    table = (
        "import dagster as dg\nimport polars as pl\n\n\n@dg.asset\ndef big() -> pl.LazyFrame:\n"
        f"    rows = pl.LazyFrame().select(i=pl.int_range({rows}))\n"
        f'    columns = [(pl.col("i") * (n + 1) % 97).alias(f"c{{n}}") for n in range({columns})]\n'
        "    return rows.select(columns)\n"
    )
    return {
        **same_tables.data_package(0),
        "same_tables/tables.py": table,
        "same_tables/big.yaml": f"schema:\n  fields:\n{fields}",
    }
