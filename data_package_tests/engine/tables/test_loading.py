"""A package with nothing but functions in it is a project."""

import sys

import pytest

from data_package_tests.conftest import Make, Study

TABLES = """
import dagster as dg
import polars as pl


@dg.asset
def letters() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})
"""


def bare(study: Make) -> Study:
    made = study({"raw/__init__.py": "", "raw/tables.py": TABLES})
    (made.root / made.package / "definitions.py").unlink()
    (made.root / "dagster.yaml").unlink()
    return made


@pytest.mark.slow
def test_a_package_needs_no_file_for_dagster(study: Make) -> None:
    made = bare(study)
    assert made.build().ok
    assert (made.storage / "raw" / "letters.parquet").is_file()
    assert made.build().fresh == 1


@pytest.mark.slow
def test_two_such_projects_in_one_process_are_kept_apart(study: Make) -> None:
    first, second = bare(study), bare(study)
    second.write({"raw/tables.py": TABLES.replace("letters", "digits")})
    assert [table.name for table in first.build().tables] == ["letters"]
    assert [table.name for table in second.build().tables] == ["digits"]


@pytest.mark.slow
def test_the_commands_of_dagster_take_it_by_the_engines_name(study: Make) -> None:
    made = bare(study)
    command = made.run(
        sys.executable, "-m", "dagster", "asset", "list", "-m", "data_package.engine.current"
    )
    assert command.returncode == 0, command.stderr
    assert "letters" in command.stdout
