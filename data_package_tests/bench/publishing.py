"""The package part of a build: hashes, CSV twin, data dictionary; beside a plain copy to CSV.

The table is built and checked before; what is measured is the whole command that publishes it
anew, Dagster's start included, and a script that scans the same Parquet file into one CSV file.
"""

import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from data_package_tests.bench import same_tables
from data_package_tests.bench.measured import Measured, measure

title = "Publishing a large table: the package with its CSV twin, beside a copy to CSV"

_BUILD = [sys.executable, "-m", "data_package.engine.cli", "build"]
_COPY = """
import polars as pl

pl.scan_parquet("storage/final/measurements.parquet").sink_csv("copy.csv")
"""
_TABLE = '''
import dagster as dg
import polars as pl


@dg.asset
def measurements() -> pl.LazyFrame:
    """Twenty measurements of each of many subjects."""
    row = pl.col("row")
    chance = [((row.hash(seed) % 1_000_003) / 997).alias(f"value_{seed}") for seed in range(5)]
    return pl.LazyFrame().select(row=pl.int_range(ROWS)).select(
        ("S" + (row // 20).cast(pl.String).str.zfill(8)).alias("subject_id"),
        (row % 20).alias("visit_number"),
        (pl.date(2020, 1, 1) + pl.duration(days=row.hash(11) % 1000)).alias("visit_date"),
        pl.when(row.hash(12) % 3 == 0).then(pl.lit("low")).otherwise(pl.lit("high")).alias("arm"),
        (row.hash(13) % 2 == 0).alias("fasting"),
        ("site " + (row.hash(14) % 40).cast(pl.String)).alias("site"),
        ("remark " + row.hash(15).cast(pl.String)).alias("remark"),
        *chance,
    )
'''
_CONTRACT = """
title: Measurements
schema:
  fields:
    - {name: subject_id, type: string, constraints: {required: true}}
    - {name: visit_number, type: integer, constraints: {required: true, minimum: 0}}
    - {name: visit_date, type: date}
    - {name: arm, type: string, constraints: {enum: [low, high]}}
    - {name: fasting, type: boolean}
    - {name: site, type: string}
    - {name: remark, type: string}
    - {name: value_0, type: number}
    - {name: value_1, type: number}
    - {name: value_2, type: number}
    - {name: value_3, type: number}
    - {name: value_4, type: number}
"""


def run(quick: bool) -> str:
    """In turns; the least of each."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        for name, text in _files(250_000 if quick else 20_000_000).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        measure(_BUILD, folder)
        size = (folder / "storage/final/measurements.parquet").stat().st_size
        ours: list[Measured] = []
        copies: list[Measured] = []
        for _ in range(1 if quick else 3):
            copies.append(measure([sys.executable, "-c", _COPY], folder))
            (folder / "copy.csv").unlink()
            shutil.rmtree(folder / "storage/package")
            (folder / "storage/.state/package.json").unlink()
            ours.append(measure(_BUILD, folder))
        assert list(folder.glob("storage/package/**/measurements.csv"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    copy, package = (min(found, key=lambda one: one.seconds) for found in (copies, ours))
    lines = [
        f"{size / 1e9:.2f} GB of Parquet.",
        "",
        "| | seconds | processor seconds | peak memory |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {one.seconds:.1f} | {one.cpu_seconds:.1f} "
            f"| {one.peak_bytes / 1e6:,.0f} MB |"
            for name, one in (("publish", package), ("copy to CSV", copy))
        ),
        f"| ratio | {package.seconds / copy.seconds:.2f} × "
        f"| {package.cpu_seconds / copy.cpu_seconds:.2f} × "
        f"| {package.peak_bytes / copy.peak_bytes:.2f} × |",
    ]
    return "\n".join(lines)


def _files(rows: int) -> Mapping[str, str]:
    project = same_tables.data_package(0)
    return {
        **project,
        "pyproject.toml": (
            '[tool.data-package]\npackage = "same_tables"\ncsv = true\n'
            'subject = "measurements.subject_id"\n'
        ),
        "same_tables/tables.py": "",
        "same_tables/final/__init__.py": "",
        "same_tables/final/measurements.py": _TABLE.replace("ROWS", str(rows)),
        "same_tables/final/measurements.yaml": _CONTRACT,
        "same_tables/datapackage.yaml": "name: measurements\ntitle: Measurements\n",
    }
