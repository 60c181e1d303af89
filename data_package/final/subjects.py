"""Subjects: who took part, in which arm, for how long, and how it ended."""

import dagster as dg
import polars as pl

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


@dg.asset
def subjects(
    raw_dm: pl.LazyFrame,
    education: pl.LazyFrame,
    treatment_periods: pl.LazyFrame,
    study_endings: pl.LazyFrame,
    baseline_measurements: pl.LazyFrame,
    analysis_populations: pl.LazyFrame,
) -> pl.LazyFrame:
    """One row per subject who was screened, with treatment, baseline and end of study.

    Subjects who failed screening have no treatment, baseline or education; they belong to no
    analysis population. The consent date was never delivered and stays empty. The end of
    participation was sometimes delivered with a time of day: its date is kept.
    """
    return (
        blanks_as_null(raw_dm)
        .select(
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
        .join(education, on="subject_id", how="left")
        .join(treatment_periods, on="subject_id", how="left")
        .join(study_endings, on="subject_id", how="left")
        .join(baseline_measurements, on="subject_id", how="left")
        .join(analysis_populations, on="subject_id", how="left")
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
            treatment_days(),
            "end_of_study_date",
            end_of_study_status(),
            discontinuation_reason(),
            "participation_end_date",
            "death_date",
            pl.col("height_cm").alias("baseline_height_cm"),
            pl.col("weight_kg").alias("baseline_weight_kg"),
            baseline_bmi(),
            pl.col("intention_to_treat_population").fill_null(value=False),
            pl.col("safety_population").fill_null(value=False),
            pl.col("efficacy_population").fill_null(value=False),
            pl.col("completed_week_8").fill_null(value=False),
            pl.col("completed_week_16").fill_null(value=False),
            pl.col("completed_week_24").fill_null(value=False),
        )
        .sort("subject_id")
    )


def treatment_days() -> pl.Expr:
    """Days on treatment, the first and the last included."""
    days = (pl.col("last_dose_date") - pl.col("first_dose_date")).dt.total_days() + 1
    return days.alias("treatment_days")


def end_of_study_status() -> pl.Expr:
    """Completed, failed screening, or discontinued for one of the other reasons."""
    event = pl.col("end_of_study_event")
    ended_otherwise = event.is_not_null() & ~event.is_in(["COMPLETED", "SCREEN FAILURE"])
    return (
        pl.when(ended_otherwise)
        .then(pl.lit("DISCONTINUED"))
        .otherwise(event)
        .cast(STATUS)
        .alias("end_of_study_status")
    )


def discontinuation_reason() -> pl.Expr:
    """Why a subject who entered the trial did not complete it; null for everyone else."""
    event = pl.col("end_of_study_event")
    return (
        pl.when(~event.is_in(["COMPLETED", "SCREEN FAILURE"]))
        .then(event)
        .cast(DISCONTINUATION_REASON)
        .alias("discontinuation_reason")
    )


def baseline_bmi() -> pl.Expr:
    """Body mass index to one decimal, from the measurements as they were, not as rounded."""
    height_m = pl.col("height_cm") / 100
    bmi = pl.col("weight_kg") / height_m**2
    return bmi.round(1, mode="half_away_from_zero").alias("baseline_bmi")
