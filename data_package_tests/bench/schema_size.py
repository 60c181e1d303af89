"""How checking grows: fifty million rows with keys, and five thousand columns."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from data_package.engine.schema import Contract, check
from data_package_tests.bench.schema_engines import peak_bytes

title = "Checking a table: many rows, many columns"

_ROWS = 50_000_000
_COLUMNS = 5_000
_HEIGHT = 10_000
_TIMES = 5

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


def run(quick: bool) -> str:
    """Measure both, each in a process of its own."""
    rows, columns = (_ROWS // 50, _COLUMNS // 10) if quick else (_ROWS, _COLUMNS)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        keyed(rows, Path(folder))
        long = _alone("check_keyed", folder)
    wide = _alone("check_wide", columns)
    many, few, tall = (wide[name] for name in ("wide", "as many rows", "as many cells"))
    lines = [
        f"{rows:,} rows with a primary key of two columns and a foreign key to 10,000 rows, from "
        f"Parquet, one key repeated and one reference dangling: {long['seconds']:.1f} s, "
        f"{rows / long['seconds']:,.0f} rows/s, {long['peak_mb']:,.0f} MB at most.",
        f"{columns:,} columns of {_HEIGHT:,} rows, each with three rules: {many['seconds']:.3f} s, "
        f"{many['ns']:.2f} ns a cell.",
        f"Ten such columns of as many rows: {few['ns']:.2f} ns a cell, so that a cell among many "
        f"columns takes {many['ns'] / few['ns']:.2f} times as long.",
        f"Ten of as many cells, {columns * _HEIGHT // 10:,} rows: {tall['ns']:.2f} ns a cell, "
        f"{many['ns'] / tall['ns']:.1f} times: a column's own cost is spread over more rows.",
    ]
    return "\n\n".join(lines)


def _alone(function: str, argument: object) -> dict[str, Any]:
    """What a function of this module gives in a process of its own."""
    code = (
        f"import json; from {__name__} import {function} as f; print(json.dumps(f({argument!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def check_keyed(folder: str) -> dict[str, float]:
    """Check the table from its file; it must find the two rows that are wrong."""
    contract = Contract.from_descriptor(KEYED, name="keyed")
    sites = pl.DataFrame({"site": [f"S{i}" for i in range(10_000)]})
    scan = pl.scan_parquet(Path(folder, "keyed.parquet"))
    begun = time.perf_counter()
    report = check(scan, contract, references={"sites": sites})
    seconds = time.perf_counter() - begun
    last = report.rows_checked + 1
    found = {total.rule: total.rows for total in report.totals}
    assert found == {"primaryKey": (last,), "foreignKeys": (last,)}, found
    return {"seconds": seconds, "peak_mb": peak_bytes() / 1e6}


def check_wide(columns: int) -> dict[str, dict[str, float]]:
    """Check many columns, ten of as many rows, and ten of as many cells."""
    bounds = {"required": True, "minimum": 0, "maximum": 100}
    fields = [{"name": f"c{i}", "type": "integer", "constraints": bounds} for i in range(columns)]
    frame = pl.DataFrame(
        {f"c{i}": pl.int_range(_HEIGHT, eager=True) * (i + 1) % 97 for i in range(columns)}
    )
    ten = frame.select(frame.columns[:10])
    tables = {
        "wide": (frame, fields),
        "as many rows": (ten, fields[:10]),
        "as many cells": (pl.concat([ten] * (columns // 10)), fields[:10]),
    }
    facts = {}
    for name, (table, used) in tables.items():
        contract = Contract.from_descriptor({"fields": used}, name=name)
        seconds = []
        for _ in range(_TIMES):
            begun = time.perf_counter()
            assert check(table, contract).ok
            seconds.append(time.perf_counter() - begun)
        cells = table.height * table.width
        facts[name] = {"seconds": min(seconds), "ns": min(seconds) / cells * 1e9}
    return facts
