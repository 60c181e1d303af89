"""A build works where people put their projects, and says so where it cannot."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.project import find_project
from data_package.engine.runs.history import materializations, runs
from data_package.engine.runs.instance import project_instance
from data_package.engine.storage import hash_file, remember, write_private
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER, temporary_files

pytestmark = pytest.mark.slow

FILES = {
    "raw.py": HEADER
    + """
from data_package import source_file
people_file = source_file("people_file", "in/*.csv")

@dg.asset
def people(people_file: list[Path]) -> pl.LazyFrame:
    '''Én række pr. person.'''
    return pl.concat([pl.scan_csv(path, glob=False) for path in people_file])
""",
    "/in/a b.csv": "navn\nÆrø\n",
    "final/__init__.py": "",
    "final/navne.py": HEADER
    + """
@dg.asset
def navne(people: pl.LazyFrame) -> pl.LazyFrame:
    return people
""",
    "final/navne.yaml": "title: Navnene på Ærø\nschema:\n  fields: [{name: navn, type: string}]\n",
}
UNWRITABLE = """
import os, resource, sys
from data_package.engine.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
main()
"""


def moved(study: Study, folder: Path) -> Study:
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(study.root, folder)
    return Study(folder, study.package)


@pytest.mark.parametrize("name", ["undersøgelse 日本", "study [1] {x} *", "it's; a $HOME & 50%"])
def test_a_project_may_lie_in_a_folder_of_any_name(study: Make, tmp_path: Path, name: str) -> None:
    project = moved(study(FILES), tmp_path / name / "project")
    result = project.build()
    assert result.ok, result.explain()
    table = pl.read_parquet(project.storage / "package/tables/navne.parquet", glob=False)
    assert table["navn"].to_list() == ["Ærø"]
    sys.path[:] = [place for place in sys.path if place != str(project.root)]


@pytest.mark.parametrize("name", ["what?", "a%20b"])
def test_a_folder_that_cannot_hold_the_history_is_reported(
    study: Make, tmp_path: Path, name: str
) -> None:
    project = moved(study(FILES), tmp_path / name / "project")
    with pytest.raises(ProjectError, match="Rename the folder"):
        project.build()


def test_a_terminal_that_knows_only_ascii_gets_its_report(study: Make) -> None:
    project = study(FILES)
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    plain |= {"PYTHONIOENCODING": ""}
    done = subprocess.run(
        [sys.executable, "-m", "data_package.engine.cli", "build"],
        cwd=project.root,
        env=project.environment() | plain,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"navne" in done.stdout
    text = (project.storage / "package" / "datapackage.json").read_text(encoding="utf-8")
    assert "Navnene på Ærø" in text


def test_a_full_disk_is_reported_and_leaves_the_last_table(study: Make) -> None:
    source = (
        HEADER
        + """
@dg.asset
def wide() -> pl.LazyFrame:
    return pl.LazyFrame({"n": range(1_000)})

@dg.asset
def wide_eager() -> pl.DataFrame:
    return pl.DataFrame({"n": range(1_000)})
