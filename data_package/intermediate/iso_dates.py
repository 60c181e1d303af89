"""Dates and times as SDTM delivers them: ISO 8601 text that stops where knowledge stops.

"2012" is some day of that year, "2012-07" some day of that month, "2012-07-09T14:30" a minute of
that day. Nothing here makes up a missing month, day or time: a table keeps the text, says with
`date_precision` how far it goes, and has a real date only where the day is known.
"""

import polars as pl

DATE_PRECISION = pl.Enum(["year", "month", "day"])


def exact_date(column: str) -> pl.Expr:
    """The date of a text that is always a complete date; a partial one is an error."""
    return pl.col(column).str.to_date("%Y-%m-%d")


def known_date(column: str) -> pl.Expr:
    """The date where the text gives year, month and day, with or without a time; null elsewhere.

    A complete date that is not in the calendar is an error.
    """
    return pl.col(column).str.extract(r"^(\d{4}-\d{2}-\d{2})(?:T.*)?$").str.to_date("%Y-%m-%d")


def known_time(column: str) -> pl.Expr:
    """The time of day where the text gives one; null elsewhere.

    A time delivered without seconds is the start of its minute.
    """
    time = pl.col(column).str.extract(r"T(\d{2}:\d{2}(?::\d{2})?)$")
    return time.str.replace(r"^(\d{2}:\d{2})$", "${1}:00").str.to_time("%H:%M:%S")


def date_precision(column: str) -> pl.Expr:
    """How much of the date is known: its year, its month or its day; null where nothing is."""
    text = pl.col(column)
    return (
        pl.when(text.str.contains(r"^\d{4}$"))
        .then(pl.lit("year"))
        .when(text.str.contains(r"^\d{4}-\d{2}$"))
        .then(pl.lit("month"))
        .when(text.str.contains(r"^\d{4}-\d{2}-\d{2}(?:T.*)?$"))
        .then(pl.lit("day"))
        .cast(DATE_PRECISION)
    )


def earliest_date(column: str) -> pl.Expr:
    """The first day that a partial date can mean: for comparisons, never for publication."""
    padded = pl.concat_str(pl.col(column), pl.lit("-01-01"))
    return padded.str.slice(0, len("YYYY-MM-DD")).str.to_date("%Y-%m-%d")
