"""What Dagster would find in a module is used, or named with its place and the way to use it."""

import dagster as dg
import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.states import Status
from data_package.engine.tables import failures
from data_package.engine.tables.catalogue import catalogue_of
from data_package_tests.conftest import Make, Study

HEADER = """\
import types

import dagster as dg
import polars as pl

def table(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name)
    def made() -> pl.DataFrame:
        return pl.DataFrame({"n": [1]})
    return made

people = table("people")
"""


def names(project: Study) -> set[str]:
    keys = project.definitions().resolve_asset_graph().get_all_asset_keys()
    return {key.to_user_string() for key in keys}


def refused(project: Study) -> str:
    with pytest.raises(ProjectError) as caught:
        project.build()
    return str(caught.value)


@pytest.mark.parametrize(
    "held",
    [
        "many = [table('a'), [table('b')]]",
        "many = {'x': table('a'), 'y': {'z': (table('b'),)}}",
        "many = types.SimpleNamespace(a=table('a'), b=table('b'))",
        "class Many:\n    a = table('a')\n    inner = [table('b')]",
        "some = dg.Definitions(assets=[table('a'), table('b')])",
        "@dg.definitions\ndef some():\n    return dg.Definitions(assets=[table('a'), table('b')])",
        "some = dg.Definitions.merge(*(dg.Definitions(assets=[table(n)]) for n in 'ab'))",
    ],
)
def test_assets_are_found_wherever_a_module_holds_them(study: Make, held: str) -> None:
    assert names(study({"tables.py": f"{HEADER}\n{held}\n"})) == {"people", "a", "b"}


ITEMS = """\
from pathlib import Path

import dagster as dg
import polars as pl
from data_package import source_file

delivery = source_file("delivery", "delivery.csv")

@dg.asset
def first(delivery: Path) -> pl.LazyFrame:
    return pl.scan_csv(delivery)

@dg.asset
def second(first: pl.LazyFrame) -> pl.LazyFrame:
    return first

@dg.asset_check(asset="first")
def good() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)
"""


@pytest.mark.parametrize(
    ("held", "group"),
    [
        ("some = dg.load_assets_from_package_module(core)", "core"),
        ("some = dg.load_assets_from_modules([core.items], group_name='given')", "given"),
        (
            "some = dg.Definitions(dg.load_assets_from_package_module(core, group_name='given'),"
            " asset_checks=dg.load_asset_checks_from_modules([core.items]))",
            "given",
        ),
    ],
)
def test_assets_that_a_project_loads_from_its_modules_are_each_one_asset(
    study: Make, held: str, group: str
) -> None:
    assets = f"import dagster as dg\nfrom STUDY import core\nfrom STUDY.core import items\n{held}\n"
    files = {"core/__init__.py": "", "core/items.py": ITEMS, "assets.py": assets}
    result = study(files | {"/delivery.csv": "n\n1\n"}).build()
    assert result.ok, result.explain()
    assert {table.name: table.group for table in result.tables} == {
        "first": group, "second": group,
    }  # fmt: skip
    assert [check.name for check in result["first"].checks] == ["good"]


def test_jobs_schedules_sensors_and_checks_are_found_alone_and_in_definitions(study: Make) -> None:
    more = """
nightly = dg.define_asset_job("nightly", selection="people")
daily = dg.ScheduleDefinition(name="daily", cron_schedule="0 3 * * *", target="people")

@dg.asset_check(asset="people")
def good():
    return dg.AssetCheckResult(passed=True)

@dg.sensor(job=nightly)
def seen(): ...

years = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-03")

@dg.asset(partitions_def=years)
def days():
    return pl.DataFrame({"n": [1]})

by_day = dg.build_schedule_from_partitioned_job(dg.define_asset_job("daily_days", "days"))

@dg.definitions
def others():
    return dg.Definitions(jobs=[dg.define_asset_job("weekly", selection="*")], asset_checks=[good])
"""
    project = study({"tables.py": HEADER + more})
    definitions = project.definitions()
    assert {job.name for job in definitions.resolve_all_job_defs()} >= {"nightly", "weekly"}
    assert definitions.resolve_schedule_def("daily").name == "daily"
    assert definitions.resolve_schedule_def("daily_days_schedule").job_name == "daily_days"
    assert definitions.resolve_sensor_def("seen").name == "seen"
    assert [check.name for check in project.build()["people"].checks] == ["good"]


