"""Exposures: the study treatment that subjects received."""

import dagster as dg
import polars as pl

from data_package.intermediate.coded_values import blanks_as_null
from data_package.intermediate.iso_dates import exact_date
from data_package.intermediate.numbers import number, whole_number
from data_package.intermediate.vocabularies import EPOCH

TREATMENT = pl.Enum(["PLACEBO", "XANOMELINE"])
DOSE_FORM = pl.Enum(["PATCH"])
FREQUENCY = pl.Enum(["QD"])
ROUTE = pl.Enum(["TRANSDERMAL"])


@dg.asset
def exposures(raw_ex: pl.LazyFrame) -> pl.LazyFrame:
    """One row per period in which a subject received a constant dose.

    The end of a period was sometimes not recorded; it stays empty.
    """
    return (
        blanks_as_null(raw_ex)
        .select(
            subject_id="USUBJID",
            sequence_number=whole_number("EXSEQ"),
            visit_number=number("VISITNUM"),
            visit_name="VISIT",
            epoch=pl.col("EPOCH").cast(EPOCH),
            treatment=pl.col("EXTRT").cast(TREATMENT),
            dose_mg=dose_mg(),
            dose_form=pl.col("EXDOSFRM").cast(DOSE_FORM),
            frequency=pl.col("EXDOSFRQ").cast(FREQUENCY),
            route=pl.col("EXROUTE").cast(ROUTE),
            start_date=exact_date("EXSTDTC"),
            end_date=exact_date("EXENDTC"),
            start_study_day=whole_number("EXSTDY"),
            end_study_day=whole_number("EXENDY"),
        )
        .sort("subject_id", "sequence_number")
    )


def dose_mg() -> pl.Expr:
    """The dose where it was delivered in milligrams; empty in any other unit."""
    return pl.when(pl.col("EXDOSU") == "mg").then(whole_number("EXDOSE"))
