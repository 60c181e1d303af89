"""Nothing is lost between the delivery and the tables, and nothing is made up."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from .trial import collect, sdtm

SOURCES = {
    "subjects": ["dm"],
    "visits": ["sv"],
    "exposures": ["ex"],
    "adverse_events": ["ae"],
    "dispositions": ["ds"],
    "vital_signs": ["vs"],
    "laboratory_results": ["lbch", "lbhe", "lbur"],
    "medical_history": ["mh"],
    "concomitant_medications": ["cm"],
}

PARTIAL_DATES = [
    ("adverse_events", "start_date", "AESTDTC"),
    ("medical_history", "start_date", "MHSTDTC"),
    ("concomitant_medications", "start_date", "CMSTDTC"),
    ("concomitant_medications", "end_date", "CMENDTC"),
]

TIMES = [
    ("dispositions", "recorded", "DSDTC"),
    ("laboratory_results", "collection", "LBDTC"),
]


def delivered(table: str) -> pl.DataFrame:
    """What was delivered, in the order of the table that is made from it."""
    rows = pl.concat([sdtm(source) for source in SOURCES[table]])
    (sequence_number, *_) = [name for name in rows.columns if name.endswith("SEQ")]
    return rows.sort("USUBJID", sequence_number)


@pytest.mark.parametrize("table", SOURCES)
def test_a_table_has_as_many_rows_as_were_delivered(table: str) -> None:
    assert collect(table).height == sum(sdtm(source).height for source in SOURCES[table])


@pytest.mark.parametrize("table", SOURCES)
def test_a_table_has_the_subjects_that_were_delivered(table: str) -> None:
    subjects = pl.concat([sdtm(source).select("USUBJID") for source in SOURCES[table]])["USUBJID"]
    assert set(collect(table)["subject_id"]) == set(subjects)


@pytest.mark.parametrize(("table", "date", "variable"), PARTIAL_DATES)
def test_a_partial_date_is_kept_as_text_and_is_not_a_date(
    table: str, date: str, variable: str
) -> None:
    rows, text = collect(table), pl.col(f"{date}_text")
    assert_series_equal(rows[f"{date}_text"], delivered(table)[variable], check_names=False)
    partial = rows.filter(text.str.len_chars() < len("YYYY-MM-DD"))
    assert not partial.is_empty()
    assert partial[date].null_count() == partial.height


@pytest.mark.parametrize(("table", "date", "variable"), PARTIAL_DATES)
def test_a_complete_date_is_the_text_and_its_precision_says_so(
    table: str, date: str, variable: str
) -> None:
    rows = collect(table)
    output = pl.coalesce(
        pl.col(date).dt.to_string("%Y-%m-%d"),
        pl.when(pl.col(f"{date}_precision") == "month").then(pl.col(f"{date}_text")),
        pl.when(pl.col(f"{date}_precision") == "year").then(pl.col(f"{date}_text")),
    )
    assert_series_equal(
        rows.select(output).to_series(), delivered(table)[variable], check_names=False
    )
    assert rows.filter(
        (pl.col(f"{date}_precision") == "day") != pl.col(date).is_not_null()
    ).is_empty()
    lengths = rows.select(
        pl.col(f"{date}_precision").cast(pl.String), pl.col(f"{date}_text").str.len_chars()
    ).drop_nulls()
    assert set(lengths.rows()) <= {("year", 4), ("month", 7), ("day", 10)}


@pytest.mark.parametrize(("table", "moment", "variable"), TIMES)
def test_a_time_is_empty_where_only_the_day_was_delivered(
    table: str, moment: str, variable: str
) -> None:
    date, time = pl.col(f"{moment}_date"), pl.col(f"{moment}_time")
    output = pl.coalesce(
        date.dt.combine(time).dt.to_string("%Y-%m-%dT%H:%M"), date.dt.to_string("%Y-%m-%d")
    )
    rows = collect(table)
    assert 0 < rows[f"{moment}_time"].null_count() < rows.height
    assert_series_equal(
        rows.select(output).to_series(), delivered(table)[variable], check_names=False
    )


def test_a_laboratory_result_is_the_delivered_number_without_its_noise() -> None:
    made, source = collect("laboratory_results"), delivered("laboratory_results")
    exact = made["result_comparator"].is_null()
    assert_series_equal(
        made["result"].filter(exact),
        source["LBSTRESN"].filter(exact),
        check_names=False,
        rel_tol=1e-12,
        abs_tol=0,
    )
    assert source["LBSTRESN"].filter(~exact).is_null().all()


def test_a_laboratory_result_with_a_comparator_says_what_its_text_says() -> None:
    limited = collect("laboratory_results").filter(pl.col("result_comparator").is_not_null())
    output = limited.select(pl.concat_str(pl.col("result_comparator").cast(pl.String), "result"))
    assert limited.height == 6
    assert output.to_series().to_list() == limited["result_text"].to_list()


def test_a_laboratory_result_without_a_number_is_a_word() -> None:
    words = collect("laboratory_results").filter(pl.col("result").is_null())
    assert words["result_text"].str.contains(r"\d").sum() == 0


@pytest.mark.parametrize("table", ["visits", "vital_signs", "laboratory_results"])
def test_a_visit_number_has_at_most_one_decimal(table: str) -> None:
    numbers = collect(table)["visit_number"].unique().to_list()
    assert all(float(f"{number:.1f}") == number for number in numbers)


@pytest.mark.parametrize(
    "table", [table for table in SOURCES if table not in {"subjects", "visits", "adverse_events"}]
)
def test_a_visit_has_the_same_name_everywhere(table: str) -> None:
    key = ["subject_id", "visit_number"]
    named = collect(table).select(*key, "visit_name").unique()
    assert_frame_equal(
        named.sort(key),
        named.select(key).join(collect("visits").select(*key, "visit_name"), on=key).sort(key),
    )


def test_a_vital_sign_without_a_result_was_not_done() -> None:
    rows = collect("vital_signs")
    assert rows.filter(pl.col("not_done") != pl.col("result").is_null()).is_empty()
    assert rows.filter(pl.col("not_done") != pl.col("reported_result").is_null()).is_empty()


def test_a_medication_has_a_name_where_it_has_a_class() -> None:
    rows = collect("concomitant_medications")
    assert rows["medication_name"].is_null().equals(rows["medication_class"].is_null())


def test_what_is_left_out_holds_nothing_that_is_not_found_elsewhere() -> None:
    events, signs = sdtm("ae"), sdtm("vs")
    never_filled = ["AELLTCD", "AEPTCD", "AEHLTCD", "AEHLGTCD", "AEBDSYCD", "AESOCCD", "AEACN"]
    assert events.select(never_filled).null_count().row(0) == (events.height,) * len(never_filled)
    assert events["AESOC"].equals(events["AEBODSYS"])
    assert sdtm("ex")["EXDOSU"].unique().to_list() == ["mg"]
    time_points = signs.select("VSPOS", "VSELTM", "VSTPT", "VSTPTNUM", "VSTPTREF").unique()
    assert time_points.height == time_points.select("VSPOS", "VSELTM").n_unique()


def test_the_consent_date_was_never_delivered() -> None:
    assert sdtm("dm")["RFICDTC"].is_null().all()
    assert collect("subjects")["consent_date"].is_null().all()
