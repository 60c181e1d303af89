"""How checking grows: fifty million rows with keys, and five thousand columns.

    python -m data_package_tests.bench.schema_size [--rows N] [--columns N]

Prints seconds and the peak memory of the process that checks; the data are generated beside it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from data_package.engine.schema import Contract, check
from data_package_tests.bench.schema_peers import peak_bytes

KEYED = {
    "fields": [
        {"name": "id", "type": "integer", "constraints": {"required": True}},
        {"name": "visit", "type": "string"},
        {"name": "site", "type": "string", "constraints": {"required": True}},
    ],
    "primaryKey": ["id", "visit"],
    "foreignKeys": [{"fields": ["site"], "reference": {"resource": "sites", "fields": ["site"]}}],
}


def keyed(rows: int, folder: Path) -> None:
    """Write a table whose last row repeats its first and refers to nothing."""
    i = pl.col("id")
    last = pl.int_range(pl.len()) == rows - 1
    pl.LazyFrame().select(id=pl.int_range(rows)).select(
        id=pl.when(last).then(0).otherwise(i * 7919 % (2 * rows + 1)),
        visit=pl.when(last).then(pl.lit("V0")).otherwise("V" + (i % 9).cast(pl.String)),
        site=pl.when(last).then(pl.lit("S?")).otherwise("S" + (i % 10_000).cast(pl.String)),
    ).sink_parquet(folder / "keyed.parquet")


def check_keyed(folder: Path) -> dict[str, object]:
    """Check the table from its file."""
    contract = Contract.from_descriptor(KEYED, name="keyed")
    sites = pl.DataFrame({"site": [f"S{i}" for i in range(10_000)]})
    begun = time.perf_counter()
    report = check(pl.scan_parquet(folder / "keyed.parquet"), contract, references={"sites": sites})
    seconds = time.perf_counter() - begun
    return {
        "rows": report.rows_checked,
        "seconds": round(seconds, 2),
        "rows_per_second": round(report.rows_checked / seconds),
        "errors": {total.rule: list(total.rows) for total in report.totals},
        "peak_mb": peak_bytes() // 1_000_000,
    }


def wide(columns: int) -> dict[str, object]:
    """Check many columns, ten of as many rows, and ten of as many cells."""
    fields = [
        {
            "name": f"c{i}",
            "type": "integer",
            "constraints": {"required": True, "minimum": 0, "maximum": 100},
        }
        for i in range(columns)
    ]
    height = 10_000
    frame = pl.DataFrame(
        {f"c{i}": pl.int_range(height, eager=True) * (i + 1) % 97 for i in range(columns)}
    )
    narrow = pl.concat([frame.select(frame.columns[:10])] * (columns // 10))
    seconds = {}
    tables = (
        ("wide", frame, fields),
        ("ten of as many rows", frame.select(frame.columns[:10]), fields[:10]),
        ("ten of as many cells", narrow, fields[:10]),
    )
    for name, table, used in tables:
        contract = Contract.from_descriptor({"fields": used}, name=name)
        best = float("inf")
        for _ in range(3):
            begun = time.perf_counter()
            check(table, contract)
            best = min(best, time.perf_counter() - begun)
        cells = table.height * table.width
        seconds[name] = {"seconds": round(best, 4), "ns_per_cell": round(best / cells * 1e9, 2)}
    return {"columns": columns, "rows": height, **seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--columns", type=int, default=5_000)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        print(json.dumps(check_keyed(given.run)))
        return
    with tempfile.TemporaryDirectory() as name:
        keyed(given.rows, Path(name))
        command = [sys.executable, "-m", "data_package_tests.bench.schema_size", "--run", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(done.stdout.strip())
    print(json.dumps(wide(given.columns)))


if __name__ == "__main__":
    main()
