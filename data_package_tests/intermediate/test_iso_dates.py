from collections.abc import Callable
from datetime import date, datetime, time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_package.intermediate.iso_dates import (
    date_precision,
    earliest_date,
    exact_date,
    known_date,
    known_time,
)

from .evaluate import evaluate

any_day = st.dates(date(1900, 1, 1), date(2100, 12, 31))
any_minute = st.datetimes(datetime(1900, 1, 1), datetime(2100, 12, 31))  # noqa: DTZ001


def test_a_complete_date_is_known_and_a_partial_one_is_not() -> None:
    texts = ["2012-07-09", "2012-07", "2012", None]
    assert evaluate(known_date, texts, pl.String).to_list() == [date(2012, 7, 9), None, None, None]


def test_precision_says_how_far_a_date_goes() -> None:
    texts = ["2012", "2012-07", "2012-07-09", "2012-07-09T14:30", None]
    precision = evaluate(date_precision, texts, pl.String)
    assert precision.to_list() == ["year", "month", "day", "day", None]
    assert precision.dtype == pl.Enum(["year", "month", "day"])


def test_text_that_is_not_a_date_is_neither_known_nor_precise() -> None:
    texts = ["", "unknown", "20120709", "2012-7-9", "07/09/2012", "2012-07-09 14:30", "2012-"]
    nothing = [None] * len(texts)
    assert evaluate(known_date, texts, pl.String).to_list() == nothing
    assert evaluate(date_precision, texts, pl.String).to_list() == nothing


def test_a_time_is_known_with_or_without_seconds() -> None:
    texts = ["2012-07-09T14:30", "2012-07-09T14:30:15", "2012-07-09", "2012-07", None]
    known = evaluate(known_time, texts, pl.String)
    assert known.to_list() == [time(14, 30), time(14, 30, 15), None, None, None]


def test_an_exact_date_may_be_missing_but_not_partial() -> None:
    assert evaluate(exact_date, ["2012-07-09", None], pl.String).to_list() == [
        date(2012, 7, 9),
        None,
    ]
    with pytest.raises(pl.exceptions.InvalidOperationError):
        evaluate(exact_date, ["2012-07"], pl.String)


@pytest.mark.parametrize("read", [exact_date, known_date])
def test_a_day_that_is_not_in_the_calendar_is_an_error(
    read: Callable[[str], pl.Expr],
) -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError):
        evaluate(read, ["2013-02-29"], pl.String)


@given(any_day)
def test_every_complete_date_is_read_as_it_was_written(day: date) -> None:
    text = [day.isoformat()]
    assert evaluate(known_date, text, pl.String).to_list() == [day]
    assert evaluate(exact_date, text, pl.String).to_list() == [day]
    assert evaluate(earliest_date, text, pl.String).to_list() == [day]


@given(any_day)
def test_the_earliest_date_is_the_first_day_of_the_known_month_or_year(day: date) -> None:
    month, year = day.isoformat()[:7], day.isoformat()[:4]
    earliest = evaluate(earliest_date, [month, year, None], pl.String)
    assert earliest.to_list() == [day.replace(day=1), day.replace(month=1, day=1), None]


@given(any_minute)
def test_date_and_time_together_say_what_was_delivered(moment: datetime) -> None:
    text = moment.strftime("%Y-%m-%dT%H:%M")
    day = evaluate(known_date, [text], pl.String).item()
    minute = evaluate(known_time, [text], pl.String).item()
    assert datetime.combine(day, minute).strftime("%Y-%m-%dT%H:%M") == text
