"""Subjects agree with ADSL, the trial's own analysis data set, but for what is listed here.

ADSL describes the 254 randomised subjects. Every value that differs is in `DIFFERENCES` with
its reason; one more or one less fails here. They are reported in docs/explanation/cdisc-pilot.md.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl
import pytest

from .trial import adam, collect

Values = tuple[object, object]

# Each field of `subjects`, and what it is in the words of ADSL.
IN_ADSL: dict[str, pl.Expr] = {
    "site_id": pl.col("SITEID"),
    "age": pl.col("AGE").cast(pl.Int64),
    "sex": pl.col("SEX"),
    "race": pl.col("RACE"),
    "ethnicity": pl.col("ETHNIC"),
    "years_of_education": pl.col("EDUCLVL").cast(pl.Int64),
    "planned_arm": pl.col("TRT01P"),
    "actual_arm": pl.col("TRT01A"),
    "screening_date": pl.col("VISIT1DT"),
    "first_dose_date": pl.col("TRTSDT"),
    "last_dose_date": pl.col("TRTEDT"),
    "treatment_days": pl.col("TRTDURD").cast(pl.Int64),
    "end_of_study_date": pl.col("RFENDT"),
    "end_of_study_status": pl.col("EOSSTT"),
    "discontinuation_reason": pl.when(pl.col("DCDECOD") != "COMPLETED").then(pl.col("DCDECOD")),
    "baseline_height_cm": pl.col("HEIGHTBL"),
    "baseline_weight_kg": pl.col("WEIGHTBL"),
    "baseline_bmi": pl.col("BMIBL"),
    "intention_to_treat_population": pl.col("ITTFL") == "Y",
    "safety_population": pl.col("SAFFL") == "Y",
    "efficacy_population": pl.col("EFFFL") == "Y",
    "completed_week_8": pl.col("COMP8FL") == "Y",
    "completed_week_16": pl.col("COMP16FL") == "Y",
    "completed_week_24": pl.col("COMP24FL") == "Y",
}

NOT_IN_ADSL = {
    "subject_id": "what the two are matched by",
    "consent_date": "never delivered",
    "participation_end_date": "ADSL ends with the treatment phase",
    "death_date": "ADSL has the fact, compared below, and not the date",
}


@dataclass(frozen=True)
class Difference:
    """Values of a field that differ from ADSL for one reason: ours, then those of ADSL."""

    field: str
    reason: str
    values: dict[str, Values]


DIFFERENCES = (
    Difference(
        "actual_arm",
        "Randomised to the high dose and never given more than the low dose. The delivery, which "
        "is newer than ADSL, counts them to the arm they were treated in; ADSL repeats the "
        "planned arm.",
        dict.fromkeys(
            [
                *("01-701-1181", "01-701-1360", "01-703-1403", "01-705-1382", "01-708-1213"),
                *("01-708-1236", "01-708-1372", "01-709-1329", "01-709-1424", "01-711-1433"),
                *("01-714-1425", "01-716-1030"),
            ],
            ("Xanomeline Low Dose", "Xanomeline High Dose"),
        ),
    ),
    Difference(
        "last_dose_date",
        "The end of the last exposure was not recorded: unknown here; ADSL fills in the end of "
        "the study.",
        {
            "01-704-1233": (None, date(2013, 7, 14)),
            "01-705-1018": (None, date(2013, 7, 12)),
            "01-705-1031": (None, date(2014, 5, 11)),
            "01-705-1303": (None, date(2014, 6, 2)),
            "01-705-1377": (None, date(2014, 3, 7)),
            "01-705-1382": (None, date(2013, 5, 13)),
        },
    ),
    Difference(
        "treatment_days",
        "Follows from the unknown last dose.",
        {
            "01-704-1233": (None, 116),
            "01-705-1018": (None, 8),
            "01-705-1031": (None, 166),
            "01-705-1303": (None, 169),
            "01-705-1377": (None, 63),
            "01-705-1382": (None, 1),
        },
    ),
    Difference(
        "end_of_study_date",
        "Died on the day before the death was recorded: the day of the death here, the day of "
        "the record in ADSL.",
        {"01-710-1083": (date(2013, 8, 2), date(2013, 8, 3))},
    ),
    Difference(
        "discontinuation_reason",
        "The same reason; ADSL has the term that the delivery has since replaced.",
        dict.fromkeys(
            [
                *("01-701-1387", "01-703-1175", "01-703-1335", "01-704-1325", "01-705-1382"),
                "01-708-1372",
            ],
            ("PROTOCOL DEVIATION", "PROTOCOL VIOLATION"),
        ),
    ),
    Difference(
        "baseline_bmi",
        "ADSL divides weight and height that are already rounded to one decimal, and rounds again.",
        {
            "01-701-1133": (28.2, 28.1),
            "01-701-1148": (28.4, 28.3),
            "01-701-1275": (24.5, 24.6),
            "01-701-1287": (23.4, 23.5),
            "01-701-1324": (27.9, 27.8),
            "01-701-1440": (20.3, 20.2),
            "01-701-1442": (40.2, 40.1),
            "01-701-1444": (34.6, 34.5),
            "01-703-1335": (23.1, 23.0),
            "01-704-1260": (19.0, 19.1),
            "01-705-1310": (22.8, 22.7),
            "01-705-1393": (26.8, 26.9),
            "01-708-1216": (25.8, 25.9),
            "01-708-1253": (22.0, 22.1),
            "01-709-1020": (26.0, 25.9),
            "01-709-1168": (27.7, 27.6),
            "01-709-1326": (28.8, 28.7),
            "01-710-1053": (20.9, 20.8),
            "01-710-1154": (32.2, 32.3),
            "01-710-1270": (25.7, 25.6),
            "01-710-1314": (22.7, 22.6),
            "01-713-1106": (19.5, 19.6),
            "01-713-1209": (19.1, 19.2),
            "01-714-1035": (24.7, 24.6),
            "01-714-1375": (25.7, 25.6),
            "01-716-1063": (28.3, 28.4),
            "01-716-1071": (31.9, 32.0),
            "01-717-1357": (24.6, 24.7),
        },
    ),
)


def test_the_randomised_subjects_are_those_of_adsl() -> None:
    randomised = collect("subjects").filter("intention_to_treat_population")
    assert randomised.height == 254
    assert set(randomised["subject_id"]) == set(adam("adsl")["USUBJID"])


def test_arms_have_the_sizes_that_were_published() -> None:
    assert sizes(collect("subjects"), "planned_arm") == {
        "Placebo": 86,
        "Xanomeline Low Dose": 84,
        "Xanomeline High Dose": 84,
        "Screen Failure": 52,
    }
    assert sizes(adam("adsl"), "ARM") == {
        "Placebo": 86,
        "Xanomeline Low Dose": 84,
        "Xanomeline High Dose": 84,
    }


def test_every_field_is_compared_or_cannot_be() -> None:
    assert {*IN_ADSL, *NOT_IN_ADSL} == set(collect("subjects").columns)


@pytest.mark.parametrize("field", IN_ADSL)
def test_a_field_agrees_with_adsl_except_where_the_difference_is_explained(field: str) -> None:
    explained = [difference.values for difference in DIFFERENCES if difference.field == field]
    assert differing(field) == (explained[0] if explained else {})


def test_whoever_died_in_adsl_has_a_date_of_death() -> None:
    both = side_by_side(pl.col("death_date").is_not_null(), pl.col("DTHFL") == "Y")
    assert both["ours"].equals(both["theirs"].fill_null(value=False))
    assert both["ours"].sum() == 3


def test_adsl_repeats_the_planned_arm_where_only_the_low_dose_was_given() -> None:
    assert adam("adsl")["TRT01A"].equals(adam("adsl")["TRT01P"])
    given = collect("exposures").filter(pl.col("subject_id").is_in(subjects_of("actual_arm")))
    assert given["subject_id"].n_unique() == 12
    assert given["dose_mg"].unique().to_list() == [54]


def test_adsl_fills_in_an_unknown_last_dose_with_the_end_of_the_study() -> None:
    both = side_by_side("end_of_study_date", "TRTEDT", subjects_of("last_dose_date"))
    assert both.height == 6
    assert both["ours"].equals(both["theirs"])
    last = collect("exposures").group_by("subject_id", maintain_order=True).last()
    unknown = last.filter(pl.col("end_date").is_null())["subject_id"].to_list()
    assert unknown == subjects_of("last_dose_date") == subjects_of("treatment_days")


def test_adsl_ends_a_study_when_the_death_was_recorded() -> None:
    (subject,) = subjects_of("end_of_study_date")
    dead = collect("subjects").row(by_predicate=pl.col("subject_id") == subject, named=True)
    assert dead["end_of_study_date"] == dead["death_date"]
    record = collect("dispositions").row(
        by_predicate=(pl.col("subject_id") == subject) & (pl.col("event") == "DEATH"), named=True
    )
    both = side_by_side("end_of_study_date", "RFENDT", [subject])
    assert both["theirs"].item() == record["recorded_date"]


def test_rounding_height_and_weight_first_gives_the_body_mass_index_of_adsl() -> None:
    height = one_decimal(pl.col("baseline_height_cm"))
    weight = one_decimal(pl.col("baseline_weight_kg"))
    both = side_by_side(one_decimal(weight / (height / 100) ** 2), "BMIBL")
    assert both["ours"].equals(both["theirs"])
    assert both["ours"].null_count() == 1


def test_the_doses_given_add_up_to_those_of_adsl() -> None:
    given = (
        collect("exposures")
        .join(adam("adsl").rename({"USUBJID": "subject_id"}), on="subject_id")
        .with_columns(end=pl.col("end_date").fill_null(pl.col("TRTEDT")))
        .with_columns(days=(pl.col("end") - pl.col("start_date")).dt.total_days() + 1)
        .group_by("subject_id")
        .agg(
            total=(pl.col("dose_mg") * pl.col("days")).sum().cast(pl.Float64),
            total_in_adsl=pl.col("CUMDOSE").first(),
        )
    )
    assert given.height == 254
    assert given["total"].equals(given["total_in_adsl"])


def differing(field: str) -> dict[str, Values]:
    """The subjects whose value differs from ADSL: ours, and that of ADSL."""
    ours = pl.col(field)
    if collect("subjects").schema[field].base_type() == pl.Enum:
        ours = ours.cast(pl.String)
    if field in {"baseline_height_cm", "baseline_weight_kg"}:
        ours = one_decimal(ours)
    both = side_by_side(ours, IN_ADSL[field])
    different = both.filter(pl.col("ours").ne_missing(pl.col("theirs")))
    return {subject: (mine, theirs) for subject, mine, theirs in different.iter_rows()}


def side_by_side(
    ours: pl.Expr | str, theirs: pl.Expr | str, subjects: list[str] | None = None
) -> pl.DataFrame:
    """An expression over `subjects` beside one over ADSL, by subject."""
    both = (
        adam("adsl")
        .select(subject_id="USUBJID", theirs=theirs)
        .join(collect("subjects").select("subject_id", ours=ours), on="subject_id", how="left")
        .select("subject_id", "ours", "theirs")
        .sort("subject_id")
    )
    return both if subjects is None else both.filter(pl.col("subject_id").is_in(subjects))


def subjects_of(field: str) -> list[str]:
    (difference,) = (difference for difference in DIFFERENCES if difference.field == field)
    return list(difference.values)


def one_decimal(number: pl.Expr) -> pl.Expr:
    return number.round(1, mode="half_away_from_zero")


def sizes(table: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(table.select(pl.col(column).cast(pl.String)).group_by(column).len().iter_rows())
