"""A walk through the pages of a project that has one of everything and was built in part."""

import json
from pathlib import Path

import pytest

from data_package_tests.browser import CHROMIUM, Tab, browser
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.engine.ui.server import Served, served
from data_package_tests.engine.ui.test_pages import hosts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

SECRET = "Zwetschge"
PROJECT = {
    "raw/__init__.py": "",
    "raw/tables.py": HEADER
    + """
from data_package import source_file

people_file = source_file("people_file", "people.csv")
years = dg.StaticPartitionsDefinition(["2021", "2022"])


@dg.asset
def people(people_file: Path) -> pl.LazyFrame:
    \"\"\"One row per person.\"\"\"
    return pl.scan_csv(people_file)


@dg.asset(partitions_def=years)
def register(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    \"\"\"Who was registered in a year.\"\"\"
    return pl.LazyFrame({"year": [context.partition_key]})
""",
    "intermediate/__init__.py": "",
    "intermediate/tables.py": HEADER
    + """
from STUDY.helper import first


class Units(dg.ConfigurableResource):
    factor: float


units = Units(factor=2.0)


@dg.asset
def weights(people: pl.DataFrame, units: Units) -> pl.DataFrame:
    return people.with_columns(weight=pl.col("age") * units.factor)


@dg.asset_check(asset="weights")
def few_missing() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset
def results(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(pl.col("name").cast(pl.Int64))


@dg.asset
def after_results(results: pl.LazyFrame) -> pl.LazyFrame:
    return results


@dg.asset
def firsts(people: pl.LazyFrame) -> pl.LazyFrame:
    return first(people)


@dg.asset
def after_firsts(firsts: pl.LazyFrame) -> pl.LazyFrame:
    return firsts


weighing = dg.define_asset_job("weighing", ["weights"])
nightly = dg.ScheduleDefinition("nightly", job=weighing, cron_schedule="0 3 * * *")


@dg.sensor(job=weighing)
def deliveries() -> None: ...
""",
    "helper.py": "def first(frame):\n    return frame.head(1)\n",
    "final/__init__.py": "",
    "final/old.py": HEADER
    + """
@dg.asset
def old(people: pl.LazyFrame) -> pl.LazyFrame:
    return people
""",
    "final/old.yaml": "schema:\n  fields:\n    - {name: name, description: As told.}\n"
    "    - {name: age, type: integer, constraints: {minimum: 18}}\n",
    "/people.csv": f"name,age\nanna,20\n{SECRET},7\n",
}
# What is edited after the build: a helper, so that tables are stale, and a new table.
EDITED = {
    "helper.py": "def first(frame):\n    return frame.head(2)\n",
    "intermediate/newer.py": HEADER
    + "\n\n@dg.asset\ndef newer(firsts: pl.LazyFrame) -> pl.LazyFrame:\n    return firsts\n",
}
# What each page says, by its path; LOC is the code location, RUN the build.
READING = {
    "/assets": ("after_results", "people_file", "Materialized", "Failed", "All"),
    "/assets/people": ("One row per person.", "Row count", "Parquet", "peak_memory_bytes"),
    "/assets/people?view=events": ("Materialized in run", "dagster/row_count"),
    "/assets/old": ("minimum: 18", "As told.", "data_dictionary"),
    "/assets/old?view=checks": ("contract", "blocking", "by_rule", "rows_checked"),
    "/assets/old?view=lineage": ("people", "data_package"),
    "/assets/weights?view=checks": ("few_missing", "non-blocking", "Failed"),
    "/assets/register?view=partitions": ("Materialized (2)", "Missing (0)"),
    "/assets/newer": ("Never materialized",),
    "/assets/after_firsts": ("Unsynced (1)",),
    "/assets/people_file": ("As delivered: people.csv.", "External Asset", "files"),
    "/asset-groups": ("raw", "intermediate", "final", "package", "Materialize all"),
    "/runs": ("data-package/started_by: build", "Failure"),
    "/runs/RUN": ("cannot be converted from str to i64", "blocking asset check failed", "Levels"),
    "/overview/activity/timeline": ("Jobless asset materializations",),
    "/overview/resources": ("units", "Units"),
    "/jobs": ("weighing",),
    "/locations/LOC/jobs/weighing": ("weights", "Materialize"),
    "/automation": ("deliveries", "nightly"),
    "/locations/LOC/schedules/nightly": ("At 03:00 AM UTC", "scheduler daemon is not running"),
    "/locations/LOC/sensors/deliveries": ("Sensor has never run", "daemon is not running"),
    "/deployment/locations": ("Loaded", "Reload all"),
    "/deployment/daemons": ("Sensors", "Not running"),
    "/deployment/concurrency": ("No pool limits",),
    "/deployment/config": ("telemetry", "EventLog"),
}
RUNNING = {
    "/assets/register": ("Materialize…",),
    "/runs/RUN": ("RUN_FAILURE", "Re-execute all"),
    "/locations/LOC/jobs/weighing/playground": ("Launch Run", "factor"),
    "/locations/LOC/schedules/nightly": ("Preview tick result",),
    "/deployment/concurrency": ("No pool limits",),
    "/deployment/daemons": ("Scheduler", "Freshness Daemon", "Running"),
}
NOWHERE = ("stdout", "stderr", "Add pool limit", "dagster-daemon documentation")
SHOWN = """(words => [...document.querySelectorAll('button, a')].some(
  e => e.innerText.trim() === words && e.checkVisibility()))"""


