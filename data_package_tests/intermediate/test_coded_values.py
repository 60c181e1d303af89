from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.intermediate.coded_values import blanks_as_null, marked, yes_no

from .evaluate import evaluate


def test_blank_text_is_missing_text() -> None:
    delivered = pl.LazyFrame({"TERM": ["", "  ", " HEADACHE ", None], "N": [1, 2, 3, 4]})
    read = blanks_as_null(delivered).collect(engine="streaming")
    assert read.to_dict(as_series=False) == {
        "TERM": [None, None, "HEADACHE", None],
        "N": [1, 2, 3, 4],
    }


@settings(max_examples=30)
@given(st.lists(st.none() | st.text()))
def test_reading_blanks_twice_changes_nothing_more(texts: list[str | None]) -> None:
    once = blanks_as_null(pl.LazyFrame({"TEXT": texts}, schema={"TEXT": pl.String}))
    assert blanks_as_null(once).collect().equals(once.collect())


def test_yes_and_no_are_true_and_false_and_nothing_is_nothing() -> None:
    assert evaluate(yes_no, ["Y", "N", None], pl.String).to_list() == [True, False, None]


def test_a_mark_that_is_missing_is_false() -> None:
    assert evaluate(marked, ["Y", None], pl.String).to_list() == [True, False]


@pytest.mark.parametrize("read", [yes_no, marked])
def test_any_other_code_is_an_error_that_does_not_tell_it(
    read: Callable[[str], pl.Expr],
) -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError) as caught:
        evaluate(read, ["Y", "PERHAPS"], pl.String)
    assert "PERHAPS" not in str(caught.value)
