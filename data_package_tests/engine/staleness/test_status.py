"""What `status` says: of the data package above tables in any state, and of causes of many."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from data_package.engine.cli.verbs import command
from data_package.engine.graph.project_graph import graph_of
from data_package.engine.staleness.assess import Cause, CauseKind
from data_package.engine.staleness.lock import Lock, read_lock
from data_package.engine.staleness.roots import Root
from data_package.engine.staleness.status import ProjectStatus, explain, explanation, status_of
from data_package.engine.staleness.survey import survey
from data_package.engine.states import PackageState, State
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study, new_study

TABLES = """
import dagster as dg
import polars as pl
from STUDY.rules import LIMIT


@dg.asset(group_name="raw")
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1, 2, 3]})


@dg.asset(group_name="final")
def adults(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(pl.col("id") > LIMIT)


@dg.asset(group_name="final")
def counts(adults: pl.LazyFrame) -> pl.LazyFrame:
    return adults.select(n=pl.len().cast(pl.Int64))
"""
CONTRACT = """
title: T
description: D.
schema:
  fields: [{name: NAME, type: integer, title: A, description: B.}]
"""


def a_study(folder: Path) -> Study:
    return new_study(
        folder,
        {
            "tables.py": TABLES,
            "rules.py": "LIMIT = 1\n",
            "adults.yaml": CONTRACT.replace("NAME", "id"),
            "counts.yaml": CONTRACT.replace("NAME", "n"),
            "datapackage.yaml": "name: s\ntitle: S\n",
        },
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Study:
    made = a_study(tmp_path_factory.mktemp("built"))
    assert made.build().ok
    return made


@pytest.fixture
def study_as_built(built: Study, tmp_path: Path) -> Study:
    """A copy of a project that has been built; what it is called is what it was called."""
    root = tmp_path / built.root.name
    shutil.copytree(built.root, root)
    return Study(root, built.package)


def opened(study: Study) -> Catalogue:
    study.forget()
    return open_project(study.project)[0]


def status(study: Study, catalogue: Catalogue | None = None) -> ProjectStatus:
    return status_of(catalogue or opened(study), read_lock(study.project))


def stale(study: Study) -> None:
    study.write({"rules.py": "LIMIT = 2\n"})


def missing(study: Study) -> None:
    (study.storage / "final" / "adults.parquet").unlink()


def failed(study: Study) -> None:
    study.write({"rules.py": "LIMIT = 'a'\n"})
    assert not study.build("adults").ok


def changed_outside(study: Study) -> None:
    shutil.copy(study.storage / "raw/people.parquet", study.storage / "final/counts.parquet")


def nothing(_study: Study) -> None:
    pass


def older(study: Study) -> None:
    study.write({"datapackage.yaml": "name: s\ntitle: Another\n"})


def unpublished(study: Study) -> None:
    shutil.rmtree(study.storage / "package")


def edited(study: Study) -> None:
    readme = study.storage / "package" / "README.md"
    readme.write_text(readme.read_text() + "edited\n")


def deleted(study: Study) -> None:
    (study.storage / "package" / "datapackage.json").unlink()


@pytest.mark.parametrize("of_tables", [nothing, stale, missing, failed, changed_outside])
def test_the_word_for_the_data_package_is_right_above_tables_in_any_state(
    study_as_built: Study, of_tables: Callable[[Study], None], tmp_path: Path
) -> None:
    of_tables(study_as_built)
    catalogue = opened(study_as_built)
    as_built = PackageState.UP_TO_DATE if of_tables is nothing else PackageState.OF_LAST_BUILD
    kept = tmp_path / "kept"
    shutil.copytree(study_as_built.storage / "package", kept)
    for of_package, right in {
        nothing: as_built,
        edited: PackageState.CHANGED_OUTSIDE,
        deleted: PackageState.CHANGED_OUTSIDE,
        unpublished: PackageState.NOT_PUBLISHED,
        older: PackageState.OUT_OF_DATE,
    }.items():
        of_package(study_as_built)
        found = status(study_as_built, catalogue)
        assert found.package is right, of_package.__name__
        assert found.to_dict()["package"] == right.in_json != "that of the last build"
        assert found.is_fresh == (of_tables is nothing and of_package is nothing)
        shutil.rmtree(study_as_built.storage / "package", ignore_errors=True)
        shutil.copytree(kept, study_as_built.storage / "package")


def test_a_build_of_one_table_says_that_it_does_not_publish(study_as_built: Study) -> None:
    from data_package.engine.runs.progress import unpublished_line

    stale(study_as_built)
    result = study_as_built.build("adults")
    assert result.ok
    assert result.to_dict()["unpublished"] is True
    assert unpublished_line(result).endswith("To publish: data-package build")
    assert status(study_as_built).package is PackageState.OUT_OF_DATE
    again = study_as_built.build("adults")
    assert again.tables == ()
    assert unpublished_line(again)
    whole = study_as_built.build()
    assert whole.package_path is not None
    assert unpublished_line(whole) == ""
    assert unpublished_line(study_as_built.build("adults")) == ""


def test_why_ends_with_the_command_that_also_publishes(study_as_built: Study) -> None:
    stale(study_as_built)
    catalogue = opened(study_as_built)
    for name in ("adults", "counts"):
        words = explain(name, catalogue, read_lock(study_as_built.project))
        assert words.endswith("Build it, and publish the data package: data-package build")
    facts = explanation("adults", catalogue, read_lock(study_as_built.project)).to_dict()
    first = facts["causes"][0]  # type: ignore[index]
    assert (facts["state"], first["kind"]) == ("stale", "code changed")
    assert json.dumps(facts)


def test_a_table_whose_check_has_not_been_made_is_not_called_fresh(study_as_built: Study) -> None:
    text = CONTRACT.replace("NAME", "id").replace("B.}", "B., constraints: {minimum: 3}}")
    study_as_built.write({"adults.yaml": text})
    catalogue = opened(study_as_built)
    tables = {table.name: table for table in status(study_as_built, catalogue).tables}
    assert tables["adults"].state is State.NOT_CHECKED
    assert tables["adults"].reason == "it has not been checked"
    words = explain("adults", catalogue, read_lock(study_as_built.project))
    assert words.startswith("adults is fresh, but:\n  it has not been checked")
    result = study_as_built.build()
    assert not result.ok
    tables = {table.name: table for table in status(study_as_built).tables}
    assert tables["adults"].state is State.FAILED
    assert tables["adults"].to_dict()["fresh"] is False


def test_one_cause_is_one_line_with_all_that_follows_from_it(tmp_path: Path) -> None:
    many = "".join(
        f"\n\n@dg.asset\ndef t{n:02}() -> pl.LazyFrame:\n"
        "    return pl.LazyFrame({'n': [WEIGHT]})\n"
        f"\n\n@dg.asset\ndef u{n:02}(t{n:02}: pl.LazyFrame) -> pl.LazyFrame:\n    return t{n:02}\n"
        for n in range(10)
    )
    made = new_study(
        tmp_path,
        {
            "common.py": "\nWEIGHT = 1\n",
            "tables.py": "import dagster as dg\nimport polars as pl\n"
            + f"from STUDY.common import WEIGHT\n{many}",
        },
    )
    assert made.build().ok
    made.write({"common.py": "\nWEIGHT = 2\n"})
    found = status(made)
    (root,) = found.roots
    assert root.tables == tuple(f"t{n:02}" for n in range(10))
    assert root.consequences == tuple(f"u{n:02}" for n in range(10))
    place = f"{made.package}/common.py:2"
    assert str(root) == (
        f"constant WEIGHT in {place} changed → 20 tables: t00, t01, t02, … 17 more"
    )
    facts = json.loads(json.dumps(found.to_dict()))["roots"]
    assert facts == [
        {
            "cause": "constant WEIGHT changed",
            "place": place,
            "tables": list(root.tables),
            "consequences": list(root.consequences),
        }
    ]


def test_the_line_of_a_cause_names_what_there_is() -> None:
    missing_file = Cause(CauseKind.MISSING)
    assert str(Root(missing_file, ("a",))) == "its file is missing → a"
    assert str(Root(missing_file, ("a",), ("b",))) == "its file is missing → 2 tables: a, b"
    assert str(Root(Cause(CauseKind.CHECK, "whole"), ("a",))) == "its check whole failed → a"


def test_tables_are_listed_by_group_then_as_the_data_flow_then_by_name(study: Make) -> None:
    heads = {"z": "raw", "b": "raw", "m": "intermediate", "k": "cohort", "a": "final", "c": "final"}
    takes = {"m": "z", "k": "m", "c": "k", "a": "c"}
    made = study(
        {
            "tables.py": "import dagster as dg\nimport polars as pl\n"
            + "".join(
                f"\n\n@dg.asset(group_name='{group}')\n"
                f"def {name}({takes[name] + ': pl.LazyFrame' if name in takes else ''})"
                " -> pl.LazyFrame:\n    return pl.LazyFrame({'n': [1]})\n"
                for name, group in heads.items()
            )
        }
    )
    order = ["b", "z", "m", "k", "c", "a"]
    catalogue = opened(made)
    assert [table.name for table in catalogue.listed] == order
    found = status(made, catalogue)
    assert [table.name for table in found.tables] == order
    assert [*survey(catalogue, read_lock(made.project))] == order
    assert [
        node.name for node in graph_of(catalogue, found, Lock(), with_runs=False).nodes
    ] == order
    (root,) = found.roots
    assert str(root) == "never built → 6 tables: b, z, m, … 3 more"
    assert [table.name for table in made.build("z", "b", "k").tables] == ["b", "z", "m", "k"]


def test_status_shows_what_is_not_fresh_and_a_count(
    study_as_built: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale(study_as_built)
    study_as_built.forget()
    monkeypatch.chdir(study_as_built.root)

    def call(*words: str) -> str:
        study_as_built.forget()
        return CliRunner().invoke(command, ["status", *words]).stdout

    shown = call()
    assert [line.split()[0] for line in shown.splitlines()[1:3]] == ["adults", "counts"]
    assert "people" not in shown
    assert shown.endswith(
        "\n1 of 3 tables are fresh. The data package is that of the last build.\n"
    )
    assert "people" in call("--all")
    assert call("people") == "1 of 1 tables are fresh.\n"
    assert json.loads(call("people", "--json"))["fresh"] is True
