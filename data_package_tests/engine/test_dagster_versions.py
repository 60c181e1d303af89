"""What the engine uses of Dagster that is not public is there, and has a way out where it moves."""

import ast
import importlib
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

import data_package.engine
from data_package.engine import history
from data_package.engine.runs.instance import project_instance
from data_package_tests.conftest import Make

ENGINE = Path(data_package.engine.__file__).parent
ROOT = ENGINE.parents[1]
PAGE = ROOT / "docs" / "explanation" / "dagster-api.md"
PRIVATE = re.compile(r"dagster\w*(\._|_shared\b)")


def private_names() -> Iterator[tuple[str, str, str]]:
    """Each private import of the engine's sources: the file, the module and the name."""
    for path in sorted(ENGINE.rglob("*.py")):
        source = path.read_text()
        file = path.relative_to(ENGINE).as_posix()
        # Most modules have none, and parsing them all would take seconds of each collection.
        for node in ast.walk(ast.parse(source)) if PRIVATE.search(source) else ():
            if isinstance(node, ast.ImportFrom) and PRIVATE.match(node.module or ""):
                yield from ((file, str(node.module), alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                # `dagster_shared` alone is imported for the place of its files.
                names = (alias.name for alias in node.names if PRIVATE.match(alias.name))
                yield from ((file, name, "") for name in names if "." in name)


IMPORTS = sorted(private_names())
NAMES = sorted({(module, name) for _, module, name in IMPORTS})


def test_the_documents_say_what_each_private_name_is_needed_for() -> None:
    rows = re.findall(r"^\| (`.*`) \| .* \| (`.*`) \| .+ \|$", PAGE.read_text(), re.MULTILINE)
    written = [
        (set(re.findall(r"`([^`]+)`", files)), set(re.findall(r"`([^`]+)`", names)))
        for files, names in rows
    ]
    files = {file for file, _, _ in IMPORTS}
    assert set().union(*(places for places, _ in written)) == files
    for file in files:
        used = {name or module for one, module, name in IMPORTS if one == file}
        assert used <= set().union(*(names for places, names in written if file in places))
    for places, names in written:
        assert names <= {name or module for one, module, name in IMPORTS if one in places}


@pytest.mark.parametrize(("module", "name"), NAMES, ids=lambda part: part)
def test_a_private_name_of_dagster_is_where_the_engine_imports_it_from(
    module: str, name: str
) -> None:
    there = importlib.import_module(module)
    if name and not hasattr(there, name):
        importlib.import_module(f"{module}.{name}")


def test_the_tested_dagster_is_the_one_that_the_environment_is_pinned_to() -> None:
    pinned = (ROOT / "constraints.txt").read_text()
    assert f"\ndagster=={history.TESTED}\n" in f"\n{pinned}"


@pytest.mark.parametrize(
    ("dagster", "tested"),
    [
        (history.TESTED, True),
        ("1.12.22", True),
        ("1.13.9", True),
        ("1.13.99", False),
        ("1.14.0", False),
        ("1.14.0rc1", False),
        ("2.0", False),
    ],
)
def test_only_a_dagster_that_is_not_newer_than_the_tested_one_gets_our_history(
    dagster: str, tested: bool
) -> None:
    assert history.is_tested(dagster) is tested


def test_under_a_newer_dagster_the_history_is_kept_by_dagster_itself(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "TESTED", "1.13.0")
    assert not history.is_tested(version("dagster"))
    table = "import dagster as dg\nimport polars as pl\n@dg.asset\ndef a() -> pl.DataFrame:\n"
    project = study({"tables.py": table + "    return pl.DataFrame({'n': [1]})\n"})
    assert project.build().ok
    assert not project.build().tables
    with project_instance(project.project) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        assert instance.get_latest_materialization_event(dg.AssetKey("a")) is not None
    monkeypatch.undo()
    # The same files are read on by the engine's own storage.
    with project_instance(project.project) as instance:
        assert instance.get_latest_materialization_event(dg.AssetKey("a")) is not None
