"""`data_package.build()` from Python or a notebook."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import data_package
from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.runs import BuildFailed
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER

TABLES = (
    HEADER
    + """
def doubled(frame):
    return frame.with_columns(pl.col("n") * 2)

@dg.asset(group_name="raw")
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"n": [1, 2]})

@dg.asset
def twice(people: pl.LazyFrame) -> pl.LazyFrame:
    return doubled(people)

@dg.asset
async def later(people: pl.DataFrame) -> pl.DataFrame:
    return doubled(people)

@dg.asset
def lonely() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})
"""
)


@pytest.fixture
def project(study: Make) -> Iterator[Study]:
    made = study({"t.py": TABLES})
    yield made
    sys.path[:] = [place for place in sys.path if place != str(made.root)]


def test_a_build_returns_the_facts_of_every_table(project: Study) -> None:
    result = data_package.build(project=project.root)
    assert result.ok
    assert {t.name: (t.group, t.rows, t.columns) for t in result.tables} == {
        "people": ("raw", 2, 1),
        "twice": ("default", 2, 1),
        "later": ("default", 2, 1),
        "lonely": ("default", 1, 1),
    }
    for table in result.tables:
        assert (
            table.size_bytes
            == (project.storage / table.group / f"{table.name}.parquet").stat().st_size
        )
        assert table.seconds is not None
        assert table.peak_memory_bytes


def test_a_failure_is_one_exception_that_holds_the_facts(project: Study) -> None:
    project.write({"t.py": TABLES.replace('pl.col("n") * 2', 'pl.col("m") * 2')})
    with pytest.raises(BuildFailed) as caught:
        data_package.build(project=project.root)
    assert isinstance(caught.value, BuildError)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    result = caught.value.result
    assert result["lonely"].rows == 1
    assert {t.name for t in result.tables if not t.ok} == {"twice", "later"}
    assert "no column 'm'" in str(caught.value)


@pytest.mark.parametrize(
    ("selection", "built"),
    [
        (["lonely"], {"lonely"}),
        (["twice"], {"people", "twice"}),
        (["+twice"], {"people", "twice"}),
        (["people+"], {"people", "twice", "later"}),
        (["group:raw"], {"people"}),
        (["key:*l*e*"], {"people", "later", "lonely"}),
        (["twice", "lonely"], {"people", "twice", "lonely"}),
        (["key:twice or key:lonely"], {"people", "twice", "lonely"}),
    ],
)
def test_a_selection_is_built_with_what_it_needs(
    project: Study, selection: list[str], built: set[str]
) -> None:
    result = project.build(*selection)
    assert {t.name for t in result.tables} == built
    assert result.ok


def test_an_unknown_selection_is_reported_with_a_guess(project: Study) -> None:
    with pytest.raises(ProjectError, match="Did you mean 'people'"):
        data_package.build("peeple", project=project.root)


def test_a_build_in_a_thread_of_a_notebook_is_a_build(project: Study) -> None:
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(data_package.build, project=project.root).result().ok


def test_a_build_inside_a_running_event_loop_is_a_build(project: Study) -> None:
    """As in a notebook, whose cells run in a loop."""
    import asyncio

    async def cell() -> bool:
        return data_package.build("people", "twice", project=project.root).ok

    assert asyncio.run(cell())


def test_a_build_leaves_the_surroundings_as_they_were(project: Study) -> None:
    with unchanged():
        data_package.build("lonely", project=project.root)


@contextmanager
def unchanged() -> Iterator[None]:
    import logging
    import os
    import warnings

    def look() -> tuple[object, ...]:
        mask = os.umask(0o022)
        os.umask(mask)
        return (
            *(os.getcwd(), dict(os.environ), mask, list(warnings.filters)),  # noqa: PTH109
            *(sys.stdout, sys.stderr, logging.getLogger().level, logging.getLogger().handlers[:]),
        )

    before = look()
    yield
    assert look() == before
