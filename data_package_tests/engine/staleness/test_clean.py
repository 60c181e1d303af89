"""Only what no asset makes any more is removed, only in storage, and only when it is agreed to."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.clean import command
from data_package.engine.errors import ProjectError
from data_package.engine.places import Folder
from data_package.engine.staleness.lock import read_lock
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.runs.ttys import on_terminal

pytestmark = pytest.mark.slow

TABLES = """
from pathlib import Path

import dagster as dg
import polars as pl
from data_package.engine.sources import source_file

letters_file = source_file("letters_file", "storage/delivered/letters.parquet")


@dg.asset
def letters(letters_file: Path) -> pl.LazyFrame:
    return pl.scan_parquet(letters_file)


@dg.asset
def extra() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})
"""
WITHOUT_EXTRA = TABLES[: TABLES.rindex("@dg.asset")]
CONTRACT = "fields:\n  - {name: a, type: integer}\n"


@pytest.fixture
def bare(study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study that has never been built, with the file of a table that it does not have."""
    new = study({"raw/__init__.py": "", "raw/tables.py": WITHOUT_EXTRA})
    put(new, "delivered/letters.parquet", "raw/letters.parquet", "raw/extra.parquet")
    monkeypatch.chdir(new.root)
    return new


def put(study: Study, *places: str) -> list[Path]:
    """Put files into storage; what is in them does not matter."""
    paths = [study.storage / place for place in places]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1")
    return paths


def clean(*words: str) -> Result:
    return CliRunner().invoke(command, words, catch_exceptions=False)


def files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".dagster" not in path.parts
    }


def test_in_a_pipe_it_lists_and_removes_nothing(bare: Study) -> None:
    before = files(bare.storage)
    result = clean()
    assert result.exit_code == 0
    assert "storage/raw/extra.parquet" in result.output
    assert "data-package clean --yes" in result.output
    assert files(bare.storage) == before


