import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_package.intermediate.numbers import (
    COMPARATOR,
    number,
    result_comparator,
    result_number,
    whole_number,
)

from .evaluate import evaluate

decimals = st.decimals(min_value=0, max_value=99_999, places=5, allow_nan=False).map(float)


def test_a_whole_float_becomes_an_integer() -> None:
    whole = evaluate(whole_number, [63.0, -7.0, 0.0, None], pl.Float64)
    assert whole.to_list() == [63, -7, 0, None]
    assert whole.dtype == pl.Int64


def test_a_fraction_is_not_an_integer_and_its_value_is_not_reported() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError) as caught:
        evaluate(whole_number, [63.0, 1234.5], pl.Float64)
    assert "1234" not in str(caught.value)


@given(st.integers(-(2**53), 2**53))
def test_every_integer_that_a_float_can_hold_survives(integer: int) -> None:
    assert evaluate(whole_number, [float(integer)], pl.Float64).to_list() == [integer]


@given(decimals)
def test_the_noise_of_a_conversion_is_removed(decimal: float) -> None:
    noisy = [decimal, math.nextafter(decimal, math.inf), math.nextafter(decimal, -math.inf)]
    read = evaluate(number, noisy, pl.Float64)
    if decimal:
        assert read.to_list() == [decimal] * 3
    else:
        assert read[0] == 0


def test_a_number_that_is_missing_stays_missing() -> None:
    assert evaluate(number, [None, 1.2000000000000002], pl.Float64).to_list() == [None, 1.2]


def test_a_result_is_a_number_and_perhaps_a_comparator() -> None:
    texts = ["0.2", "<0.2", "< 40", ">=1.5", "12", "-3", "N", "", "1.2.3", "<", "2+", None]
    numbers = evaluate(result_number, texts, pl.String)
    comparators = evaluate(result_comparator, texts, pl.String)
    assert numbers.to_list() == [0.2, 0.2, 40, 1.5, 12, -3, *[None] * 6]
    assert comparators.to_list() == [None, "<", "<", ">=", *[None] * 8]
    assert comparators.dtype == COMPARATOR


@given(st.sampled_from(["", *COMPARATOR.categories]), decimals)
def test_every_result_is_read_as_it_was_written(comparator: str, decimal: float) -> None:
    text = [f"{comparator}{decimal:.5f}"]
    assert evaluate(result_number, text, pl.String).to_list() == [decimal]
    assert evaluate(result_comparator, text, pl.String).to_list() == [comparator or None]
