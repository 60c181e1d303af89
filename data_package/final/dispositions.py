"""Dispositions: the milestones at which a subject's participation ended or was followed up."""

import dagster as dg
import polars as pl

from data_package.intermediate.coded_values import blanks_as_null
from data_package.intermediate.iso_dates import exact_date, known_date, known_time
from data_package.intermediate.numbers import number, whole_number
from data_package.intermediate.vocabularies import EPOCH

CATEGORY = pl.Enum(["DISPOSITION EVENT", "OTHER EVENT"])

EVENT = pl.Enum(
    [
        "ADVERSE EVENT",
        "COMPLETED",
        "DEATH",
        "FINAL LAB VISIT",
        "FINAL RETRIEVAL VISIT",
        "LACK OF EFFICACY",
        "LOST TO FOLLOW-UP",
        "PHYSICIAN DECISION",
        "PROTOCOL DEVIATION",
        "SCREEN FAILURE",
        "STUDY TERMINATED BY SPONSOR",
        "WITHDRAWAL BY SUBJECT",
    ]
)


@dg.asset
def dispositions(raw_ds: pl.LazyFrame) -> pl.LazyFrame:
    """One row per disposition event of a subject: the end of participation and its milestones.

    When an event was recorded is known to the day or to the minute, so date and time are in
    columns of their own; the time is empty where there was none.
    """
    return (
        blanks_as_null(raw_ds)
        .select(
            subject_id="USUBJID",
            sequence_number=whole_number("DSSEQ"),
            sponsor_id="DSSPID",
            category=pl.col("DSCAT").cast(CATEGORY),
            event=pl.col("DSDECOD").cast(EVENT),
            reported_term="DSTERM",
            visit_number=number("VISITNUM"),
            visit_name="VISIT",
            epoch=pl.col("EPOCH").cast(EPOCH),
            event_date=exact_date("DSSTDTC"),
            recorded_date=known_date("DSDTC"),
            recorded_time=known_time("DSDTC"),
            event_study_day=whole_number("DSSTDY"),
            recorded_study_day=whole_number("DSDY"),
        )
        .sort("subject_id", "sequence_number")
    )
