"""Projects in the shape of Dagster's own examples build, with at most what its page names."""

from data_package.engine.states import Status
from data_package_tests.conftest import Make

# Stories are fetched by number, put into a pandas frame, and counted in a figure.
STORIES = """\
import base64
import json
import os

import pandas as pd
from dagster import AssetExecutionContext, MaterializeResult, MetadataValue, asset
from STUDY.service import Service


@asset(group_name="stories", compute_kind="Service")
def story_numbers(service: Service) -> None:
    '''The numbers of the newest stories.'''
    os.makedirs("data", exist_ok=True)
    with open("data/story_numbers.json", "w") as file:
        json.dump(service.newest(), file)


@asset(deps=[story_numbers], group_name="stories", compute_kind="Service")
def stories(context: AssetExecutionContext, service: Service) -> pd.DataFrame:
    '''Title and words of each story.'''
    with open("data/story_numbers.json") as file:
        numbers = json.load(file)
    frame = pd.DataFrame([service.story(number) for number in numbers])
    context.add_output_metadata(
        {"records": len(frame), "preview": MetadataValue.md("not shown")}
    )
    return frame


@asset(group_name="stories", compute_kind="Plot")
def most_frequent_words(stories: pd.DataFrame) -> MaterializeResult:
    '''The words that stand in most titles.'''
    words = stories["title"].str.split().explode().value_counts()
    image = base64.b64encode(words.to_json().encode()).decode()
    return MaterializeResult(metadata={"plot": MetadataValue.md(f"![img](data:{image})")})
"""
SERVICE = """\
import dagster as dg


class Service(dg.ConfigurableResource):
    titles: list[str]

    def newest(self):
        return list(range(len(self.titles)))

    def story(self, number):
        return {"number": number, "title": self.titles[number]}
"""
QUICKSTART = """\
from dagster import Definitions, ScheduleDefinition, define_asset_job
from STUDY.service import Service

all_assets_job = define_asset_job(name="all_assets_job")

defs = Definitions(
    jobs=[all_assets_job],
    schedules=[ScheduleDefinition(job=all_assets_job, cron_schedule="0 0 * * *")],
    resources={"service": Service(titles=["one two", "two"])},
)
"""


