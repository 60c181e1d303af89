"""Laboratory results and vital signs agree with the analysis data sets that the trial published.

ADLBC, ADLBH and ADVS repeat rows of the delivery, some of them once more for a derived visit.
"""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_series_equal

from .trial import adam, collect

KEY = ["subject_id", "sequence_number"]


def beside(dataset: str, sequence_number: str, table: str) -> pl.DataFrame:
    """Every row of an analysis data set beside the row of the table that it repeats."""
    published = adam(dataset).with_columns(
        subject_id="USUBJID", sequence_number=pl.col(sequence_number).cast(pl.Int64)
    )
    both = published.join(collect(table), on=KEY, how="left", maintain_order="left")
    assert both["test_code"].null_count() == 0
    return both


def zero_as_null(field: str) -> pl.Expr:
    """ADLBH leaves out a reference range's lower end where that is zero."""
    return pl.when(pl.col(field) != 0).then(pl.col(field)).alias(field)


def assert_same(both: pl.DataFrame, field: str, variable: str) -> None:
    ours, theirs = both[field], both[variable].cast(both.schema[field])
    assert_series_equal(ours, theirs, check_names=False, rel_tol=1e-12, abs_tol=0)


@pytest.mark.parametrize("dataset", ["adlbc", "adlbh"])
def test_laboratory_results_are_those_that_were_analysed(dataset: str) -> None:
    both = beside(dataset, "LBSEQ", "laboratory_results")
    assert_same(both.filter(pl.col("result_comparator").is_null()), "result", "AVAL")
    assert_same(
        both.with_columns(zero_as_null("reference_range_low")), "reference_range_low", "A1LO"
    )
    assert_same(both, "reference_range_high", "A1HI")
    assert_same(both, "visit_number", "VISITNUM")
    assert_same(both, "study_day", "ADY")
    days_since_1960 = (both["collection_date"] - date(1960, 1, 1)).dt.total_days()
    assert both["ADT"].equals(days_since_1960.cast(pl.Float64))


def test_a_result_with_a_comparator_was_not_analysed_as_a_number() -> None:
    both = beside("adlbc", "LBSEQ", "laboratory_results")
    assert both["AVAL"].is_null().equals(both["result_comparator"].is_not_null())


def test_every_vital_sign_is_the_one_that_was_analysed() -> None:
    both = beside("advs", "VSSEQ", "vital_signs")
    assert both.select(KEY).n_unique() == collect("vital_signs").height
    assert_same(both, "test_code", "PARAMCD")
    assert_same(both, "result", "AVAL")
    assert_same(both, "measured_date", "ADT")
    assert_same(both, "visit_number", "VISITNUM")
