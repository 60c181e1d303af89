from datetime import date
from typing import cast

import polars as pl
import pytest

from data_package.intermediate import subject_facts


def collect(table: object) -> list[dict[str, object]]:
    return cast("pl.LazyFrame", table).collect(engine="streaming").to_dicts()


def exposure(*periods: tuple[str, str | None]) -> pl.LazyFrame:
    return pl.LazyFrame(
        [("S1", start, end) for start, end in periods],
        schema={"USUBJID": pl.String, "EXSTDTC": pl.String, "EXENDTC": pl.String},
        orient="row",
    )


def test_treatment_lasts_from_the_first_exposure_to_the_end_of_the_last() -> None:
    raw_ex = exposure(("2013-01-15", "2013-06-30"), ("2013-01-01", "2013-01-14"))
    assert collect(subject_facts.treatment_periods(raw_ex)) == [
        {
            "subject_id": "S1",
            "first_dose_date": date(2013, 1, 1),
            "last_dose_date": date(2013, 6, 30),
        }
    ]


def test_the_last_dose_is_unknown_where_the_last_exposure_has_no_end() -> None:
    raw_ex = exposure(("2013-01-15", None), ("2013-01-01", "2013-01-14"))
    (period,) = collect(subject_facts.treatment_periods(raw_ex))
    assert period["last_dose_date"] is None


def test_a_population_that_is_not_mentioned_is_one_the_subject_is_not_in() -> None:
    raw_suppdm = pl.LazyFrame(
        {"USUBJID": ["S1", "S1", "S2"], "QNAM": ["ITT", "SAFETY", "ITT"], "QVAL": ["Y", "Y", "N"]}
    )
    first, second = collect(subject_facts.analysis_populations(raw_suppdm))
    assert [name for name, is_in in first.items() if is_in is True] == [
        "intention_to_treat_population",
        "safety_population",
    ]
    assert True not in second.values()


def test_only_the_end_of_participation_ends_the_study() -> None:
    raw_ds = pl.LazyFrame(
        {
            "USUBJID": ["S1", "S1"],
            "DSCAT": ["OTHER EVENT", "DISPOSITION EVENT"],
            "DSDECOD": ["FINAL LAB VISIT", "COMPLETED"],
            "DSSTDTC": ["2013-07-01", "2013-06-30"],
        }
    )
    assert collect(subject_facts.study_endings(raw_ds)) == [
        {
            "subject_id": "S1",
            "end_of_study_date": date(2013, 6, 30),
            "end_of_study_event": "COMPLETED",
        }
    ]


def vital_signs(*rows: tuple[str, float, str | None]) -> pl.LazyFrame:
    return pl.LazyFrame(
        [("S1", *row) for row in rows],
        schema={
            "USUBJID": pl.String,
            "VSTESTCD": pl.String,
            "VSSTRESN": pl.Float64,
            "VSBLFL": pl.String,
        },
        orient="row",
    )


def no_education() -> pl.LazyFrame:
    return pl.LazyFrame(
        schema={"USUBJID": pl.String, "SCTESTCD": pl.String, "SCSTRESN": pl.Float64}
    )


def test_the_baseline_is_the_height_and_the_weight_that_is_marked() -> None:
    raw_vs = vital_signs(("WEIGHT", 70.0, None), ("WEIGHT", 71.0, "Y"), ("HEIGHT", 170.2, None))
    (baseline,) = collect(subject_facts.baseline_characteristics(raw_vs, no_education()))
    assert baseline == {
        "subject_id": "S1",
        "baseline_height_cm": 170.2,
        "baseline_weight_kg": 71.0,
        "years_of_education": None,
    }


def test_two_baselines_are_an_error() -> None:
    raw_vs = vital_signs(("WEIGHT", 70.0, "Y"), ("WEIGHT", 71.0, "Y"))
    with pytest.raises(pl.exceptions.ComputeError):
        collect(subject_facts.baseline_characteristics(raw_vs, no_education()))
