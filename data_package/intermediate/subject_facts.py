"""Facts about subjects from other sources than demographics: one row per subject each.

Only facts that the final tables are made from. What is published about subjects is decided in
`final/subjects.py`.
"""

import dagster as dg
import polars as pl

from data_package.intermediate.coded_values import blanks_as_null
from data_package.intermediate.iso_dates import exact_date
from data_package.intermediate.numbers import number, whole_number


@dg.asset
def treatment_periods(raw_ex: pl.LazyFrame) -> pl.LazyFrame:
    """First and last day of treatment of every treated subject.

    The last day is the end of the exposure that began last. Where the site did not record that
    end, the last day is unknown: the end of an earlier exposure would be wrong, and the end of
    the study only a guess.
    """
    start, end = exact_date("EXSTDTC"), exact_date("EXENDTC")
    return (
        blanks_as_null(raw_ex)
        .group_by(subject_id="USUBJID")
        .agg(first_dose_date=start.min(), last_dose_date=end.sort_by(start).last())
        .sort("subject_id")
    )


@dg.asset
def study_endings(raw_ds: pl.LazyFrame) -> pl.LazyFrame:
    """How and when every subject's participation ended, screen failures included."""
    return (
        blanks_as_null(raw_ds)
        .filter(DSCAT="DISPOSITION EVENT")
        .select(
            subject_id="USUBJID",
            end_of_study_date=exact_date("DSSTDTC"),
            end_of_study_event="DSDECOD",
        )
        .sort("subject_id")
    )


@dg.asset
def analysis_populations(raw_suppdm: pl.LazyFrame) -> pl.LazyFrame:
    """Which analysis populations every randomised subject belongs to.

    A qualifier is only delivered where it holds, so one that is missing means no.
    """

    def is_in(population: str) -> pl.Expr:
        return ((pl.col("QNAM") == population) & (pl.col("QVAL") == "Y")).any()

    return (
        blanks_as_null(raw_suppdm)
        .group_by(subject_id="USUBJID")
        .agg(
            intention_to_treat_population=is_in("ITT"),
            safety_population=is_in("SAFETY"),
            efficacy_population=is_in("EFFICACY"),
            completed_week_8=is_in("COMPLT8"),
            completed_week_16=is_in("COMPLT16"),
            completed_week_24=is_in("COMPLT24"),
        )
        .sort("subject_id")
    )


@dg.asset
def baseline_characteristics(raw_vs: pl.LazyFrame, raw_sc: pl.LazyFrame) -> pl.LazyFrame:
    """Height, weight and education of every randomised subject before treatment.

    Weight is the measurement that the trial marked as baseline. Height was measured once, at
    screening, and never marked. A second one of either would be an error.
    """
    is_height = pl.col("VSTESTCD") == "HEIGHT"
    is_baseline_weight = (pl.col("VSTESTCD") == "WEIGHT") & (pl.col("VSBLFL") == "Y")
    measurements = (
        blanks_as_null(raw_vs)
        .group_by(subject_id="USUBJID")
        .agg(
            baseline_height_cm=number("VSSTRESN").filter(is_height).item(allow_empty=True),
            baseline_weight_kg=number("VSSTRESN").filter(is_baseline_weight).item(allow_empty=True),
        )
    )
    education = (
        blanks_as_null(raw_sc)
        .filter(SCTESTCD="EDULEVEL")
        .select(subject_id="USUBJID", years_of_education=whole_number("SCSTRESN"))
    )
    return measurements.join(education, on="subject_id", how="left").sort("subject_id")
