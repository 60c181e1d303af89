"""Rules of rows: which rows they find, and what they refuse."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_package.engine.errors import BuildError
from data_package.engine.schema import Contract, Report, check
from data_package.engine.schema.row_rules import (
    AppliedRule,
    Join,
    Joined,
    with_rule,
    with_words,
    words_of,
)

VISITS = Contract.from_descriptor(
    {
        "fields": [
            {"name": "subject", "type": "string", "missingValues": ["", "NA"]},
            {"name": "start", "type": "date"},
            {"name": "end", "type": "date"},
        ]
    },
    name="visits",
)
ROWS = pl.LazyFrame(
    {
        "subject": ["a", "b", "NA", "d"],
        "start": [date(2026, 1, 5), date(2026, 1, 5), date(2026, 1, 5), None],
        "end": [date(2026, 1, 6), date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 1)],
    }
)
ORDERED = AppliedRule("ordered", "It ends after it starts.", pl.col("end") >= pl.col("start"))
SUBJECTS = pl.LazyFrame({"subject": ["a", "b"], "left": [date(2026, 1, 5), date(2026, 2, 1)]})
BY_SUBJECT = (Join("subjects", ("subject",), ("subject",)),)


def judged(
    rule: AppliedRule,
    rows: pl.LazyFrame = ROWS,
    subjects: pl.LazyFrame = SUBJECTS,
    limit: int = 1000,
) -> Report:
    report = check(rows, VISITS, limit=limit)
    return with_rule(report, rows, rule, VISITS, {"subjects": subjects})


def refusal(rule: AppliedRule, subjects: pl.LazyFrame = SUBJECTS) -> str:
    with pytest.raises(BuildError) as caught:
        judged(rule, subjects=subjects)
    return str(caught.value)


def test_rows_that_break_a_rule_are_reported_without_their_values() -> None:
    report = judged(ORDERED)
    assert report.render().splitlines() == [
        "visits: 4 rows checked, 2 errors",
        "  end, start: breaks the rule 'It ends after it starts.' (ordered), 2 times: rows 3, 4",
        "  not checked: 1 row by ordered: a value is empty",
        "  next: correct the rows where they are made, or the contract if it asks too much",
    ]
    assert report.errors.rows() == [
        ("row-constraint", "ordered", "end, start", 3),
        ("row-constraint", "ordered", "end, start", 4),
    ]


def test_a_missing_value_of_the_contract_is_null_to_a_rule() -> None:
    report = judged(AppliedRule("known", "Known.", pl.col("subject").is_in(["a", "b", "d"])))
    assert report.ok
    assert report.skipped == ("1 row by known: a value is empty",)


def test_all_errors_are_counted_beyond_the_rows_that_are_itemised() -> None:
    rows = pl.concat([ROWS] * 20)
    report = judged(ORDERED, rows, limit=3)
    assert (report.totals[0].count, report.errors.height, report.capped) == (40, 3, True)


def test_a_rule_uses_the_row_of_another_table_that_belongs_to_a_row() -> None:
    within = pl.col("end") <= Joined("subjects").col("left")
    report = judged(AppliedRule("within", "Within the study.", within, BY_SUBJECT))
    assert [(total.count, total.rows) for total in report.totals] == [(1, (2,))]
    assert report.skipped == ("2 rows by within: a value is empty",)


def test_a_key_that_repeats_in_the_joined_table_is_refused() -> None:
    within = pl.col("end") <= Joined("subjects").col("left")
    rule = AppliedRule("within", "Within the study.", within, BY_SUBJECT)
    expected = refusal(rule, pl.concat([SUBJECTS, SUBJECTS]))
    assert "several have the same subject" in expected
    # Rows without a key belong to no row.
    nobody = SUBJECTS.select(pl.lit(None).cast(pl.String).alias("subject"), pl.col("left"))
    assert judged(rule, subjects=pl.concat([SUBJECTS, nobody])).error_count == 1


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (True, "returned bool"),
        (pl.lit(value=True), "the same for every row"),
        (pl.col("end").is_null() & pl.col("starts").is_null(), "'starts'. Did you mean 'start'?"),
        (pl.col("start"), "gives Date for a row"),
        (pl.col("start", "end").is_null(), "gives 2 columns for a row"),
    ],
)
def test_what_is_not_one_condition_is_refused(expression: object, expected: str) -> None:
    assert expected in refusal(AppliedRule("odd", "Odd.", expression))


def test_an_expression_of_another_length_is_an_error_and_not_a_shorter_answer() -> None:
    with pytest.raises(pl.exceptions.PolarsError):
        judged(AppliedRule("short", "Short.", pl.col("end").is_not_null().head(2)))


def test_an_expression_may_look_at_the_whole_table() -> None:
    first = pl.col("start") == pl.col("start").min().over("subject")
    assert judged(AppliedRule("first", "First.", first)).ok


def test_a_table_without_rows_satisfies_every_rule() -> None:
    assert judged(ORDERED, ROWS.head(0)).ok


def test_rules_are_stated_as_text_in_a_published_contract() -> None:
    stated = with_words(VISITS, {"ordered": "A visit ends after it starts."})
    again = Contract.from_descriptor(stated.descriptor)
    assert words_of(again) == {"ordered": "A visit ends after it starts."}
    assert with_words(VISITS, {}) is VISITS


@given(
    st.lists(st.tuples(*[st.none() | st.integers(-3, 3)] * 2), max_size=30),
    st.dictionaries(st.integers(-3, 3), st.none() | st.integers(-3, 3)),
)
def test_a_joined_rule_judges_as_a_loop_over_the_rows_does(
    rows: list[tuple[int | None, int | None]], bounds: dict[int, int | None]
) -> None:
    frame = pl.LazyFrame(rows, schema={"k": pl.Int64, "v": pl.Int64}, orient="row")
    other = pl.LazyFrame(
        list(bounds.items()), schema={"k": pl.Int64, "most": pl.Int64}, orient="row"
    )
    contract = Contract("rows", {}, fields=(), fields_match="subset")
    rule = AppliedRule(
        "r", "R.", pl.col("v") <= Joined("t").col("most"), (Join("t", ("k",), ("k",)),)
    )
    report = with_rule(check(frame, contract), frame, rule, contract, {"t": other})

    most = [bounds.get(k) if k is not None else None for k, _ in rows]
    wrong = [
        at
        for at, ((_, v), limit) in enumerate(zip(rows, most, strict=True), start=2)
        if v is not None and limit is not None and v > limit
    ]
    assert report.errors["row"].to_list() == wrong
