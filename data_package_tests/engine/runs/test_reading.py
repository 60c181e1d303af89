"""A table by its name, only as long as it is fresh."""

import subprocess
import time
from typing import NoReturn

import pytest

from data_package import read, scan
from data_package.engine.errors import ProjectError
from data_package.engine.runs.fresh_table import States, files_of
from data_package_tests.conftest import Make

TABLES = """
import dagster as dg
import polars as pl

@dg.asset
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"who": ["a", "b"], "age": [71717171, 2]})

@dg.asset
def ages(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select("age")
"""


def test_no_process_is_started_for_a_table_that_a_build_left_fresh(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study({"tables.py": TABLES})
    assert made.build().ok
    time.sleep(0.06)  # A file that was saved this very moment is never taken for unchanged.
    made.build()

    def refuse(*args: object, **options: object) -> NoReturn:
        raise BlockingIOError

    monkeypatch.setattr(subprocess, "run", refuse)
    assert read("ages", project=made.root)["age"].to_list() == [71717171, 2]
    assert read("people", project=made.root, stale=True).columns == ["who", "age"]
    with pytest.raises(ProjectError, match=r"There is no table 'aegs'\. Did you mean 'ages'"):
        scan("aegs", project=made.root)
    made.write({"tables.py": TABLES.replace('select("age")', 'select(pl.col("age") + 1)')})
    with pytest.raises(BlockingIOError):
        read("ages", project=made.root)


@pytest.mark.slow
def test_a_fresh_table_is_found_by_its_name_and_a_stale_one_refused(study: Make) -> None:
    made = study({"tables.py": TABLES})
    assert made.build("ages", "people").ok
    assert scan("ages", project=made.root).collect()["age"].to_list() == [71717171, 2]
    made.write({"tables.py": TABLES.replace('select("age")', 'select(pl.col("age") + 1)')})
    with pytest.raises(ProjectError, match="'ages' is not fresh") as refused:
        read("ages", project=made.root)
    assert "stale=True" in str(refused.value)
    assert "71717171" not in str(refused.value)
    assert read("ages", project=made.root, stale=True)["age"].to_list() == [71717171, 2]
    made.write({"tables.py": "def broken(:"})
    with pytest.raises(ProjectError):
        read("ages", project=made.root, stale=True)


def test_a_table_without_a_file_is_reported_with_what_to_do() -> None:
    states: States = {"ages": {"files": ["ages.parquet"], "fresh": True}, "later": {"files": []}}
    for stale in (True, False):
        assert files_of("ages", states, stale=stale) == ["ages.parquet"]
        with pytest.raises(ProjectError, match=r"'later' has not been built\..*build later"):
            files_of("later", states, stale=stale)
        with pytest.raises(ProjectError, match=r"There is no table 'aegs'\. Did you mean 'ages'"):
            files_of("aegs", states, stale=stale)