def test_a_removed_table_goes_with_all_that_is_remembered_of_it(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study({"raw/__init__.py": "", "raw/tables.py": TABLES, "raw/extra.yaml": CONTRACT})
    (delivered,) = put(made, "delivered/letters.parquet")
    pl.DataFrame({"x": ["p", "q"]}).write_parquet(delivered)
    assert made.build().ok
    made.write({"raw/tables.py": WITHOUT_EXTRA})
    (made.root / made.package / "raw" / "extra.yaml").unlink()
    made.forget()
    monkeypatch.chdir(made.root)
    kept_code = files(made.storage / ".state" / "code")
    assert clean("--yes").exit_code == 0
    assert not (made.storage / "raw" / "extra.parquet").exists()
    assert not (made.storage / ".state" / "checks" / "extra.contract.json").exists()
    assert len(files(made.storage / ".state" / "code")) == len(kept_code) - 1
    assert set(read_lock(made.project).tables) == {"letters"}
    assert (made.storage / "raw" / "letters.parquet").is_file()
    assert delivered.is_file()
    assert "Nothing to clean" in clean().output
    assert made.build().fresh == 1


def test_tables_and_raw_files_of_the_project_stay(bare: Study) -> None:
    clean("--yes")
    assert (bare.storage / "raw" / "letters.parquet").is_file()
    assert (bare.storage / "delivered" / "letters.parquet").is_file()


def test_a_removed_partitioned_table_goes_with_the_folders_that_it_leaves_empty(
    bare: Study,
) -> None:
    put(bare, "raw/visits/north/2019.parquet", "older/study/x.parquet")
    clean("--yes")
    assert not (bare.storage / "raw" / "visits").exists()
    assert not (bare.storage / "older").exists()
    assert (bare.storage / "raw" / "letters.parquet").is_file()


def test_partitions_of_a_table_are_kept_and_removed_ones_are_cleaned(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = study(
        {
            "raw/__init__.py": "",
            "raw/tables.py": """
                import dagster as dg
                import polars as pl

                @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2019"]))
                def visits() -> pl.LazyFrame:
                    return pl.LazyFrame({"a": [1]})
                """,
        }
    )
    place, gone = put(new, "raw/visits/2019.parquet", "raw/visits/2018.parquet")
    monkeypatch.chdir(new.root)
    clean("--yes")
    assert place.is_file()
    assert not gone.exists()


def test_other_folders_of_storage_are_never_looked_into(bare: Study) -> None:
    paths = put(
        bare,
        "package/data/gone.parquet",
        "releases/1.0/gone.parquet",
        ".dagster/gone.parquet",
        ".state/gone.parquet",
    )
    result = clean("--yes")
    assert "gone" not in result.output
    assert all(path.is_file() for path in paths)


def test_files_that_no_table_could_have_are_listed_and_left_alone(bare: Study) -> None:
    places = ["raw/notes.txt", "loose.parquet", "mine-own/x.parquet", "raw/.cache/x.parquet"]
    paths = put(bare, *places)
    reported = clean("--yes").output.partition("Left alone")[2]
    assert {f"storage/{place}" for place in places} <= set(reported.split())
    assert all(path.is_file() for path in paths)


def test_the_drawn_graph_is_not_cleaned(bare: Study) -> None:
    put(bare, "graph.html", "graph.svg")
    assert "graph." not in clean().output


def test_links_are_not_followed_and_not_removed(bare: Study, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.parquet").write_bytes(b"PAR1")
    (bare.storage / "raw" / "linked").symlink_to(outside)
    (bare.storage / "elsewhere").symlink_to(outside)
    (bare.storage / "raw" / "b.parquet").symlink_to(outside / "a.parquet")
    result = clean("--yes")
    assert {"storage/raw/linked", "storage/elsewhere", "storage/raw/b.parquet"} <= set(
        result.output.partition("Left alone")[2].split()
    )
    assert (outside / "a.parquet").is_file()
    assert (bare.storage / "raw" / "b.parquet").is_symlink()


def test_json_gives_the_facts_and_never_asks(bare: Study) -> None:
    for group in ("final", "notes", "intermediate"):
        (bare.storage / group).mkdir()
        shutil.copy(bare.storage / "raw" / "extra.parquet", bare.storage / group)
    facts = json.loads(clean("--json").output)
    assert facts["removed"] is False
    # In the order of the groups that all lists have.
    assert [table["path"] for table in facts["tables"]] == [
        f"storage/{group}/extra.parquet" for group in ("raw", "intermediate", "notes", "final")
    ]
    assert facts["tables"][0]["size_bytes"] > 0
    assert json.loads(clean("--json", "--yes").output)["removed"] is True
    assert json.loads(clean("--json").output)["tables"] == []


def test_a_project_without_any_table_is_taken_for_a_mistake(bare: Study) -> None:
    bare.write({"raw/tables.py": ""})
    bare.forget()
    with pytest.raises(ProjectError, match="No table is defined"):
        clean("--yes")
    assert (bare.storage / "raw" / "extra.parquet").is_file()


def test_on_a_terminal_it_asks_and_takes_no_for_an_answer(bare: Study) -> None:
    for answer, stays in (("n", True), ("y", False)):
        with on_terminal(bare, "clean") as terminal:
            terminal.wait_for("Remove this?")
            terminal.type(f"{answer}\n")
            assert terminal.end() == 0
        assert (bare.storage / "raw" / "extra.parquet").exists() is stays


def test_rows_left_out_of_a_table_that_is_gone_go_and_those_of_a_table_that_is_there_stay(
    bare: Study,
) -> None:
    rejects = bare.project.places.rejects
    rejects.mkdir(exist_ok=True)
    for name in ("letters", "gone"):
        pl.DataFrame({"x": ["p"]}).write_parquet(rejects / f"{name}.parquet")
    assert "storage/rejects/gone.parquet" in clean().output
    clean("--yes")
    assert files(rejects) == {"letters.parquet"}


def test_a_table_that_is_gone_is_found_in_a_group_of_any_name(bare: Study) -> None:
    orphan = bare.storage / "other" / "gone.parquet"
    orphan.parent.mkdir()
    pl.DataFrame({"x": ["p"]}).write_parquet(orphan)
    clean("--yes")
    assert not orphan.exists()


@pytest.mark.parametrize("folder", list(Folder))
def test_clean_leaves_every_folder_alone_that_is_not_a_group(bare: Study, folder: Folder) -> None:
    kept = bare.storage / folder / "deeper" / "kept.parquet"
    kept.parent.mkdir(parents=True)
    pl.DataFrame({"x": ["p"]}).write_parquet(kept)
    clean("--yes")
    assert kept.exists()
