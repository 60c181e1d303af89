from collections import defaultdict

import polars as pl

from .trial import adam, collect

ROW = ["arm", "body_system", "preferred_term"]


def as_text() -> pl.DataFrame:
    return collect("adverse_event_incidence").with_columns(
        pl.col("arm", "body_system").cast(pl.String)
    )


def test_counts_are_those_of_a_count_by_hand() -> None:
    arms = dict(
        collect("subjects").filter("safety_population").select("subject_id", "actual_arm").rows()
    )
    with_event: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for event in collect("adverse_events").iter_rows(named=True):
        subject = event["subject_id"]
        if event["treatment_emergent"] and subject in arms:
            row = (arms[subject], event["body_system"], event["preferred_term"])
            with_event[row].add(subject)

    by_hand = {row: len(subjects) for row, subjects in with_event.items()}
    counts = {
        (arm, body_system, term): count
        for arm, body_system, term, count in as_text()
        .select(*ROW, "subjects_with_event")
        .iter_rows()
    }
    assert {row: count for row, count in counts.items() if count} == by_hand


def test_counts_are_those_of_adae_by_the_arm_of_the_treatment_received() -> None:
    arms = collect("subjects").select(
        USUBJID="subject_id", arm=pl.col("actual_arm").cast(pl.String)
    )
    in_adae = (
        adam("adae")
        .filter(pl.col("TRTEMFL") == "Y", pl.col("SAFFL") == "Y")
        .join(arms, on="USUBJID")
        .group_by("arm", body_system="AEBODSYS", preferred_term="AEDECOD")
        .agg(subjects_with_event=pl.col("USUBJID").n_unique().cast(pl.Int64))
    )
    ours = as_text().filter(pl.col("subjects_with_event") > 0)
    assert ours.select(*ROW, "subjects_with_event").sort(ROW).equals(in_adae.sort(ROW))


def test_the_denominator_is_the_safety_population_of_the_arm() -> None:
    arms = as_text().select("arm", "subjects_in_arm").unique()
    assert dict(arms.iter_rows()) == {
        "Placebo": 86,
        "Xanomeline Low Dose": 96,
        "Xanomeline High Dose": 72,
    }


def test_every_term_has_a_row_in_every_arm_and_occurs_in_one() -> None:
    terms = (
        as_text()
        .group_by("body_system", "preferred_term")
        .agg(arms=pl.col("arm").n_unique(), subjects=pl.col("subjects_with_event").sum())
    )
    assert terms["arms"].unique().to_list() == [3]
    assert terms["subjects"].min() == 1
    assert terms.height * 3 == as_text().height


def test_a_percentage_is_the_share_of_the_arm() -> None:
    rows = as_text()
    share = 100 * rows["subjects_with_event"] / rows["subjects_in_arm"]
    assert (share - rows["percentage"]).abs().max() <= 0.05 + 1e-9  # type: ignore[operator]
