"""Vital signs: blood pressure, pulse, temperature, height and weight."""

import dagster as dg
import polars as pl

from data_package.intermediate.coded_values import blanks_as_null, marked
from data_package.intermediate.iso_dates import exact_date
from data_package.intermediate.numbers import number, whole_number
from data_package.intermediate.vocabularies import EPOCH

TEST_CODE = pl.Enum(["DIABP", "HEIGHT", "PULSE", "SYSBP", "TEMP", "WEIGHT"])
POSITION = pl.Enum(["STANDING", "SUPINE"])
LOCATION = pl.Enum(["EAR", "ORAL CAVITY"])
REPORTED_UNIT = pl.Enum(["beats/min", "C", "cm", "F", "in", "kg", "LB", "mmHg"])
UNIT = pl.Enum(["beats/min", "C", "cm", "kg", "mmHg"])


@dg.asset
def vital_signs(raw_vs: pl.LazyFrame) -> pl.LazyFrame:
    """One row per vital sign that was to be measured at a visit.

    A result is given twice: as reported, with its leading zeros gone, and in the standard unit
    that makes sites comparable. A measurement that was not done has neither. The delivery's text
    for when in a posture it was taken is the number of minutes beside the position.
    """
    return (
        blanks_as_null(raw_vs)
        .select(
            subject_id="USUBJID",
            sequence_number=whole_number("VSSEQ"),
            visit_number=number("VISITNUM"),
            visit_name="VISIT",
            epoch=pl.col("EPOCH").cast(EPOCH),
            test_code=pl.col("VSTESTCD").cast(TEST_CODE),
            test_name="VSTEST",
            position=pl.col("VSPOS").cast(POSITION),
            minutes_in_position=minutes_in_position(),
            location=pl.col("VSLOC").cast(LOCATION),
            not_done=pl.col("VSSTAT").eq_missing(pl.lit("NOT DONE")),
            reported_result=pl.col("VSORRES").cast(pl.Float64),
            reported_unit=pl.col("VSORRESU").cast(REPORTED_UNIT),
            result=number("VSSTRESN"),
            unit=pl.col("VSSTRESU").cast(UNIT),
            baseline=marked("VSBLFL"),
            measured_date=exact_date("VSDTC"),
            study_day=whole_number("VSDY"),
        )
        .sort("subject_id", "sequence_number")
    )


def minutes_in_position() -> pl.Expr:
    """The minutes of an ISO 8601 duration such as "PT5M"; any other unit is an error."""
    minutes = pl.col("VSELTM").str.strip_prefix("PT").str.strip_suffix("M")
    return minutes.cast(pl.Int64)
