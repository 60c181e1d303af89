"""The table that ends a build fits where it is shown."""

import re

import pytest

from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER

CODE = (
    HEADER
    + "@dg.asset\ndef a_table_of_some_name() -> pl.LazyFrame:\n"
    + "    return pl.LazyFrame({'n': [1]})\n"
)
WORDS = ["table", "group", "rows", "columns", "size", "seconds", "peak", "memory", "checks"]


@pytest.mark.slow
def test_a_narrow_terminal_shows_names_and_marks_and_less_of_the_rest(study: Make) -> None:
    project = study({"t.py": CODE})
    project.build()
    for columns in (30, 50, 80, 120):
        answer = project.verb(
            "build", "--force", env={"COLUMNS": str(columns), "FORCE_COLOR": "1"}
        ).stdout
        lines = re.sub(r"\x1b\[[0-9;]*m", "", answer).splitlines()
        assert lines[1].startswith("✓  a_table_of_some_name"), lines
        assert max(map(len, lines)) <= max(columns, 31)
        assert ("peak memory" in lines[0]) is (columns >= 120), lines
    assert len(lines[0].split()) == len(WORDS)


@pytest.mark.slow
def test_a_pipe_gets_all_of_it_in_plain_text(study: Make) -> None:
    answer = study({"t.py": CODE}).verb("build").stdout
    title, row = answer.splitlines()[:2]
    assert "\x1b" not in answer
    assert title.split() == WORDS
    assert re.match(r"✓  a_table_of_some_name  default +1 +1 ", row)
