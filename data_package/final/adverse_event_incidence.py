"""Adverse event incidence: how many subjects of each arm had which event."""

import dagster as dg
import polars as pl

from data_package.intermediate.vocabularies import TREATMENT_ARM


@dg.asset
def adverse_event_incidence(subjects: pl.LazyFrame, adverse_events: pl.LazyFrame) -> pl.LazyFrame:
    """One row per treatment arm and adverse event term: subjects with a treatment-emergent event.

    Counts subjects, not events: a subject with the same term twice counts once. Subjects are those
    of the safety population, in the arm whose treatment they received. Every term that occurred
    in any arm has a row in each arm, with zero where it did not occur there, so that arms can be
    compared without filling gaps.

    Counts of terms must not be added up to a body system: a subject can have several terms.
    """
    treated = subjects.filter("safety_population").select("subject_id", arm=treatment_arm())
    arms = treated.group_by("arm").agg(subjects_in_arm=pl.len().cast(pl.Int64))
    events = adverse_events.filter("treatment_emergent").join(treated, on="subject_id")
    terms = events.select("body_system", "preferred_term").unique()
    counts = events.group_by("arm", "body_system", "preferred_term").agg(
        subjects_with_event=pl.col("subject_id").n_unique().cast(pl.Int64)
    )
    return (
        arms.join(terms, how="cross")
        .join(counts, on=["arm", "body_system", "preferred_term"], how="left")
        .select(
            "arm",
            "body_system",
            "preferred_term",
            pl.col("subjects_with_event").fill_null(0),
            "subjects_in_arm",
        )
        .with_columns(percentage=percentage())
        .sort("arm", "body_system", "preferred_term")
    )


def treatment_arm() -> pl.Expr:
    """The arm of a subject who was treated, which is never a screen failure."""
    return pl.col("actual_arm").cast(pl.String).cast(TREATMENT_ARM)


def percentage() -> pl.Expr:
    """Subjects with the event per hundred subjects of the arm, to one decimal."""
    share = pl.col("subjects_with_event") / pl.col("subjects_in_arm")
    return (100 * share).round(1, mode="half_away_from_zero")
