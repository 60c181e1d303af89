"""Names of tables, from whatever files are called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_package.engine.scaffold.names import identifier, table_name

NAMES = {
    "TrialAdmit.csv": "trial_admit",
    "ADSL.xpt": "adsl",
    "HTTPServer.csv": "http_server",
    "2024_visits.csv": "visits_2024",
    "2024.csv": "table_2024",
    "Größe & Gewicht.csv": "groesse_gewicht",
    "Grüße.csv": "gruesse",  # the umlaut in two characters
    "lab.results.csv.gz": "lab_results",
    "class.csv": "class_table",
    "data_package.csv": "data_package_table",
    "releases.csv": "releases_table",
    "日本.csv": "table",
    ".csv": "table",
    "éclair-crème.tsv": "eclair_creme",
}


@pytest.mark.parametrize(("file", "name"), NAMES.items())
def test_a_file_gives_its_table_a_name(file: str, name: str) -> None:
    assert table_name(Path(file)) == name


def test_two_files_of_one_name_give_two_tables() -> None:
    assert table_name(Path("b/visits.csv"), {"visits"}) == "visits_2"
    assert table_name(Path("c/visits.csv"), {"visits", "visits_2"}) == "visits_3"


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("St. Mark's Hospital", "lists_st_mark_s_hospital"),
        ("Visit.Baseline", "lists_visit_baseline"),
        ("in/out", "lists_in_out"),
        ("", "lists"),
    ],
)
def test_a_sheet_gives_its_table_the_whole_of_its_name(part: str, name: str) -> None:
    assert table_name(Path("lists.xlsx"), part=part) == name


def test_a_long_name_ends_with_a_whole_word() -> None:
    assert table_name(Path(f"{'long_' * 11}ending2020.csv")) == "_".join(["long"] * 11)
    assert table_name(Path(f"{'x' * 80}.csv")) == "x" * 60


@given(st.text(min_size=1, max_size=80))
def test_whatever_a_file_is_called_its_table_has_a_name_that_python_takes(text: str) -> None:
    assert identifier(text).isidentifier()
    assert identifier(text).isascii()