def test_source_and_observable_assets_are_inputs_like_any_external_asset(study: Make) -> None:
    more = """
feed = dg.SourceAsset("feed")

@dg.observable_source_asset
def watched():
    return dg.DataVersion("1")

@dg.multi_observable_source_asset(specs=[dg.AssetSpec("one"), dg.AssetSpec("two")])
def several():
    yield dg.ObserveResult(asset_key="one")

@dg.asset(deps=[feed, watched, "one"])
def side() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})
"""
    project = study({"tables.py": HEADER + more})
    assert names(project) == {"people", "feed", "watched", "side", "one", "two"}
    assert project.build().ok
    assert not project.build().tables


def test_a_client_of_pipes_in_a_module_is_given_to_the_functions_that_ask_for_it(
    study: Make,
) -> None:
    more = """
@dg.asset
def outside(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient) -> None:
    assert pipes

pipes = dg.PipesSubprocessClient()
"""
    assert study({"tables.py": HEADER + more}).build().ok


def test_an_asset_of_elsewhere_that_is_read_as_a_table_is_reported(study: Make) -> None:
    more = """
warehouse = dg.AssetSpec("warehouse")

@dg.asset
def report(warehouse: pl.DataFrame) -> pl.DataFrame:
    return warehouse
"""
    result = study({"tables.py": HEADER + more}).build()
    assert "'warehouse' is not made by this project" in result.explain()


RESOURCE = """
class Limit(dg.ConfigurableResource):
    most: int

    def keep(self, frame):
        return frame.filter(pl.col("n") <= self.most)

@dg.asset
def few(people: pl.DataFrame, limit: Limit) -> pl.DataFrame:
    return limit.keep(people)
"""


@pytest.mark.parametrize(
    "given",
    [
        "limit = Limit(most={})",
        "others = dg.Definitions(resources={{'limit': Limit(most={})}})",
        "@dg.definitions\ndef others():\n"
        "    return dg.Definitions(resources={{'limit': Limit(most={})}})",
    ],
)
def test_a_resource_in_a_module_is_given_and_its_values_are_inputs(study: Make, given: str) -> None:
    project = study({"tables.py": HEADER + RESOURCE + given.format(5)})
    assert project.build()["few"].rows == 1
    assert not project.build().tables
    project.write({"tables.py": HEADER + RESOURCE + given.format(0)})
    result = project.build()
    assert [(table.name, table.rows) for table in result.tables] == [("few", 0)]
    project.write({"tables.py": HEADER + RESOURCE.replace("<=", ">") + given.format(0)})
    assert project.build()["few"].rows == 1


DOOR = """\
import STUDY
import dagster as dg
from data_package.engine.definitions import load_definitions
from STUDY.tables import *

defs = load_definitions(STUDY{})
"""


def test_load_definitions_is_given_resources_io_managers_executor_and_loggers(study: Make) -> None:
    more = """
@dg.asset(io_manager_key="pick", group_name="models")
def model(few: pl.DataFrame) -> dict:
    return {"n": 1}
"""
    given = (
        ", resources={'limit': Limit(most=MOST), 'pick': dg.InMemoryIOManager()},"
        "executor=dg.in_process_executor, loggers={'other': dg.colored_console_logger}"
    )
    tables = HEADER + RESOURCE + more
    project = study(
        {"tables.py": tables, "definitions.py": DOOR.format(given.replace("MOST", "5"))}
    )
    definitions = project.definitions()
    executor = definitions.executor
    assert isinstance(executor, dg.ExecutorDefinition)
    assert executor.name == dg.in_process_executor.name
    assert set(definitions.loggers or {}) == {"console", "other"}
    assert project.build()["few"].rows == 1
    assert not project.build().tables
    project.write({"definitions.py": DOOR.format(given.replace("MOST", "0"))})
    assert project.build()["few"].status is Status.BUILT