def test_a_quickstart_with_pandas_a_resource_a_job_and_a_schedule_builds_unchanged(
    study: Make,
) -> None:
    project = study({"assets.py": STORIES, "service.py": SERVICE, "automation.py": QUICKSTART})
    done = project.verb("build")
    assert done.returncode == 0, done.stdout + done.stderr
    result = project.build()
    assert result.ok
    assert not result.tables
    definitions = project.definitions()
    assert definitions.resolve_job_def("all_assets_job").asset_layer is not None
    assert definitions.resolve_schedule_def("all_assets_job_schedule").cron_schedule == "0 0 * * *"
    project.write({"automation.py": QUICKSTART.replace('"two"]', '"two", "three"]')})
    done = project.verb("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {word for word in ("story_numbers", "stories") if word in done.stdout}


# Prices, bands around them and what leaves the bands, each a pandas frame; helpers stand aside.
BANDS = """\
import pandas as pd
from dagster import Config, asset
from STUDY import lib


class BandConfig(Config):
    rate: int = 2


@asset
def prices() -> pd.DataFrame:
    '''Prices by day.'''
    return lib.load_prices()


@asset
def bands(prices: pd.DataFrame, config: BandConfig) -> pd.DataFrame:
    '''A band around the price of each name.'''
    return prices.groupby("name", group_keys=False)[["close"]].agg(
        upper=("close", lambda c: c.mean() + config.rate), lower=("close", "min")
    )


@asset
def anomalous(prices: pd.DataFrame, bands: pd.DataFrame) -> pd.DataFrame:
    '''Prices above their band.'''
    return lib.outside(prices, bands)
"""
LIB = """\
import pandas as pd


def load_prices():
    return pd.DataFrame({"name": ["a", "a", "b"], "close": [1.0, 9.0, 5.0]})


def outside(prices, bands):
    both = prices.merge(bands, on="name")
    return both[both["close"] > both["upper"]][["name", "close"]]
"""


def test_a_project_of_pandas_frames_builds_unchanged_and_runs_what_a_change_touches(
    study: Make,
) -> None:
    project = study({"assets.py": BANDS, "lib.py": LIB})
    result = project.build()
    assert result.ok, result.explain()
    assert {table.name: table.rows for table in result.tables} == {
        "prices": 3, "bands": 2, "anomalous": 1,
    }  # fmt: skip
    assert not project.build().tables
    project.write({"lib.py": LIB.replace('> both["upper"]', '>= both["upper"]')})
    assert [table.name for table in project.build().tables] == ["anomalous"]
    project.write({"assets.py": BANDS.replace("rate: int = 2", "rate: int = 9")})
    changed = project.build()
    assert changed["bands"].status is Status.BUILT
    assert changed["anomalous"].rows == 0


FORMS = """\
import datetime

import dagster as dg
import polars as pl

sites = dg.StaticPartitionsDefinition(["berlin", "essen"])
cells = dg.MultiPartitionsDefinition(
    {"year": dg.StaticPartitionsDefinition(["2021", "2022"]), "site": sites}
)


@dg.success_hook
def heard(context): ...


@dg.resource(config_schema={"most": int})
def limit(context):
    return context.resource_config["most"]


limit_of_two = limit.configured({"most": 2})
elsewhere = [dg.AssetSpec("calendar"), dg.AssetSpec("holidays", deps=["calendar"])]


@dg.asset(partitions_def=cells)
def visits(context: dg.AssetExecutionContext) -> pl.DataFrame:
    keys = context.partition_key.keys_by_dimension
    return pl.DataFrame({"year": [keys["year"]], "site": [keys["site"]]})


@dg.asset(hooks={heard}, deps=["holidays"], automation_condition=dg.AutomationCondition.eager())
def all_visits(visits: dict[str, pl.DataFrame]) -> dg.Output[pl.DataFrame]:
    return dg.Output(pl.concat(visits.values()), metadata={"source": "visits"})


@dg.asset(
    required_resource_keys={"limit_of_two"},
    config_schema={"extra": dg.Field(int, default_value=1)},
)
def few(context, all_visits: pl.DataFrame) -> dg.MaterializeResult:
    rows = context.resources.limit_of_two + context.op_execution_context.op_config["extra"]
    return dg.MaterializeResult(value=all_visits.head(rows))


def made(number):
    @dg.asset(name=f"made_{number}", group_name="made")
    def _made() -> pl.DataFrame:
        return pl.DataFrame({"number": [number]})

    return _made


several = [made(number) for number in range(3)]


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec("any", asset="few"), dg.AssetCheckSpec("all", asset="few")]
)
def checked(few: pl.DataFrame):
    for name in ("any", "all"):
        yield dg.AssetCheckResult(passed=few.height == 3, check_name=name)


recent = dg.build_last_update_freshness_checks(
    assets=["all_visits"], lower_bound_delta=datetime.timedelta(hours=1)
)
columns = dg.build_column_schema_change_checks(assets=["all_visits"])
freshness = dg.build_sensor_for_freshness_checks(freshness_checks=recent)
by_kind = dg.define_asset_job("by_kind", selection=dg.AssetSelection.groups("made").downstream())


@dg.op
def greet():
    return 1


@dg.job
def greeting():
    greet()


@dg.run_failure_sensor
def failed(context: dg.RunFailureSensorContext): ...


@dg.asset_sensor(asset_key=dg.AssetKey("few"), job=by_kind)
def after_few(context, event):
    return dg.RunRequest()


defs = dg.Definitions.merge(
    dg.Definitions(
        jobs=[greeting],
        schedules=[dg.ScheduleDefinition(job=greeting, cron_schedule="@hourly")],
    ),
    dg.Definitions(sensors=[after_few]),
)
"""


def test_forms_of_dagsters_documentation_build_unchanged_in_one_project(study: Make) -> None:
    project = study({"tables.py": FORMS})
    result = project.build()
    assert result.ok, result.explain()
    assert {table.name: table.rows for table in result.tables} == {
        "visits": 4, "all_visits": 4, "few": 3, "made_0": 1, "made_1": 1, "made_2": 1,
    }  # fmt: skip
    assert {one.name for one in project.definitions().resolve_all_job_defs()} >= {
        "by_kind", "greeting"
    }  # fmt: skip
    assert not project.build().tables
