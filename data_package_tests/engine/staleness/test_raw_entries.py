"""The lock's entries of raw files are those of the files, also where no table needs to run."""

import json
from collections.abc import Callable

import pytest

from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.status import ProjectStatus, status_of
from data_package.engine.states import PackageState
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study

FILES = {
    "/reg/2024.csv": "id\n1\n",
    "/reg/2025.csv": "id\n2\n",
    "tables.py": """
        from pathlib import Path

        import dagster as dg
        import polars as pl
        from data_package import source_file

        reg_files = source_file("reg_files", "reg/*.csv")


        @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2024", "2025"]))
        def years(context: dg.AssetExecutionContext, reg_files: list[Path]) -> pl.LazyFrame:
            return pl.scan_csv(next(p for p in reg_files if p.stem == context.partition_key))


        @dg.asset(group_name="final")
        def people(years: pl.LazyFrame) -> pl.LazyFrame:
            return years
        """,
    "people.yaml": "schema: {fields: [{name: id, type: integer}]}\n",
    "datapackage.yaml": "name: s\ntitle: S\n",
}


def state(study: Study) -> ProjectStatus:
    study.forget()
    catalogue, _ = open_project(study.project)
    return status_of(catalogue, read_lock(study.project))


def add_a_file(study: Study) -> None:
    """Of a year that is no partition yet."""
    study.write({"/reg/2026.csv": "id\n3\n"})


def spoil(study: Study) -> None:
    text = study.project.lock.read_text()
    digest = read_lock(study.project).raw["reg_files"].sha256
    study.project.lock.write_text(text.replace(digest, digest[::-1]))


def drop(study: Study) -> None:
    first, _, rest = study.project.lock.read_text().partition("[raw.reg_files]")
    study.project.lock.write_text(first + rest[rest.index("\n[table") :])


@pytest.mark.parametrize("change", [add_a_file, spoil, drop])
def test_a_build_that_runs_nothing_corrects_and_publishes_them(
    change: Callable[[Study], None], built_study: Make
) -> None:
    study = built_study(FILES)
    assert state(study).is_fresh
    before = read_lock(study.project).raw

    change(study)
    found = state(study)
    assert list(found.unwritten) == ["reg_files"]
    assert not found.is_fresh
    assert all(table.is_fresh for table in found.tables)

    result = study.build()
    assert result.ok
    assert not result.tables
    after = read_lock(study.project).raw
    assert (after == before) == (change is not add_a_file)
    provenance = study.project.published / "provenance.json"
    assert after["reg_files"].sha256 in json.dumps(json.loads(provenance.read_text()))
    found = state(study)
    assert found.is_fresh
    assert found.package is PackageState.UP_TO_DATE
