"""Medical history: what subjects had before the trial, its primary diagnosis included."""

import dagster as dg
import polars as pl

from data_package.intermediate.coded_values import blanks_as_null
from data_package.intermediate.iso_dates import date_precision, exact_date, known_date
from data_package.intermediate.numbers import number, whole_number
from data_package.intermediate.vocabularies import BODY_SYSTEM, SEVERITY

CATEGORY = pl.Enum(
    ["PRIMARY DIAGNOSIS", "HISTORICAL DIAGNOSIS", "SIGNIFICANT PRE-EXISTING CONDITION"]
)


@dg.asset
def medical_history(raw_mh: pl.LazyFrame) -> pl.LazyFrame:
    """One row per condition that a subject had before treatment.

    Most conditions began in a year or month that is known without the day. `start_date_text` is
    what was delivered, `start_date_precision` says how far it goes, and `start_date` is empty
    unless the day is known.
    """
    return (
        blanks_as_null(raw_mh)
        .select(
            subject_id="USUBJID",
            sequence_number=whole_number("MHSEQ"),
            sponsor_id="MHSPID",
            category=pl.col("MHCAT").cast(CATEGORY),
            reported_term="MHTERM",
            lowest_level_term="MHLLT",
            preferred_term="MHDECOD",
            high_level_term="MHHLT",
            high_level_group_term="MHHLGT",
            body_system=pl.col("MHBODSYS").cast(BODY_SYSTEM),
            severity=pl.col("MHSEV").cast(SEVERITY),
            visit_number=number("VISITNUM"),
            visit_name="VISIT",
            start_date_text="MHSTDTC",
            start_date=known_date("MHSTDTC"),
            start_date_precision=date_precision("MHSTDTC"),
            recorded_date=exact_date("MHDTC"),
            recorded_study_day=whole_number("MHDY"),
        )
        .sort("subject_id", "sequence_number")
    )
