"""Tables of which each takes the one before, more than Python calls go deep by themselves."""

import pytest

from data_package.engine.staleness.lock import lock_of
from data_package.engine.staleness.plan import Request, plan_work
from data_package.engine.tables.loading import open_project
from data_package_tests.bench import same_tables
from data_package_tests.conftest import Make

pytestmark = pytest.mark.stress


def test_a_row_of_more_tables_than_python_calls_go_deep_is_planned(study: Make) -> None:
    text = same_tables.data_package(1200)["same_tables/tables.py"]
    project = study({"tables.py": text, f"/{same_tables.RAW}": "id,a,b,c\n1,2,3,4\n"})
    catalogue, job = open_project(project.project)
    work = plan_work(Request(), job, catalogue, lock_of(project.project))
    assert len(work.tables) == 1200
