"""Adverse events agree with ADAE, the analysis data set that the trial published.

ADAE has 1,191 rows where the delivery has 961. Each of the other 230 is an earlier record of an
event that went on: the delivery, which is newer, keeps the record of how it ended.
"""

import polars as pl
import pytest
from polars.testing import assert_series_equal

from .trial import adam, collect, sdtm

KEY = ["subject_id", "sequence_number"]

SAME_IN_ADAE = {
    "reported_term": "AETERM",
    "lowest_level_term": "AELLT",
    "preferred_term": "AEDECOD",
    "body_system": "AEBODSYS",
    "severity": "AESEV",
    "causality": "AEREL",
    "outcome": "AEOUT",
}


def adae() -> pl.DataFrame:
    return adam("adae").with_columns(
        subject_id="USUBJID", sequence_number=pl.col("AESEQ").cast(pl.Int64)
    )


def both() -> pl.DataFrame:
    """Every event beside its row of ADAE."""
    return collect("adverse_events").join(adae(), on=KEY, how="left", maintain_order="left")


def test_every_event_is_in_adae() -> None:
    assert collect("adverse_events").join(adae(), on=KEY, how="anti").is_empty()


@pytest.mark.parametrize(("field", "variable"), SAME_IN_ADAE.items())
def test_an_event_is_described_as_in_adae(field: str, variable: str) -> None:
    ours, theirs = both()[field].cast(pl.String), both()[variable]
    assert_series_equal(ours, theirs, check_names=False)


def test_complete_dates_are_those_of_adae() -> None:
    started = both().filter(pl.col("start_date").is_not_null())
    assert_series_equal(started["start_date"], started["ASTDT"], check_names=False)
    assert_series_equal(both()["end_date"], both()["AENDT"], check_names=False)


def test_events_are_treatment_emergent_as_in_adae() -> None:
    flagged_in_adae = both()["TRTEMFL"].eq("Y").fill_null(value=False)
    assert_series_equal(both()["treatment_emergent"], flagged_in_adae, check_names=False)
    assert both()["treatment_emergent"].sum() == 910


def test_events_are_treatment_emergent_as_in_the_delivery_of_the_trial() -> None:
    output = (
        sdtm("suppae")
        .filter(pl.col("QNAM") == "AETRTEM")
        .select(
            subject_id="USUBJID",
            sequence_number=pl.col("IDVARVAL").cast(pl.Float64).cast(pl.Int64),
            output=pl.col("QVAL") == "Y",
        )
    )
    beside = collect("adverse_events").join(output, on=KEY, how="left")
    assert_series_equal(beside["treatment_emergent"], beside["output"], check_names=False)


def test_a_partial_start_is_treatment_emergent_only_if_it_is_certain() -> None:
    partial = collect("adverse_events").filter(pl.col("start_date_precision") != "day")
    first_dose = collect("subjects").select(
        "subject_id", month=pl.col("first_dose_date").dt.to_string("%Y-%m")
    )
    later = pl.col("start_date_text") > pl.col("month")
    certain = (pl.col("start_date_precision") == "month") & later
    beside = partial.join(first_dose, on="subject_id")
    assert beside.filter(pl.col("treatment_emergent") != certain).is_empty()
    assert beside["treatment_emergent"].sum() == 4


def test_what_only_adae_has_are_earlier_records_of_the_same_events() -> None:
    same_event = ["subject_id", "AELLT", "AEDECOD", "ASTDT", "AESEV", "AEREL"]
    kept = adae().join(collect("adverse_events"), on=KEY, how="semi")
    dropped = adae().join(collect("adverse_events"), on=KEY, how="anti")
    assert dropped.height == 230
    assert dropped["AEOUT"].unique().to_list() == ["NOT RECOVERED/NOT RESOLVED"]
    assert dropped.join(kept, on=same_event, how="anti", nulls_equal=True).is_empty()
