"""The history tells what ran, when, and what it took, and never a value of a row."""

import json
import shutil
from datetime import datetime, timedelta

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.history import command
from data_package.engine.errors import ProjectError
from data_package.engine.runs.instance import project_instance
from data_package_tests.conftest import Make, Study

pytestmark = pytest.mark.slow

TABLES = """
import dagster as dg
import polars as pl

@dg.asset
def names() -> pl.LazyFrame:
    return pl.LazyFrame({"who": ["Karen Jespersen", "Ole Lund"], "age": [71717171, 42424242]})

@dg.asset
def ages(names: pl.LazyFrame) -> pl.LazyFrame:
    return names.select("age")
"""
BROKEN = TABLES.replace('select("age")', 'select(pl.col("who").str.to_integer())')
THREE = TABLES.replace('"Ole Lund"]', '"Ole Lund", "Bo"]').replace("42424242]", "42424242, 3]")
VALUES = ("Karen", "Lund", "71717171", "42424242")


def history(*words: str) -> Result:
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert not any(value in result.output for value in VALUES)
    return result


@pytest.fixture
def made(study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study that was built, built again without need, changed, and broken."""
    new = study({"tables.py": TABLES})
    monkeypatch.chdir(new.root)
    assert new.build().ok
    assert new.build().run_id is None
    assert new.write({"tables.py": THREE}).build().ok
    assert not new.write({"tables.py": BROKEN}).build().ok
    return new


def test_runs_and_tables_are_reported_newest_first(made: Study) -> None:
    facts = json.loads(history("--json").output)
    assert [run["status"] for run in facts] == ["failure", "success", "success"]
    assert [run["built"] for run in facts] == [["names"], ["names", "ages"], ["names", "ages"]]
    assert [run["failed"] for run in facts] == [["ages"], [], []]
    assert {run["started_by"] for run in facts} == {"data-package build"}
    assert all(run["seconds"] > 0 for run in facts)
    moments = [datetime.fromisoformat(run["when"]) for run in facts]
    assert moments == sorted(moments, reverse=True)
    assert datetime.now().astimezone() - moments[0] < timedelta(minutes=5)

    assert len(json.loads(history("--json", "--limit", "1").output)) == 1
    table = history()
    assert table.exit_code == 0
    assert table.output.splitlines()[0].split()[:2] == ["when", "status"]
    assert "ages" in table.output.splitlines()[1]

    facts = json.loads(history("names", "--json").output)
    assert [line["rows"] for line in facts] == [2, 3, 2]
    assert [line["changed"] for line in facts] == [True, True, None]
    assert {line["columns"] for line in facts} == {2}
    assert all(line["size_bytes"] > 0 and line["peak_memory_bytes"] > 0 for line in facts)
    assert all(line["seconds"] >= 0 for line in facts)
    assert facts[0]["data_version"] == facts[2]["data_version"]

    (latest,) = json.loads(history("names", "--json", "-n", "1").output)
    assert latest["changed"] is True
    assert history("names").output.splitlines()[0].split()[:2] == ["when", "rows"]
    with pytest.raises(ProjectError, match="Did you mean 'names'") as caught:
        history("nmaes")
    assert caught.value.exit_code == 2


def test_partitions_are_distinguished(study: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    new = study(
        {
            "tables.py": """
                import dagster as dg
                import polars as pl

                @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2019", "2020"]))
                def visits(context) -> pl.LazyFrame:
                    return pl.LazyFrame({"a": [1] * int(context.partition_key[3:])})
                """
        }
    )
    monkeypatch.chdir(new.root)
    job = new.definitions().resolve_implicit_global_asset_job_def()
    with project_instance(new.project) as instance:
        for year in ("2019", "2020", "2019"):
            assert job.execute_in_process(partition_key=year, instance=instance).success
    facts = json.loads(history("visits", "--json").output)
    assert [(line["partition"], line["changed"]) for line in facts] == [
        ("2019", False),
        ("2020", None),
        ("2019", None),
    ]
    assert "partition" in history("visits").output
    assert json.loads(history("--json").output)[0]["started_by"] == "dagster"
    shutil.rmtree(new.storage / ".dagster")
    assert history("visits").output == "visits has no history.\n"


def test_before_the_first_run_there_is_nothing_to_tell(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study({"tables.py": TABLES}).root)
    assert history().output == "Nothing has been run yet.\n"
    assert json.loads(history("--json").output) == []


def test_a_build_of_all_tables_records_which_they_were(made: Study) -> None:
    # Executed again from its page, a run without a selection is one of all that there is by then.
    with project_instance(made.project) as instance:
        chosen = [run.asset_selection for run in instance.get_runs()]
    keys = {"names": dg.AssetKey("names"), "ages": dg.AssetKey("ages")}
    assert all(one is not None and keys["names"] in one for one in chosen)
    assert set(keys.values()) <= set(chosen[-1] or ())