"""
    )
    project = study({"t.py": source})
    assert project.build().ok
    place = project.storage / "default"
    before = {name: hash_file(place / f"{name}.parquet") for name in ("wide", "wide_eager")}
    project.write({"t.py": source.replace("1_000", "3_000_000")})
    limit = str(3 << 19)
    done = project.run(sys.executable, "-c", UNWRITABLE, limit, "build")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    for name, digest in before.items():
        assert name in done.stderr
        assert hash_file(place / f"{name}.parquet") == digest
    assert temporary_files(project.storage) == []


def test_a_storage_that_is_a_file_is_reported(study: Make) -> None:
    project = study(FILES)
    project.storage.write_text("not a folder")
    done = project.verb("build")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "storage" in done.stderr


def test_a_storage_that_is_a_link_to_a_larger_disk_is_used(study: Make, tmp_path: Path) -> None:
    disk = tmp_path / "large disk"
    disk.mkdir()
    project = study(FILES)
    project.storage.symlink_to(disk)
    result = project.build()
    assert result.ok, result.explain()
    assert (disk / "package" / "datapackage.json").is_file()
    assert project.build().ok


def test_the_limit_of_this_process_is_as_it_was() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] in (resource.RLIM_INFINITY, -1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("storage: [", "dagster.yaml:1: this is not valid YAML"),
        ("storage: {nonsense: 1}", 'Received unexpected config entry "nonsense"'),
        ("storage: {custom: {module: not.there, class: It}}", "Couldn't import module not.there"),
    ],
)
def test_a_wrong_dagster_yaml_is_reported_in_a_few_words(
    study: Make, text: str, words: str
) -> None:
    project = study({**FILES, "/dagster.yaml": text})
    with pytest.raises(ProjectError) as caught:
        project.build()
    assert words in str(caught.value)
    assert "Expected:" not in str(caught.value)


@pytest.mark.parametrize("damaged", ["schedules/schedules.db", "history/runs.db"])
def test_a_damaged_history_is_reported_with_the_way_out(study: Make, damaged: str) -> None:
    project = study(FILES)
    assert project.build().ok
    (project.project.dagster_home / damaged).write_bytes(b"damaged" * 1000)
    (project.root / "in" / "a b.csv").write_text("navn\nÅse\n")
    done = project.verb("build")
    assert done.returncode == 2
    assert "rm -r storage/.dagster" in done.stderr
    assert "Traceback" not in done.stderr
    shutil.rmtree(project.project.dagster_home)
    assert project.verb("build").returncode == 0


def test_a_full_disk_below_the_history_is_reported_as_that(study: Make) -> None:
    def fail() -> None:
        with project_instance(study(FILES).project):
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(BuildError, match=r"storage/\.dagster is full"):
        fail()


def test_what_can_be_found_out_again_is_no_loss_where_nothing_may_be_written() -> None:
    with pytest.raises(OSError, match="sys"):
        write_private(Path("/sys/note"), "x")
    remember(Path("/sys/note"), "x")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "nothing"])
@pytest.mark.parametrize(
    "name",
    [
        "data-package.lock",
        "dagster.yaml",
        "STUDY/final/navne.yaml",
        "STUDY/datapackage.yaml",
        "STUDY/releases.yaml",
    ],
)
def test_what_is_not_a_file_in_the_place_of_one_is_reported_and_not_waited_for(
    study: Make, name: str, kind: str
) -> None:
    project = study(FILES)
    place = project.root / name.replace("STUDY", project.package)
    place.unlink(missing_ok=True)
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/zero" if kind == "device" else "no/where")
    try:
        message = project.build().explain()
    except ProjectError as error:
        message = str(error)
    assert f"{place} is a folder, a pipe, a device or a link to nothing." in message


def test_a_working_directory_that_is_gone_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ProjectError, match="does not exist any more"):
        find_project()


def test_storage_of_somebody_else_is_reported(study: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = study(FILES)
    project.definitions()
    project.storage.chmod(0o755)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(ProjectError, match="cannot be made private: Operation not permitted"):
        project.definitions()


def test_a_folder_in_the_place_of_a_table_is_reported(study: Make) -> None:
    project = study(FILES)
    place = project.storage / "final/navne.parquet"
    place.mkdir(parents=True)
    assert f"The folder {place} is in the way of a file." in project.build().explain()


@pytest.mark.parametrize(
    "place",
    ["data-package.lock", "storage/final", "storage/final/navne.parquet", "storage/package"],
)
def test_a_place_that_cannot_be_written_to_is_reported_before_anything_runs(
    built_study: Make, place: str
) -> None:
    project = built_study(FILES)
    project.write({"/in/a b.csv": "navn\nFanø\n"})
    fixed = project.root / place
    if subprocess.run(["chattr", "+i", fixed], capture_output=True, check=False).returncode:
        pytest.skip("no attribute can be set here")
    runs_before = len(runs(project.project, 9))
    try:
        with pytest.raises(ProjectError) as caught:
            project.build()
    finally:
        subprocess.run(["chattr", "-i", fixed], check=True)
    assert f"{fixed} is immutable." in str(caught.value)
    assert len(runs(project.project, 9)) == runs_before


def test_a_history_that_may_not_be_written_to_is_read_from_a_copy(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = study(FILES)
    assert project.build().ok
    known = materializations("navne", project.project, 9)
    history = project.project.dagster_home
    before = {path: path.stat().st_mtime_ns for path in history.rglob("*")}
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert materializations("navne", project.project, 9) == known
    assert len(runs(project.project, 9)) == 1
    assert {path: path.stat().st_mtime_ns for path in history.rglob("*")} == before
