"""What is known to be wrong is reported before a build, all at once, and nothing runs."""

import sys

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.status import status_of
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study

HEAD = """
from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

"""
CONTRACT = "schema:\n  fields: [{name: n, type: integer}]\n"


def fault_of(study: Study, *select: str) -> str:
    with pytest.raises(ProjectError) as error:
        study.build(*select)
    assert error.value.exit_code == 2
    assert read_lock(study.project).names == set()
    return str(error.value)


def table(name: str, takes: str = "", gives: str = "pl.LazyFrame", group: str = "raw") -> str:
    return (
        f'@dg.asset(group_name="{group}")\ndef {name}({takes}) -> {gives}:\n'
        '    return pl.LazyFrame({"n": [1]})\n\n\n'
    )


@pytest.mark.parametrize("count", [1, 2, 40])
def test_all_raw_files_that_are_missing_are_reported_at_once(study: Make, count: int) -> None:
    names = [f"f{at:02}" for at in range(count)]
    files = "".join(f'{name}_file = source_file("{name}_file", "{name}.csv")\n' for name in names)
    takes = ", ".join(f"{name}_file: Path" for name in names[:2])
    rest = "".join(table(f"t_{name}", f"{name}_file: Path") for name in names[2:])
    made = study({"tables.py": HEAD + files + "\n\n" + table("both", takes) + rest})
    expected = fault_of(made)
    for name in names:
        assert f"{name}_file" in expected
    assert "Put the file" in expected
    assert len(expected.splitlines()) < 24
    with pytest.raises(ProjectError) as error:
        status_of(open_project(made.project)[0], read_lock(made.project))
    assert str(error.value) == expected


def test_all_that_is_wrong_is_reported_together(study: Make) -> None:
    made = study(
        {
            "tables.py": HEAD
            + 'a_file = source_file("a_file", "a.csv")\n\n\n'
            + table("x", "a_file: Path", group="final")
            + table("y", "x: int", group="final"),
            "datapackage.yaml": "name: s\ntitel: S\n",
        }
    )
    expected = fault_of(made)
    assert "a_file" in expected
    assert "'x' has no contract" in expected
    assert "'y' has no contract" in expected
    assert "Did you mean 'title'?" in expected
    assert f"{made.package}/tables.py:" in expected
    assert "'y' takes the table 'x' as int" in expected


def test_a_build_that_does_not_publish_needs_no_contract(study: Make) -> None:
    made = study({"tables.py": HEAD + table("x", group="final") + table("z", group="final")})
    facts = status_of(open_project(made.project)[0], read_lock(made.project)).to_dict()
    assert "'x' has no contract" in str(facts["faults"])
    assert facts["fresh"] is False
    assert made.build("x").ok
    made.write({"x.yaml": CONTRACT, "z.yaml": CONTRACT})
    assert made.build().ok
    facts = status_of(open_project(made.project)[0], read_lock(made.project)).to_dict()
    assert facts["faults"] == []


@pytest.mark.parametrize(
    ("takes", "gives", "expected"),
    [
        ("t: Path", "pl.LazyFrame", "'u' takes the table 't' as Path"),
        ("t: list", "pl.LazyFrame", "'u' takes the table 't' as list"),
        ("t: dict[str, pl.LazyFrame]", "pl.LazyFrame", "'u' takes the table 't' as dict"),
        ("t: pl.Series", "pl.LazyFrame", "'u' takes the table 't' as pl.Series"),
        ("t: pl.LazyFrame", "int", "'u' says that it returns int"),
        ("t: pl.LazyFrame", "list[pl.LazyFrame]", "'u' says that it returns list["),
        ("a_file: str", "pl.LazyFrame", "'u' takes the raw file 'a_file' as str"),
        ("a_file: list[str]", "pl.LazyFrame", "'u' takes the raw file 'a_file' as list[str]"),
        ("a_file: pl.DataFrame", "pl.LazyFrame", "'a_file' has no contract to be read by"),
        ("kept: pl.LazyFrame", "pl.LazyFrame", "'u' takes 'kept' as pl.LazyFrame"),
        ("gone: pl.LazyFrame", "pl.LazyFrame", "its function says that it returns nothing"),
    ],
)
def test_an_annotation_that_cannot_fit_is_reported_with_its_line(
    study: Make, takes: str, gives: str, expected: str
) -> None:
    made = study(
        {
            "tables.py": HEAD
            + 'a_file = source_file("a_file", "a.csv")\n\n\n'
            + table("kept", gives="Path")
            + table("gone", gives="None")
            + table("t")
            + table("u", takes, gives),
            "/a.csv": "n\n1\n",
        }
    )
    answer = fault_of(made)
    assert expected in answer
    assert answer.startswith(f"{made.package}/tables.py:")


@pytest.mark.parametrize(
    "takes",
    [
        *("t", "t: pl.LazyFrame", "t: pl.DataFrame | None", "t: object"),
        *("a_file", "a_file: Path", "a_file: list[Path]", "a_file: Path | None"),
    ],
)
def test_an_annotation_that_may_fit_is_let_through(study: Make, takes: str) -> None:
    files = 'a_file = source_file("a_file", "a.csv")\n\n\n'
    made = study(
        {
            "tables.py": HEAD + files + table("t") + table("u", takes),
            "/a.csv": "n\n1\n",
        }
    )
    catalogue, _ = open_project(made.project)
    assert status_of(catalogue, read_lock(made.project)).faults == []


def test_a_library_that_publishing_needs_is_missed_before_anything_runs(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlcroissant", None)
    settings = '[tool.data-package]\npackage = "STUDY"\ncroissant = true\n'
    made = study(
        {
            "/pyproject.toml": settings,
            "tables.py": HEAD + table("x", group="final"),
            "x.yaml": CONTRACT,
        }
    )
    assert "croissant = true needs the package 'mlcroissant'" in fault_of(made)
