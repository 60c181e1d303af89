"""Comparing two versions of a table, beside one join of both in memory by plain Polars."""

import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

title = "Two versions of a table: data-package diff beside plain Polars"

_FIELDS = 7
_MEASURE = """
import re, sys, time
from pathlib import Path
began, old, new, key = time.perf_counter(), Path(sys.argv[1]), Path(sys.argv[2]), ["id", "visit"]
{work}
spent, peak = time.perf_counter() - began, Path("/proc/self/status").read_text()
print(spent, time.process_time(), int(re.search(r"VmHWM:\\s+(\\d+)", peak)[1]) / 1000, found)
"""
_OURS = """
from data_package.engine.versions.rows import compare_rows
one = compare_rows(old, new, key)
found = one.added, one.removed, one.changed
"""
_PLAIN = """
import polars as pl
sides = [pl.read_parquet(path).with_columns(there=True) for path in (old, new)]
both = sides[0].join(sides[1], on=key, how="full", suffix=":new", coalesce=True)
values = [name for name in sides[0].columns if name not in (*key, "there")]
differs = pl.any_horizontal(pl.col(n).ne_missing(pl.col(f"{n}:new")) for n in values)
there = pl.col("there").is_not_null(), pl.col("there:new").is_not_null()
counts = both.select(
    a=(~there[0]).sum(), r=(~there[1]).sum(), c=(there[0] & there[1] & differs).sum()
)
found = counts.row(0)
"""


def run(quick: bool) -> str:
    """One row in a thousand is gone, and in one in a hundred, or in all, one value differs."""
    rows = 250_000 if quick else 10_000_000
    lines = [
        f"{rows:,} rows of {_FIELDS + 2} fields on both sides.",
        "",
        "| changed rows | way | seconds | CPU seconds | peak MB |",
        "|---|---|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        old, new = Path(scratch, "old.parquet"), Path(scratch, "new.parquet")
        table = _table(rows)
        table.write_parquet(old)
        for words, every in (("1 %", 100), ("all", 1)):
            _changed(table, every).write_parquet(new)
            answer = set()
            for way, work in (("data-package diff", _OURS), ("plain Polars", _PLAIN)):
                *figures, found = _measure(work, old, new)
                answer.add(found)
                seconds, cpu, peak = map(float, figures)
                lines.append(f"| {words} | {way} | {seconds:.1f} | {cpu:.1f} | {peak:,.0f} |")
            assert len(answer) == 1, answer
    return "\n".join(lines)


def _table(rows: int) -> pl.DataFrame:
    number = pl.int_range(rows, eager=True)
    texts = (number.hash(0) % 100_000).cast(pl.String) + " as it was written"
    numbers = [
        ((number.hash(seed) % 1_000_003) / 997).alias(f"n{seed}") for seed in range(1, _FIELDS)
    ]
    key = [number.cast(pl.String).str.zfill(9).alias("id"), (number % 7).alias("visit")]
    return pl.DataFrame([*key, texts.alias("text"), *numbers])


def _changed(table: pl.DataFrame, every: int) -> pl.DataFrame:
    number = pl.int_range(pl.len())
    value = pl.when(number % every == 0).then(pl.col("n1") + 1).otherwise("n1")
    return table.with_columns(n1=value).filter(number % 1000 != 5)


def _measure(work: str, old: Path, new: Path) -> list[str]:
    words = [sys.executable, "-c", _MEASURE.replace("{work}", work), str(old), str(new)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return done.stdout.strip().split(" ", 3)
