"""The table that validators are measured on, its rules, and the files it lies in."""

from pathlib import Path
from typing import Any

import polars as pl

SCHEMA: dict[str, Any] = {
    "fields": [
        {"name": "site", "type": "integer", "constraints": {"required": True, "minimum": 0}},
        {"name": "subject", "type": "integer", "constraints": {"required": True}},
        {"name": "age", "type": "integer", "constraints": {"minimum": 18, "maximum": 120}},
        {"name": "weight", "type": "number", "constraints": {"minimum": 30, "maximum": 200}},
        {"name": "sex", "type": "string", "constraints": {"required": True, "enum": ["F", "M"]}},
        {"name": "code", "type": "string", "constraints": {"pattern": "C[0-9]{5}"}},
        {"name": "label", "type": "string", "constraints": {"unique": True}},
        {"name": "visit", "type": "date", "constraints": {"minimum": "2015-01-01"}},
        {"name": "measured", "type": "datetime", "constraints": {"required": True}},
        {"name": "done", "type": "boolean"},
    ],
    "primaryKey": ["site", "subject"],
    "foreignKeys": [{"fields": ["code"], "reference": {"resource": "codes", "fields": ["code"]}}],
}


def generate(rows: int, *, dirty: bool) -> pl.DataFrame:
    """Return the table; when dirty, one row of a hundred breaks one of the rules."""
    i = pl.col("subject")
    frame = pl.DataFrame({"subject": pl.int_range(rows, eager=True)}).select(
        site=i % 50,
        subject=i,
        age=18 + i % 80,
        weight=(i * 7919 % 10_000) / 100 + 30.0,
        sex=pl.when(i % 2 == 0).then(pl.lit("F")).otherwise(pl.lit("M")),
        code="C" + (i * 31 % 10_000).cast(pl.String).str.zfill(5),
        label="s" + i.cast(pl.String),
        visit=pl.date(2015, 1, 1) + pl.duration(days=i % 3000),
        measured=pl.datetime(2015, 1, 1) + pl.duration(seconds=i * 37),
        done=i % 3 == 0,
    )
    if not dirty:
        return frame
    row = pl.int_range(pl.len())
    return frame.with_columns(
        age=pl.when(row % 500 == 100).then(7).otherwise("age"),
        sex=pl.when(row % 500 == 200).then(pl.lit("X")).otherwise("sex"),
        code=pl.when(row % 500 == 300).then(pl.lit("C99999x")).otherwise("code"),
        label=pl.when(row % 500 == 400).then(pl.lit("s1")).otherwise("label"),
        visit=pl.when(row % 500 == 450).then(pl.date(1900, 1, 1)).otherwise("visit"),
    )


def codes() -> pl.DataFrame:
    """Return the table that the foreign key refers to."""
    return pl.DataFrame({"code": [f"C{i:05}" for i in range(10_000)]})


def write_files(folder: Path, rows: int, *, dirty: bool) -> None:
    """Write the table as Parquet and as CSV, its first tenth as CSV, and the codes."""
    frame = generate(rows, dirty=dirty)
    frame.write_parquet(folder / "table.parquet")
    for name, held in (("table", frame), ("tenth", frame.head(rows // 10))):
        held.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    codes().write_csv(folder / "codes.csv")
