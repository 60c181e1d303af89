"""Concomitant medications: what subjects took besides the study treatment."""

import dagster as dg
import polars as pl

from data_package.intermediate.coded_values import blanks_as_null
from data_package.intermediate.iso_dates import date_precision, exact_date, known_date
from data_package.intermediate.numbers import number, whole_number
from data_package.intermediate.vocabularies import EPOCH

DOSE_UNIT = pl.Enum(["mg", "ng", "TABLET"])

FREQUENCY = pl.Enum(["PRN", "Q3H", "Q4H", "Q6H", "QID", "TID", "BID", "QD", "QOD", "QM"])

ROUTE = pl.Enum(
    [
        "AURICULAR (OTIC)",
        "INTRAMUSCULAR",
        "INTRAVENOUS",
        "NASAL",
        "OPHTHALMIC",
        "ORAL",
        "RECTAL",
        "RESPIRATORY (INHALATION)",
        "SUBCUTANEOUS",
        "SUBLINGUAL",
        "TOPICAL",
        "TRANSDERMAL",
        "VAGINAL",
    ]
)


@dg.asset
def concomitant_medications(raw_cm: pl.LazyFrame) -> pl.LazyFrame:
    """One row per medication of a subject as recorded at a visit.

    Most starts are known to the year or month only. The text is what was delivered, the precision
    says how far it goes, and the date is empty unless the day is known. A medication that the
    dictionary does not hold was delivered as "UNCODED": here its name and class are empty.
    """
    return (
        blanks_as_null(raw_cm)
        .select(
            subject_id="USUBJID",
            sequence_number=whole_number("CMSEQ"),
            sponsor_id="CMSPID",
            visit_number=number("VISITNUM"),
            visit_name="VISIT",
            epoch=pl.col("EPOCH").cast(EPOCH),
            reported_name="CMTRT",
            medication_name=where_coded("CMDECOD"),
            medication_class=where_coded("CMCLAS"),
            indication="CMINDC",
            dose=number("CMDOSE"),
            dose_unit=pl.col("CMDOSU").cast(DOSE_UNIT),
            frequency=pl.col("CMDOSFRQ").cast(FREQUENCY),
            route=pl.col("CMROUTE").cast(ROUTE),
            start_date_text="CMSTDTC",
            start_date=known_date("CMSTDTC"),
            start_date_precision=date_precision("CMSTDTC"),
            end_date_text="CMENDTC",
            end_date=known_date("CMENDTC"),
            end_date_precision=date_precision("CMENDTC"),
            recorded_date=exact_date("CMDTC"),
            start_study_day=whole_number("CMSTDY"),
            end_study_day=whole_number("CMENDY"),
            recorded_study_day=whole_number("CMDY"),
        )
        .sort("subject_id", "sequence_number")
    )


def where_coded(column: str) -> pl.Expr:
    """The coded value; null where the dictionary had none."""
    value = pl.col(column)
    return pl.when(value != "UNCODED").then(value)
