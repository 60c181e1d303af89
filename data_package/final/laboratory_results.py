"""Laboratory results: chemistry, haematology, urinalysis and other tests as one table."""

import dagster as dg
import polars as pl

from data_package.intermediate.coded_values import blanks_as_null, marked
from data_package.intermediate.iso_dates import known_date, known_time
from data_package.intermediate.numbers import (
    number,
    result_comparator,
    result_number,
    whole_number,
)
from data_package.intermediate.vocabularies import EPOCH

CATEGORY = pl.Enum(["CHEMISTRY", "HEMATOLOGY", "URINALYSIS", "OTHER"])

TEST_CODE = pl.Enum(
    [
        *("ALB", "ALP", "ALT", "ANISO", "AST", "BASO", "BILI", "CA", "CHOL", "CK", "CL", "COLOR"),
        *("CREAT", "EOS", "GGT", "GLUC", "HBA1C", "HCT", "HGB", "K", "KETONES", "LYM", "MACROCY"),
        *("MCH", "MCHC", "MCV", "MICROCY", "MONO", "PH", "PHOS", "PLAT", "POIKILO", "POLYCHR"),
        *("PROT", "RBC", "SODIUM", "SPGRAV", "TSH", "URATE", "UREAN", "UROBIL", "VITB12", "WBC"),
    ]
)

RANGE_INDICATOR = pl.Enum(["LOW", "NORMAL", "HIGH", "ABNORMAL"])


@dg.asset
def laboratory_results(
    raw_lbch: pl.LazyFrame, raw_lbhe: pl.LazyFrame, raw_lbur: pl.LazyFrame
) -> pl.LazyFrame:
    """One row per laboratory result, the three delivered panels together.

    The panels number their results in one sequence per subject, so they share a primary key.

    A result below what the method can measure is delivered as text, "<" and a number. The text
    is kept, `result` is its number and `result_comparator` the "<"; the result is exact only
    where the comparator is empty. Numbers are read from the text, which has none of the noise
    of the delivered floats. A sample's time is known to the minute, and in some rows not at all.
    """
    return (
        pl.concat([raw_lbch, raw_lbhe, raw_lbur])
        .pipe(blanks_as_null)
        .select(
            subject_id="USUBJID",
            sequence_number=whole_number("LBSEQ"),
            visit_number=number("VISITNUM"),
            visit_name="VISIT",
            epoch=pl.col("EPOCH").cast(EPOCH),
            category=pl.col("LBCAT").cast(CATEGORY),
            test_code=pl.col("LBTESTCD").cast(TEST_CODE),
            test_name="LBTEST",
            reported_result_text="LBORRES",
            reported_unit="LBORRESU",
            result_text="LBSTRESC",
            result=result_number("LBSTRESC"),
            result_comparator=result_comparator("LBSTRESC"),
            unit="LBSTRESU",
            reference_range_low=number("LBSTNRLO"),
            reference_range_high=number("LBSTNRHI"),
            reference_range_indicator=pl.col("LBNRIND").cast(RANGE_INDICATOR),
            baseline=marked("LBBLFL"),
            collection_date=known_date("LBDTC"),
            collection_time=known_time("LBDTC"),
            study_day=whole_number("LBDY"),
        )
        .sort("subject_id", "sequence_number")
    )
