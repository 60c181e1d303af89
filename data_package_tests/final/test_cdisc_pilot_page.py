"""What docs/explanation/cdisc-pilot.md says about the tables is so."""

import re
from pathlib import Path

import polars as pl
import pytest

from .test_subjects_against_adsl import DIFFERENCES
from .trial import FINAL_TABLES, collect

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "cdisc-pilot.md"


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    """The cells of the page's tables."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_has_every_table_and_its_rows(rows: list[list[str]]) -> None:
    answer = {row[0]: int(row[2].replace(",", "")) for row in rows if row[0] in FINAL_TABLES}
    assert answer == {table: collect(table).height for table in FINAL_TABLES}


def test_the_page_has_every_difference_from_adsl(rows: list[list[str]]) -> None:
    differences = {difference.field: len(difference.values) for difference in DIFFERENCES}
    answer = {row[0]: int(row[1]) for row in rows if row[0] in differences}
    assert answer == differences
    assert f"{sum(differences.values())} values differ" in PAGE.read_text()


def test_the_page_counts_the_mess() -> None:
    def partial(table: str, date: str = "start_date") -> int:
        return collect(table).filter(pl.col(f"{date}_precision") != "day").height

    events = collect("adverse_events")
    criteria = pl.any_horizontal(
        *("involves_cancer", "congenital_anomaly", "disabling", "results_in_death"),
        *("hospitalisation", "life_threatening", "overdose"),
    )
    counts = {
        r"(\d+) starts of adverse events": partial("adverse_events"),
        r"([\d,]+) of conditions": partial("medical_history"),
        r"([\d,]+) of medications,": partial("concomitant_medications"),
        r"(\d+) ends of medications": partial("concomitant_medications", "end_date"),
        r"([\d,]+) medications that": collect("concomitant_medications")[
            "medication_name"
        ].null_count(),
        r"(\d+) adverse events carry": events.filter(~pl.col("serious") & criteria).height,
        r"\((\d+) true": events["treatment_emergent"].sum(),
    }
    for pattern, count in counts.items():
        found = re.search(pattern, PAGE.read_text())
        assert found is not None, pattern
        assert int(found[1].replace(",", "")) == count, pattern
