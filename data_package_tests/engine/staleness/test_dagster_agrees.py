"""Dagster's own idea of what is stale, as its web pages show it, is that of the lock."""

from typing import Any

import polars as pl
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from data_package.engine.runs.instance import project_instance
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.survey import survey
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import RAW_PEOPLE

pytestmark = pytest.mark.slow

TABLES = (
    RAW_PEOPLE
    + """
LIMIT = 18

@dg.asset
def adults(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(pl.col("age") >= LIMIT)
"""
)


def stale_by_dagster(study: Study) -> set[str]:
    graph = study.definitions().resolve_asset_graph()
    with project_instance(study.project) as instance:
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        return {
            key.to_user_string()
            for key in graph.executable_asset_keys
            if resolver.get_status(key).value != "FRESH"
        }


def stale_by_lock(study: Study) -> set[str]:
    catalogue, _ = open_project(study.project)
    states = survey(catalogue, read_lock(study.project))
    return {name for name, state in states.items() if state.causes}


def test_dagster_and_the_lock_agree_on_what_is_stale(study: Make) -> None:
    project = study({"tables.py": TABLES, "/people.csv": "id,age\n1,20\n2,5\n"})
    assert stale_by_dagster(project) == stale_by_lock(project) == {"people", "adults"}
    assert project.build().ok
    assert stale_by_dagster(project) == stale_by_lock(project) == set()
    project.write({"tables.py": TABLES.replace("LIMIT = 18", "LIMIT = 21")})
    assert stale_by_dagster(project) == stale_by_lock(project) == {"adults"}
    assert project.build().ok
    (project.root / "people.csv").write_text("id,age\n1,20\n2,50\n")
    assert project.build("people").ok
    assert stale_by_dagster(project) == stale_by_lock(project) == {"adults"}
    assert project.build().ok
    assert stale_by_dagster(project) == stale_by_lock(project) == set()


def test_a_run_of_dagsters_command_leaves_both_agreed(study: Make) -> None:
    project = study({"tables.py": TABLES, "/people.csv": "id,age\n1,20\n2,5\n"})
    words = ("asset", "materialize", "--select", "*", "-m", f"{project.package}.definitions")
    done = project.dagster(*words)
    assert done.returncode == 0, done.stderr
    assert stale_by_dagster(project) == stale_by_lock(project) == set()


CONFIGURED = """
import dagster as dg
import polars as pl


class Limit(dg.Config):
    least: int = 2


@dg.asset
def numbers(config: Limit) -> pl.DataFrame:
    return pl.DataFrame({"n": [1, 2, 3]}).filter(pl.col("n") >= config.least)
"""


def height(project: Study) -> int:
    return pl.read_parquet(project.storage / "default" / "numbers.parquet").height


def test_a_table_made_under_a_runs_own_configuration_is_stale(study: Make) -> None:
    project = study({"tables.py": CONFIGURED})
    assert project.build().ok
    definitions = project.definitions()
    with project_instance(project.project) as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        config = {"ops": {"numbers": {"config": {"least": 3}}}}
        assert job.execute_in_process(run_config=config, instance=instance).success
    assert height(project) == 1
    catalogue, _ = open_project(project.project)
    causes = survey(catalogue, read_lock(project.project))["numbers"].causes
    assert [str(cause) for cause in causes] == ["the run's configuration changed"]
    assert project.build().ok
    assert height(project) == 2
    assert stale_by_lock(project) == set()


CONFIGURED_BESIDE = (
    CONFIGURED
    + """

class Unit(dg.ConfigurableResource):
    factor: float = 2.0


class Other(dg.ConfigurableResource):
    size: int = 1


@dg.asset
def plain() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})


@dg.asset
def measured(unit: Unit) -> pl.DataFrame:
    return pl.DataFrame({"n": [unit.factor]})
"""
)
WITH_RESOURCES = """
import STUDY
from data_package.engine.definitions import load_definitions
from STUDY.tables import Other, Unit

defs = load_definitions(STUDY, resources={"unit": Unit(), "other": Other()})
"""


@pytest.mark.parametrize(
    ("config", "stale"),
    [
        # The launchpad of the web pages fills in all defaults.
        ({"ops": {"numbers": {"config": {"least": 2}}}}, set()),
        ({"resources": {"unit": {"config": {"factor": 2.0}}}}, set()),
        ({"ops": {"numbers": {"config": {"least": 3}}}}, {"numbers"}),
        ({"resources": {"unit": {"config": {"factor": 3.0}}}}, {"measured"}),
        ({"resources": {"other": {"config": {"size": 9}}}}, set()),
    ],
)
def test_only_a_tables_own_configuration_that_differs_from_the_defaults_makes_it_stale(
    study: Make, config: dict[str, Any], stale: set[str]
) -> None:
    project = study({"tables.py": CONFIGURED_BESIDE, "definitions.py": WITH_RESOURCES})
    with project_instance(project.project) as instance:
        job = project.definitions().resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(run_config=config, instance=instance).success
    assert stale_by_lock(project) == stale