@pytest.mark.parametrize(
    ("more", "others", "expected"),
    [
        (RESOURCE, {}, "'few' asks for the resource 'limit', which does not exist."),
        (
            RESOURCE + "limit = Limit(most=1)",
            {"two.py": "from STUDY.tables import Limit\nlimit = Limit(most=2)"},
            "Two resources are called 'limit'",
        ),
        (
            "",
            {"definitions.py": DOOR.format(", resources={'io_manager': 1}")},
            "which is the IO manager of the tables",
        ),
        ("d = dg.Definitions(executor=dg.in_process_executor)", {}, "executor=…) in"),
        (
            "@dg.definitions\ndef d(context: dg.ComponentLoadContext): ...",
            {},
            "load_from_defs_folder",
        ),
        (
            "@dg.definitions\ndef d():\n    raise ValueError('no such thing')",
            {},
            "tables.py:15: the module",
        ),
        (
            "@dg.asset\ndef a(people, limit: int = 5): ...",
            {},
            "A constant goes to the top of the module.",
        ),
        (
            "",
            {"definitions.py": DOOR.format("") + "\n@dg.asset\ndef late(): ...\n"},
            "'late' is defined in definitions.py",
        ),
        ("j = dg.define_asset_job('j', 'peolpe')", {}, "The job 'j' selects what does not exist"),
        (
            "@dg.op\ndef o(): ...\n@dg.graph_asset\ndef g():\n    return o()\n",
            {},
            "Write it as one function under @dg.asset.",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place_and_what_to_do(
    study: Make, more: str, others: dict[str, str], expected: str
) -> None:
    assert expected in refused(study({"tables.py": HEADER + more} | others))


def test_a_component_is_named_by_each_build(study: Make) -> None:
    project = study({"tables.py": HEADER, "defs/one/defs.yaml": "type: dagster.X"})
    done = project.verb("build")
    assert done.returncode == 0, done.stderr
    assert "defs/one/defs.yaml: a component, which is not loaded here." in done.stderr


def test_an_asset_of_others_that_is_merged_is_not_a_table_of_a_build(study: Make) -> None:
    merged = (
        DOOR.format("").replace("from STUDY.tables import *", "")
        + """
@dg.asset(key_prefix="dbt")
def mart(): ...

defs = dg.Definitions.merge(defs, dg.Definitions(assets=[mart]))
"""
    )
    project = study({"tables.py": HEADER, "definitions.py": merged})
    assert project.build().ok
    done = project.verb("build", "dbt/mart")
    assert done.returncode == 2
    assert "'dbt/mart' is not made by this project's functions" in done.stderr


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("@dg.asset(groupname='x')\ndef a(): ...", "unexpected keyword argument 'groupname'"),
        ("@dg.asset(group_name='a b')\ndef a(): ...", '"a b" is not a valid asset group name'),
        ("@dg.asset\ndef b(*frames): ...", "positional vararg parameter '*frames'"),
        ("x = pl.read_csv('codes.csv')", "FileNotFoundError: codes.csv does not exist."),
        ("x = open('codes.csv')", "FileNotFoundError: codes.csv does not exist."),
        ("assert 1 > 6, 'limit must be over six'", "AssertionError: limit must be over six"),
        ("x = {}['a key']", "KeyError: no key 'a key'"),
        ("dg.ScheduleDefinition(name='x', cron_schedule='often', target='*')", "'often'"),
    ],
)
def test_an_error_of_an_import_keeps_what_is_in_the_users_own_code(
    study: Make, line: str, expected: str
) -> None:
    message = refused(study({"tables.py": f"import dagster as dg\nimport polars as pl\n{line}\n"}))
    assert "tables.py:3: the module" in message
    assert expected in message


@pytest.mark.parametrize(
    "line",
    [
        "int('0101' + '90-1234')",
        "raise KeyError('0101' + '90-1234')",
        "open('0101' + '90-1234')",
        "dg.AssetSpec('0101' + '90-1234' + ' ?')",
        "pl.read_csv('0101' + '90-1234')",
        "dg.asset(group_name='0101' + '90-1234')(lambda: None)",
        "dg.ScheduleDefinition(name='x', cron_schedule='0101' + '90-1234', target='*')",
    ],
)
def test_an_error_of_an_import_quotes_no_value(study: Make, line: str) -> None:
    message = refused(study({"tables.py": f"import dagster as dg\nimport polars as pl\n{line}\n"}))
    assert "010190-1234" not in message


def test_show_values_shows_the_original_error_of_an_import(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(failures, "show_original", lambda _, error: shown.append(str(error)))
    refused(study({"tables.py": "import dagster as dg\nint('0101' + '90-1234')\n"}))
    assert "010190-1234" in shown[0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("pl.sql('select * from nowhere', eager=True)", "names a table that it has not been given"),
        ("pl.DataFrame({'a': [object()]})", "holds Python objects"),
    ],
)
def test_fixed_messages_of_polars_are_reported(study: Make, query: str, expected: str) -> None:
    project = study({"tables.py": f"{HEADER}\n@dg.asset\ndef a(): return {query}\n"})
    assert expected in project.build().explain()


def test_checks_that_could_not_speak_are_reported(study: Make) -> None:
    made = study(
        {
            "t.py": HEADER
            + """
@dg.asset
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})

@dg.asset_check(asset="people")
def yes(people: pl.DataFrame):
    return True

@dg.asset_check(asset="poeple")
def misspelt():
    return dg.AssetCheckResult(passed=True)
"""
        }
    )
    result = made.build()
    assert not result.ok
    assert "returned bool, which is not a result" in result.explain()
    (note,) = catalogue_of(made.project).notes
    assert "the check 'misspelt' is not made" in note
    assert "Did you mean 'people'?" in note


def test_an_unset_variable_of_a_resource_is_named(study: Make) -> None:
    made = study(
        {
            "t.py": HEADER
            + """
class Register(dg.ConfigurableResource):
    password: str

register = Register(password=dg.EnvVar("REGISTER_PASSWORD"))

@dg.asset
def people(register: Register) -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})
"""
        }
    )
    with pytest.raises(ProjectError, match=r"REGISTER_PASSWORD is not set.* 'register' takes"):
        made.build()


def test_a_variable_that_a_resource_within_another_takes_is_named(study: Make) -> None:
    made = study(
        {
            "t.py": HEADER
            + """
class Login(dg.ConfigurableResource):
    secrets: dict[str, str]

class Register(dg.ConfigurableResource):
    login: Login

register = Register(login=Login(secrets={"password": dg.EnvVar("REGISTER_PASSWORD")}))

@dg.asset
def people(register: Register) -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})

@dg.asset
def others() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})
"""
        }
    )
    assert made.build("others").ok
    with pytest.raises(ProjectError, match=r"REGISTER_PASSWORD is not set.* 'register' takes"):
        made.build()


WITH_RESOURCES = (
    HEADER
    + """
class Limit(dg.ConfigurableResource):
    most: int

@dg.asset
def few(limit: Limit) -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1] * limit.most})

given = dg.with_resources([few], {"limit": Limit(most=2)OWN})
"""
)


def test_assets_with_resources_of_their_own_are_kept_as_tables(study: Make) -> None:
    made = study({"t.py": WITH_RESOURCES.replace("OWN", "")})
    assert made.build()["few"].rows == 2
    assert not made.build().tables


def test_assets_that_are_given_the_tables_io_manager_are_refused(study: Make) -> None:
    made = study({"t.py": WITH_RESOURCES.replace("OWN", ', "io_manager": dg.fs_io_manager')})
    assert "t: 'few' is given an IO manager as the resource 'io_manager'" in refused(made)


def test_what_a_module_has_and_a_build_does_not_use_is_named(study: Make) -> None:
    made = study(
        {
            "t.py": HEADER
            + """
@dg.asset
def few() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})

class One(dg.Component):
    def build_defs(self, context): return dg.Definitions()

@dg.component_instance
def one(context) -> One: return One()

defs = dg.Definitions(resources={"io_manager": dg.FilesystemIOManager(base_dir="data")})
"""
        }
    )
    assert made.build().ok
    component, manager = catalogue_of(made.project).notes
    assert component.startswith(f"{made.package}/t.py:21: a component, which is not loaded here.")
    assert manager.startswith(f"{made.package}.t: the IO manager 'io_manager' is not used")
