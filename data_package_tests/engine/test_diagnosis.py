"""What `doctor` finds, and that it leaves nothing behind."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from data_package.engine.cli.doctor import command
from data_package.engine.diagnosis import Finding, Health, examine
from data_package.engine.project import Project, find_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "__init__.py").touch()
    (tmp_path / "storage").mkdir(mode=0o700)
    (tmp_path / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (tmp_path / ".gitignore").write_text("/storage/\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return find_project(tmp_path)


def found(project: Project, about: str) -> Finding:
    (one,) = (finding for finding in examine(project) if finding.about == about)
    return one


def test_a_sound_project_has_nothing_bad_and_nothing_is_left_behind(project: Project) -> None:
    before = sorted(project.root.rglob("*"))
    findings = examine(project)
    assert [one for one in findings if one.health is Health.BAD] == []
    assert {"Python", "versions", "engine", "space", "file system", "locks"} <= {
        one.about for one in findings
    }
    assert sorted(project.root.rglob("*")) == before


def test_storage_that_others_may_enter_is_doubtful(project: Project) -> None:
    project.storage.chmod(0o755)
    assert found(project, "storage").health is Health.DOUBTFUL
    assert found(project, "storage").mend == "chmod 700 storage"


def test_a_damaged_lock_file_is_bad(project: Project) -> None:
    project.lock.write_text("{")
    assert found(project, "lock file").health is Health.BAD


@pytest.mark.parametrize(
    ("text", "health"),
    [
        ("telemetry: {enabled: true}\n", Health.BAD),
        ("{}\n", Health.BAD),
        ("a: [\n", Health.BAD),
        (None, Health.DOUBTFUL),
    ],
)
def test_telemetry_of_dagsters_commands_is_looked_at(
    project: Project, text: str | None, health: Health
) -> None:
    path = project.root / "dagster.yaml"
    path.write_text(text) if text is not None else path.unlink()
    assert found(project, "telemetry").health is health


def test_data_that_git_would_commit_is_bad(project: Project) -> None:
    (project.root / ".gitignore").write_text("")
    assert found(project, "git").health is Health.BAD


def test_it_works_before_anything_was_built(project: Project) -> None:
    project.storage.rmdir()
    assert [one for one in examine(project) if one.health is Health.BAD] == []


def test_a_problem_that_must_be_fixed_exits_with_1(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    assert CliRunner().invoke(command).exit_code == 0
    project.lock.write_text("{")
    done = CliRunner().invoke(command, ["--json"])
    assert done.exit_code == 1
    assert "bad" in {one["health"] for one in json.loads(done.output)}


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_bad(project: Project) -> None:
    project.storage.chmod(0o500)
    assert found(project, "storage").health is Health.BAD
