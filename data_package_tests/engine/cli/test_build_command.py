"""`data-package build` as a user meets it."""

import json

import pytest

from data_package_tests import prepared
from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER

pytestmark = pytest.mark.slow

TABLES = (
    HEADER
    + """
@dg.asset(group_name="raw")
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"name": ["anna"], "age": [30]})

@dg.asset
def ages(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select("age")

@dg.asset
def other() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})
"""
)
BROKEN = TABLES.replace('people.select("age")', 'people.select("agee")')


def test_a_build_reports_each_table_and_ends_well(study: Make) -> None:
    project = study({"t.py": TABLES})
    done = project.command("build")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for name in ("people", "ages", "other"):
        assert name in done.stdout
    assert "dagster" not in done.stdout.lower()


def test_a_failure_fits_one_screen_and_says_where_and_what(study: Make) -> None:
    project = study({"t.py": BROKEN})
    done = project.verb("build")
    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert len(output.splitlines()) <= 40
    assert "Traceback" not in output
    assert "dagster" not in output.lower()
    assert f"{project.package}/t.py:10" in done.stderr
    assert "no column 'agee'" in done.stderr
    assert (project.storage / "default" / "other.parquet").is_file()
    assert not (project.storage / "default" / "ages.parquet").exists()


def test_the_facts_are_to_be_had_as_json(study: Make) -> None:
    project = study({"t.py": BROKEN})
    done = project.verb("build", "--json")
    assert done.returncode == 1
    facts = json.loads(done.stdout)
    assert facts["ok"] is False
    tables = {table["name"]: table for table in facts["tables"]}
    assert tables["people"]["rows"] == 1
    assert tables["people"]["columns"] == 2
    assert tables["people"]["size_bytes"] > 0
    assert tables["ages"]["status"] == "failed"
    assert "agee" in tables["ages"]["error"]


def test_a_wrong_command_ends_with_two_and_a_hint(study: Make) -> None:
    project = study({"t.py": TABLES})
    for words, hint in (
        (["build", "poeple"], "Did you mean 'people'?"),
        (["build", "--forse"], "--force"),
        (["bild"], "Did you mean 'build'?"),
        (["build", "group:nothing"], "selects no table"),
        (["build", "((("], "selects no table"),
    ):
        done = project.verb(*words)
        assert done.returncode == 2, words
        assert hint in done.stderr, words
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) < 15


def test_a_wrong_project_ends_with_two(study: Make) -> None:
    project = study({"t.py": "import polarss\n"})
    done = project.verb("build")
    assert done.returncode == 2
    assert f"{project.package}/t.py:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_build_from_a_folder_below_is_the_same_build(study: Make) -> None:
    project = study({"deep/er/__init__.py": "", "deep/__init__.py": "", "t.py": TABLES})
    folder = project.root / project.package / "deep" / "er"
    done = prepared.run(("build",), folder, project.environment())
    assert done.returncode == 0, done.stderr
    assert (project.storage / "raw" / "people.parquet").is_file()
    assert {path.name for path in project.root.iterdir()} <= {
        *("storage", "data-package.lock", "pyproject.toml", "dagster.yaml", project.package)
    }


def test_a_build_outside_any_project_says_what_to_do(study: Make) -> None:
    project = study({"t.py": TABLES, "/pyproject.toml": ""})
    done = project.verb("build")
    assert done.returncode == 2
    assert "[tool.data-package]" in done.stderr
    assert "Traceback" not in done.stderr