def walk(
    server: Served, tab: Tab, run: str, pages: dict[str, tuple[str, ...]], nowhere: tuple[str, ...]
) -> None:
    """Visit pages: each says what it should, and nothing that leads nowhere or is secret."""
    location = f"__repository__@{server.study.package}.definitions"
    for path, words in pages.items():
        tab.go(path.replace("LOC", location).replace("RUN", run))
        assert SECRET not in tab.wait_for(*words)
        assert [one for one in nowhere if tab.ask(f"{SHOWN}({json.dumps(one)})")] == [], path


def built(project: Study) -> str:
    assert project.verb("build").returncode == 1
    return str(json.loads(project.verb("history", "--json").stdout)[0]["run"])


def test_every_page_shows_the_true_state_and_offers_only_what_works(
    study: Make, tmp_path: Path
) -> None:
    project = study(PROJECT)
    run = built(project)
    project.write(EDITED)
    ours = set()
    with browser(tmp_path) as tab:
        with served(project) as server:
            ours.add(server.host)
            tab.open(server.facts["link"])
            tab.wait_for("Catalog", "To start runs: data-package ui --allow-runs")
            walk(server, tab, run, READING, (*NOWHERE, "Preview tick result"))
            tab.go("/assets/firsts")
            tab.hover("Unsynced (1)")
            tab.wait_for("1 code version change", "helper first changed")
            assert server.stop() == 0
        with served(project, "--daemon") as server:
            ours.add(server.host)
            tab.open(server.facts["link"])
            assert "data-package ui --allow-runs" not in tab.wait_for("Catalog")
            walk(server, tab, run, RUNNING, NOWHERE)
            breaks_and_is_repaired(project, tab)
            is_executed_again(tab, run)
            assert hosts(tab.requests) == ours
            assert server.stop() == 0


def breaks_and_is_repaired(project: Study, tab: Tab) -> None:
    """Code that cannot be imported is reported where it is loaded again, and so is its repair."""
    place = project.root / project.package / "final" / "old.py"
    before = place.read_text()
    tab.go("/deployment/locations")
    tab.wait_for("Loaded")
    place.write_text(before + "\nx = {}['a key']\n")
    tab.click("Reload all", kind="button")
    tab.wait_for("Code location error", "final/old.py:10", "KeyError: no key 'a key'")
    place.write_text(before)
    tab.click("Reload again", kind="button")
    tab.wait_until(lambda: "Code location error" not in tab.text)
    assert "Unexpected GraphQL error" not in tab.wait_for("Loaded")


def is_executed_again(tab: Tab, run: str) -> None:
    """A build is executed again from its page, which follows the new run to its end."""
    tab.go(f"/runs/{run}")
    tab.wait_for("RUN_FAILURE")
    tab.click("Re-execute all (*)", kind="button")
    text = tab.wait_for("Re-executions", "ROOT", "RUN_FAILURE", "cannot be converted")
    assert str(tab.ask("location.pathname")) != f"/runs/{run}"
    assert "people" in text
