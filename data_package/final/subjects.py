"""Subjects: who took part, in which arm, for how long, and how it ended."""

import dagster as dg
import polars as pl
import polars.selectors as cs

from data_package.intermediate.coded_values import blanks_as_null
from data_package.intermediate.iso_dates import exact_date, known_date
from data_package.intermediate.numbers import whole_number
from data_package.intermediate.vocabularies import TREATMENT_ARM

SEX = pl.Enum(["F", "M"])

RACE = pl.Enum(
    [
        "AMERICAN INDIAN OR ALASKA NATIVE",
        "ASIAN",
        "BLACK OR AFRICAN AMERICAN",
        "NATIVE HAWAIIAN OR OTHER PACIFIC ISLANDER",
        "WHITE",
    ]
)

ETHNICITY = pl.Enum(["HISPANIC OR LATINO", "NOT HISPANIC OR LATINO"])

ARM = pl.Enum([*TREATMENT_ARM.categories, "Screen Failure"])

STATUS = pl.Enum(["COMPLETED", "DISCONTINUED", "SCREEN FAILURE"])

DISCONTINUATION_REASON = pl.Enum(
    [
        "ADVERSE EVENT",
        "DEATH",
        "LACK OF EFFICACY",
        "LOST TO FOLLOW-UP",
        "PHYSICIAN DECISION",
        "PROTOCOL DEVIATION",
        "STUDY TERMINATED BY SPONSOR",
        "WITHDRAWAL BY SUBJECT",
    ]
)


NOT_DISCONTINUED = ["COMPLETED", "SCREEN FAILURE"]


@dg.asset
def subjects(
    raw_dm: pl.LazyFrame,
    treatment_periods: pl.LazyFrame,
    study_endings: pl.LazyFrame,
    baseline_characteristics: pl.LazyFrame,
    analysis_populations: pl.LazyFrame,
) -> pl.LazyFrame:
    """One row per subject who was screened, with treatment, baseline and end of study.

    Subjects who failed screening have no treatment and no baseline, and belong to no analysis
    population. The consent date was never delivered and stays empty. The end of participation
    was sometimes delivered with a time of day: its date is kept.
    """
    return (
        demographics(raw_dm)
        .join(treatment_periods, on="subject_id", how="left")
        .join(study_endings, on="subject_id", how="left")
        .join(baseline_characteristics, on="subject_id", how="left")
        .join(analysis_populations, on="subject_id", how="left")
        .with_columns(
            treatment_days=treatment_days(),
            end_of_study_status=end_of_study_status(),
            discontinuation_reason=discontinuation_reason(),
            baseline_bmi=baseline_bmi(),
        )
        .with_columns(cs.boolean().fill_null(value=False))
        .select(
            "subject_id",
            "site_id",
            "age",
            "sex",
            "race",
            "ethnicity",
            "years_of_education",
            "planned_arm",
            "actual_arm",
            "consent_date",
            "screening_date",
            "first_dose_date",
            "last_dose_date",
            "treatment_days",
            "end_of_study_date",
            "end_of_study_status",
            "discontinuation_reason",
            "participation_end_date",
            "death_date",
            "baseline_height_cm",
            "baseline_weight_kg",
            "baseline_bmi",
            "intention_to_treat_population",
            "safety_population",
            "efficacy_population",
            "completed_week_8",
            "completed_week_16",
            "completed_week_24",
        )
        .sort("subject_id")
    )


def demographics(raw_dm: pl.LazyFrame) -> pl.LazyFrame:
    """What was recorded about every subject when they were screened, and when it all ended."""
    return blanks_as_null(raw_dm).select(
        subject_id="USUBJID",
        site_id="SITEID",
        age=whole_number("AGE"),
        sex=pl.col("SEX").cast(SEX),
        race=pl.col("RACE").cast(RACE),
        ethnicity=pl.col("ETHNIC").cast(ETHNICITY),
        planned_arm=pl.col("ARM").cast(ARM),
        actual_arm=pl.col("ACTARM").cast(ARM),
        consent_date=exact_date("RFICDTC"),
        screening_date=exact_date("DMDTC"),
        participation_end_date=known_date("RFPENDTC"),
        death_date=exact_date("DTHDTC"),
    )


def treatment_days() -> pl.Expr:
    """Days on treatment, the first and the last included."""
    return (pl.col("last_dose_date") - pl.col("first_dose_date")).dt.total_days() + 1


def end_of_study_status() -> pl.Expr:
    """Completed, failed screening, or discontinued for one of the other reasons."""
    event = pl.col("end_of_study_event")
    status = pl.when(event.is_in(NOT_DISCONTINUED)).then(event).otherwise(pl.lit("DISCONTINUED"))
    return pl.when(event.is_not_null()).then(status).cast(STATUS)


def discontinuation_reason() -> pl.Expr:
    """Why a subject who entered the trial did not complete it; null for everyone else."""
    event = pl.col("end_of_study_event")
    return pl.when(~event.is_in(NOT_DISCONTINUED)).then(event).cast(DISCONTINUATION_REASON)


def baseline_bmi() -> pl.Expr:
    """Body mass index to one decimal, from the measurements as they were, not as rounded."""
    height_m = pl.col("baseline_height_cm") / 100
    bmi = pl.col("baseline_weight_kg") / height_m**2
    return bmi.round(1, mode="half_away_from_zero")
