"""`status --code`: whether the committed lock fits the committed code, in a clone without data."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.staleness.code_only import CodeStatus, code_status
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Study, new_study

TABLES = """
from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file
from STUDY.rules import LIMIT

people_file = source_file("people_file", "people.csv")
visits_files = source_file("visits_files", "visits/*.csv")
years = dg.StaticPartitionsDefinition(["2024", "2025"])


@dg.asset(group_name="raw")
def people(people_file: pl.LazyFrame) -> pl.LazyFrame:
    return people_file


@dg.asset(group_name="raw", partitions_def=years)
def visits(visits_files: Path) -> pl.LazyFrame:
    return pl.scan_csv(visits_files)


@dg.asset(group_name="final")
def adults(people: pl.LazyFrame, visits: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(pl.col("id") > LIMIT)
"""
CONTRACT = "title: T\nschema:\n  fields: [{name: id, type: integer}]\n"
FILES = {
    "tables.py": TABLES,
    "rules.py": "LIMIT = 1\n",
    "people_file.yaml": CONTRACT,
    "adults.yaml": CONTRACT,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Study:
    data = {
        "/people.csv": "id\n1\n2\n",
        "/visits/2024.csv": "v\n1\n",
        "/visits/2025.csv": "v\n2\n",
    }
    made = new_study(tmp_path_factory.mktemp("built"), FILES | data)
    assert made.build().ok
    return made


@pytest.fixture
def clone(built: Study, tmp_path: Path) -> Study:
    """What git has: no storage and no raw file."""
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("pyproject.toml", "dagster.yaml", "data-package.lock"):
        shutil.copy(built.root / name, root)
    shutil.copytree(built.root / built.package, root / built.package)
    return Study(root, built.package)


def look(study: Study, *only: str) -> CodeStatus:
    study.forget()
    return code_status(open_project(study.project)[0], set(only) or None)


def unfit(study: Study) -> list[str]:
    return [table.name for table in look(study).tables if not table.is_fresh]


def test_a_clone_without_data_reports_that_its_lock_fits(clone: Study) -> None:
    found = look(clone)
    assert found.fits
    assert found.to_dict()["fits"] is True
    assert [table.name for table in found.tables] == ["people", "visits", "adults"]
    assert not (clone.root / "people.csv").exists()


def in_lock(before: str, after: str) -> Callable[[Study], object]:
    def edit(study: Study) -> None:
        lock = study.root / "data-package.lock"
        assert before in lock.read_text()
        lock.write_text(lock.read_text().replace(before, after))

    return edit


def without_lock(study: Study) -> None:
    (study.root / "data-package.lock").unlink()


def with_another_raw_hash(study: Study) -> None:
    lock = study.root / "data-package.lock"
    head, _, rest = lock.read_text().partition("[raw.people_file]")
    lines = rest.split("\n")
    at = next(at for at, line in enumerate(lines) if line.startswith("sha256"))
    lines[at] = 'sha256 = "' + "0" * 64 + '"'
    lock.write_text(head + "[raw.people_file]" + "\n".join(lines))


@pytest.mark.parametrize(
    ("edit", "tables"),
    [
        (lambda s: s.write({"rules.py": "LIMIT = 2\n"}), ["adults"]),
        (lambda s: s.write({"rules.py": "# a comment\nLIMIT = 1\n"}), []),
        (
            lambda s: s.write({"people_file.yaml": CONTRACT.replace("integer", "number")}),
            ["people", "adults"],
        ),
        (
            lambda s: s.write({"tables.py": TABLES.replace('"2025"]', '"2025", "2026"]')}),
            ["visits", "adults"],
        ),
        (
            lambda s: s.write(
                {
                    "tables.py": TABLES.replace("def people(", "def persons(")
                    .replace("people: pl", "persons: pl")
                    .replace("return people.filter", "return persons.filter")
                }
            ),
            ["persons", "adults"],
        ),
        (without_lock, ["people", "visits", "adults"]),
        (with_another_raw_hash, ["people", "adults"]),
        (in_lock("[table.visits", "[table.calls"), ["visits", "adults"]),
    ],
)
def test_what_does_not_fit_is_named(
    clone: Study, edit: Callable[[Study], object], tables: list[str]
) -> None:
    edit(clone)
    assert unfit(clone) == tables
    assert look(clone).fits is not bool(tables)


def test_a_lock_with_more_than_the_code_does_not_fit(clone: Study) -> None:
    more = '[raw.old_file]\nbytes = 1\nsha256 = "0"\n\n[raw.people_file]'
    in_lock("[raw.people_file]", more)(clone)
    found = look(clone)
    assert not found.fits
    assert found.gone == ["old_file"]
    assert look(clone, "people").fits


def test_a_final_table_without_a_contract_does_not_fit(clone: Study) -> None:
    (clone.root / clone.package / "adults.yaml").unlink()
    assert "'adults' has no contract" in str(look(clone).faults)
    assert not look(clone).fits
    assert look(clone, "people").fits


def test_a_lock_that_cannot_be_read_is_never_taken_for_one_that_fits(clone: Study) -> None:
    for text in ("<<<<<<< HEAD\n", "version = 99\n", "x"):
        (clone.root / "data-package.lock").write_text(text)
        with pytest.raises(ProjectError):
            look(clone)


def test_the_command_exits_with_one_where_the_lock_does_not_fit(
    clone: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from data_package.engine.cli.verbs import command

    monkeypatch.chdir(clone.root)
    clone.forget()
    done = CliRunner().invoke(command, ["status", "--code"])
    assert (done.exit_code, done.stdout) == (0, "data-package.lock fits the code of 3 tables.\n")
    clone.write({"rules.py": "LIMIT = 2\n"})
    clone.forget()
    done = CliRunner().invoke(command, ["status", "--code"])
    assert done.exit_code == 1
    assert done.stdout.startswith(f"constant LIMIT in {clone.package}/rules.py:1 changed → adults")
    assert "fresh" not in done.stdout
