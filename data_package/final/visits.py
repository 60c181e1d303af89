"""Visits: when each subject was seen."""

import dagster as dg
import polars as pl

from data_package import row_rule
from data_package.intermediate.coded_values import blanks_as_null
from data_package.intermediate.iso_dates import exact_date
from data_package.intermediate.numbers import number, whole_number
from data_package.intermediate.vocabularies import EPOCH


@dg.asset
def visits(raw_sv: pl.LazyFrame) -> pl.LazyFrame:
    """One row per visit of a subject, planned or not.

    An unplanned visit takes the number of the planned visit before it and a decimal: the noise of
    its conversion is removed, because other tables refer to a visit by this number.
    """
    return (
        blanks_as_null(raw_sv)
        .select(
            subject_id="USUBJID",
            visit_number=number("VISITNUM"),
            visit_name="VISIT",
            planned_study_day=whole_number("VISITDY"),
            epoch=pl.col("EPOCH").cast(EPOCH),
            start_date=exact_date("SVSTDTC"),
            end_date=exact_date("SVENDTC"),
            start_study_day=whole_number("SVSTDY"),
            end_study_day=whole_number("SVENDY"),
            reason_unplanned="SVUPDES",
        )
        .sort("subject_id", "visit_number")
    )


@row_rule("visits")
def end_not_before_start() -> pl.Expr:
    """A visit does not end before it starts."""
    return pl.col("end_date") >= pl.col("start_date")
