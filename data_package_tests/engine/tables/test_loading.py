"""A package with nothing but functions in it is a project."""

import pytest

from data_package.engine.errors import ProjectError
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
def test_two_such_projects_in_one_process_are_distinguished(study: Make) -> None:
    first, second = bare(study), bare(study)
    second.write({"raw/tables.py": TABLES.replace("letters", "digits")})
    assert [table.name for table in first.build().tables] == ["letters"]
    assert [table.name for table in second.build().tables] == ["digits"]


@pytest.mark.slow
def test_the_commands_of_dagster_take_it_by_the_engines_name(study: Make) -> None:
    made = bare(study)
    command = made.dagster("asset", "list", "-m", "data_package.engine.current")
    assert command.returncode == 0, command.stderr
    assert "letters" in command.stdout


@pytest.mark.parametrize(
    ("table", "group"), [("t" * 300, "raw"), ("t", "g" * 300), ("t" * 201, "raw")]
)
def test_a_name_that_no_file_could_have_is_refused_with_its_place(
    table: str, group: str, study: Make
) -> None:
    code = (
        "import dagster as dg\nimport polars as pl\n\n"
        f"@dg.asset(group_name={group!r})\n"
        f"def {table}() -> pl.LazyFrame:\n    return pl.LazyFrame({{'a': [1]}})\n"
    )
    made = study({"tables.py": code})
    with pytest.raises(
        ProjectError, match=r"tables\.py:4: the name '[tg]{40}…' is (300|201) bytes"
    ):
        made.build()
    # What can be built can be named so.
    made.write({"tables.py": code.replace(table, table[:200]).replace(group, group[:200])})
    assert made.build().ok
