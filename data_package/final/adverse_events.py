"""Adverse events: what happened to subjects that should not have, and whether treatment had begun.

Who had which event in which arm is counted in `adverse_event_incidence`.
"""

import dagster as dg
import polars as pl

from data_package.intermediate.coded_values import blanks_as_null, yes_no
from data_package.intermediate.iso_dates import (
    date_precision,
    earliest_date,
    exact_date,
    known_date,
)
from data_package.intermediate.numbers import whole_number
from data_package.intermediate.vocabularies import BODY_SYSTEM, EPOCH, SEVERITY

CAUSALITY = pl.Enum(["NONE", "REMOTE", "POSSIBLE", "PROBABLE"])

OUTCOME = pl.Enum(["RECOVERED/RESOLVED", "NOT RECOVERED/NOT RESOLVED", "FATAL"])


@dg.asset
def adverse_events(raw_ae: pl.LazyFrame, treatment_periods: pl.LazyFrame) -> pl.LazyFrame:
    """One row per adverse event of a subject.

    The start of an event is sometimes known to the month or the year only. `start_date_text` is
    what was delivered, `start_date_precision` says how far it goes, and `start_date` is empty
    unless the day is known.

    Dictionary codes and the action taken were never filled in the delivery and are left out, and
    so is the system organ class, which repeats the body system.
    """
    return (
        blanks_as_null(raw_ae)
        .join(treatment_periods, left_on="USUBJID", right_on="subject_id", how="left")
        .select(
            subject_id="USUBJID",
            sequence_number=whole_number("AESEQ"),
            sponsor_id="AESPID",
            reported_term="AETERM",
            lowest_level_term="AELLT",
            preferred_term="AEDECOD",
            high_level_term="AEHLT",
            high_level_group_term="AEHLGT",
            body_system=pl.col("AEBODSYS").cast(BODY_SYSTEM),
            severity=pl.col("AESEV").cast(SEVERITY),
            causality=pl.col("AEREL").cast(CAUSALITY),
            outcome=pl.col("AEOUT").cast(OUTCOME),
            serious=yes_no("AESER"),
            involves_cancer=yes_no("AESCAN"),
            congenital_anomaly=yes_no("AESCONG"),
            disabling=yes_no("AESDISAB"),
            results_in_death=yes_no("AESDTH"),
            hospitalisation=yes_no("AESHOSP"),
            life_threatening=yes_no("AESLIFE"),
            overdose=yes_no("AESOD"),
            epoch=pl.col("EPOCH").cast(EPOCH),
            treatment_emergent=treatment_emergent(),
            start_date_text="AESTDTC",
            start_date=known_date("AESTDTC"),
            start_date_precision=date_precision("AESTDTC"),
            end_date=exact_date("AEENDTC"),
            recorded_date=exact_date("AEDTC"),
            start_study_day=whole_number("AESTDY"),
            end_study_day=whole_number("AEENDY"),
            recorded_study_day=whole_number("AEDY"),
        )
        .sort("subject_id", "sequence_number")
    )


def treatment_emergent() -> pl.Expr:
    """Whether the event began on the day of the first dose or later.

    A partial start date counts as the first day that it can mean. So an event that began in an
    unknown day of the month of the first dose is not counted, and an event of a later month is.
    Never true before treatment or without it.
    """
    return (earliest_date("AESTDTC") >= pl.col("first_dose_date")).fill_null(value=False)
