"""The command looks for garbage again once the project is loaded; others are left alone."""

import gc
from collections.abc import Iterator

import pytest

from data_package.engine import garbage
from data_package_tests.conftest import Make


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_garbage_is_looked_for_again_once_the_project_is_loaded(study: Make) -> None:
    project = study(
        {
            "tables.py": "import dagster as dg\nimport polars as pl\n\n\n@dg.asset\n"
            "def a() -> pl.DataFrame:\n    return pl.DataFrame({'n': [1]})\n"
        }
    )
    garbage.put_off()
    assert not gc.isenabled()
    assert project.build().ok
    assert gc.isenabled()
    assert gc.get_freeze_count()


def test_a_program_that_looks_for_none_is_left_alone() -> None:
    gc.disable()
    garbage.begin_again()
    assert not gc.isenabled()
    assert not gc.get_freeze_count()
