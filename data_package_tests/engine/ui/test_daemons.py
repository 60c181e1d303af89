"""Backfills, schedules and sensors behind the guard, without `dagster dev`."""

import time
from collections.abc import Callable

import pytest

from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.engine.ui.server import Served, processes_in, served

pytestmark = pytest.mark.slow

TABLES = {
    "raw/__init__.py": "",
    "raw/tables.py": HEADER
    + """
years = dg.StaticPartitionsDefinition(["2021", "2022"])


@dg.asset(partitions_def=years)
def register(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    return pl.LazyFrame({"year": [context.partition_key]})


@dg.asset
def letters() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})


lettering = dg.define_asset_job("lettering", ["letters"])
nightly = dg.ScheduleDefinition("nightly", job=lettering, cron_schedule="0 3 * * *")


@dg.sensor(job=lettering, minimum_interval_seconds=1)
def often() -> dg.RunRequest:
    return dg.RunRequest(run_key="once")
""",
}
BACKFILL = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } } }"""
TRY = """mutation($selector: ScheduleSelector!) {
  scheduleDryRun(selectorData: $selector, timestamp: 1700000000) {
    __typename
    ... on DryRunInstigationTick { evaluationResult { runRequests { runKey } error { message } } }
  }
}"""
SWITCH_ON = """mutation($selector: SensorSelector!) { startSensor(sensorSelector: $selector) {
  __typename ... on UnauthorizedError { message } } }"""


def wait_for(what: Callable[[], bool]) -> None:
    for _ in range(600):
        if what():
            return
        time.sleep(0.2)
    raise AssertionError("it does not come about")


def in_the_project(server: Served, **more: str) -> dict[str, str]:
    location = f"{server.study.package}.definitions"
    return {"repositoryLocationName": location, "repositoryName": "__repository__", **more}


def test_all_partitions_are_made_from_the_pages(study: Make) -> None:
    made = study(TABLES)
    with served(made, "--allow-runs") as server:
        server.log_in()
        params = {
            "assetSelection": [{"path": ["register"]}],
            "partitionNames": ["2021", "2022"],
        }
        reported = server.graphql(BACKFILL, {"params": params}).json["data"][
            "launchPartitionBackfill"
        ]
        assert reported["__typename"] == "LaunchBackfillSuccess", reported

        def is_over() -> bool:
            answer = server.graphql(STATUS, {"id": reported["backfillId"]}).json["data"]
            status = answer["partitionBackfillOrError"]["status"]
            assert status not in ("FAILED", "COMPLETED_FAILED"), status
            return bool(status == "COMPLETED_SUCCESS")

        wait_for(is_over)
        assert server.stop() == 0
    names = sorted(path.stem for path in (made.storage / "raw" / "register").rglob("*.parquet"))
    assert names == ["2021", "2022"]
    assert processes_in(made.root) == []


def test_a_tick_can_be_tried_where_runs_may_be_started(study: Make) -> None:
    made = study(TABLES)
    with served(made, "--allow-runs") as server:
        server.log_in()
        selector = in_the_project(server, scheduleName="nightly")
        reported = server.graphql(TRY, {"selector": selector}).json["data"]["scheduleDryRun"]
        assert reported["__typename"] == "DryRunInstigationTick", reported
        assert len(reported["evaluationResult"]["runRequests"]) == 1
        sensor = in_the_project(server, sensorName="often")
        assert server.graphql(SWITCH_ON, {"selector": sensor}).is_refused


def test_a_sensor_that_is_switched_on_starts_its_run_where_there_is_a_daemon(study: Make) -> None:
    made = study(TABLES)
    with served(made, "--daemon") as server:
        server.log_in()
        selector = in_the_project(server, sensorName="often")
        reported = server.graphql(SWITCH_ON, {"selector": selector}).json["data"]["startSensor"]
        assert reported["__typename"] == "Sensor", reported
        wait_for((made.storage / "raw" / "letters.parquet").is_file)
        assert server.stop() == 0
    assert processes_in(made.root) == []
