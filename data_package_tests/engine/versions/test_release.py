"""A release says what changed, can be made again from its commit, and refuses what could not."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from frictionless import Package

from data_package.engine.cli.release import command
from data_package.engine.errors import ProjectError
from data_package.engine.package.released import read_releases
from data_package.engine.storage import hash_file
from data_package.engine.versions import Level, diff
from data_package.engine.versions.release import NotReady, Proposal, Wanted, make, propose
from data_package_tests import prepared
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.package.test_publish import PEOPLE, STUDY_FILES, contents, package_of
from data_package_tests.engine.tables.running import temporary_files

pytestmark = pytest.mark.slow

FILES = {
    **STUDY_FILES,
    "datapackage.yaml": "name: my-study\ntitle: My study\n",
    "/.gitignore": "storage/\n__pycache__/\n",
}
MORE = PEOPLE.replace('"bo"]', '"bo", "cy"]').replace("[1, 2]", "[1, 2, 3]")


def git(study: Study, *words: str) -> str:
    who = {
        f"GIT_{a}_{b}": "x@example.org" for a in ("AUTHOR", "COMMITTER") for b in ("NAME", "EMAIL")
    }
    done = study.run("git", *words, env={**who, "GIT_CONFIG_GLOBAL": os.devnull})
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(study: Study) -> None:
    git(study, "add", "-A")
    git(study, "commit", "-qm", "x")


@pytest.fixture
def built(built_study: Make) -> Study:
    """A project that is built and committed."""
    made = built_study(FILES)
    git(made, "init", "-q")
    commit(made)
    return made


def release(study: Study, **wanted: Any) -> Proposal:
    """Release and commit."""
    study.forget()
    proposal = propose(Wanted(**wanted), study.project)
    make(proposal)
    commit(study)
    return proposal


def rebuild(study: Study, files: dict[str, str]) -> None:
    study.write(files)
    result = study.build()
    assert result.ok, result.explain()
    commit(study)


def described(study: Study) -> dict[str, Any]:
    document = json.loads((package_of(study) / "datapackage.json").read_text())
    assert isinstance(document, dict)
    return document


def test_the_first_release_is_kept_and_is_what_is_built(built: Study) -> None:
    proposal = release(built)
    assert (proposal.release.version, proposal.difference) == ("0.1.0", None)
    document = described(built)
    assert document["version"] == "0.1.0"
    assert document["created"] == proposal.release.created
    assert contents(proposal.folder) == contents(package_of(built))
    assert "First release." in (proposal.folder / "CHANGELOG.md").read_text()
    assert built.build().package is None
    with pytest.raises(ProjectError, match=r"Nothing to release: the data package is 0\.1\.0"):
        propose(Wanted(), built.project)


def test_a_descriptor_that_frictionless_refuses_is_not_released(
    built: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Package, "validate_descriptor", fail)
    with pytest.raises(NotReady, match=r"frictionless refuses .*\n  it ended with ZeroDivision"):
        make(propose(Wanted(), built.project))
    assert git(built, "status", "--porcelain") == ""
    assert temporary_files(built.root) == []
    assert not list((built.storage / "releases").iterdir())


def test_a_clone_of_the_commit_makes_the_same_release(built: Study, tmp_path: Path) -> None:
    first = release(built)
    git(built, "tag", "first")
    rebuild(built, {"final/people.py": MORE})
    release(built)
    other = Study(tmp_path / "a clone", built.package)
    git(built, "clone", "-q", "--branch", "first", ".", str(other.root))
    assert other.verb("build").returncode == 0
    done = other.verb("release", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["version"], answer["made_again"]) == ("0.1.0", True)
    assert contents(other.root / answer["folder"]) == contents(first.folder)
    assert answer["sha256"] == hash_file(first.archive)
    assert git(other, "status", "--porcelain") == ""


def test_a_vocabulary_that_git_leaves_out_prevents_a_release(built: Study) -> None:
    contract = STUDY_FILES["final/people.yaml"].replace(
        "title: Name}", "title: Name, categories: {$ref: ../shared/names.csv}}"
    )
    names = "value\nærø\nbo\n"
    rebuild(
        built,
        {
            "/.gitignore": "storage/\n__pycache__/\n*.csv\n",
            "final/people.yaml": contract,
            "shared/names.csv": names,
        },
    )
    with pytest.raises(NotReady, match=rf"Not committed.*\n  {built.package}/shared/names.csv"):
        propose(Wanted(), built.project)
    git(built, "add", "--force", f"{built.package}/shared/names.csv")
    git(built, "commit", "-qm", "x")
    assert propose(Wanted(), built.project).release.version == "0.1.0"


def test_what_changes_after_a_release_is_not_that_release(built: Study) -> None:
    release(built)
    before = described(built)
    rebuild(built, {"final/people.py": MORE})
    assert described(built)["version"] == "0.1.0+unreleased"
    assert "created" not in described(built)
    assert "## Unreleased" in (package_of(built) / "CHANGELOG.md").read_text()
    rebuild(built, {"final/people.py": PEOPLE})
    assert described(built) == before


def test_the_version_follows_from_what_changed(built: Study) -> None:
    release(built, version="1.0.0", notes="Hello *all*.")
    rebuild(built, {"final/people.py": MORE})
    second = release(built)
    assert (second.release.version, second.previous) == ("1.1.0", "1.0.0")
    hidden = " | ".join(["not shown"] * 3)
    answer = f"| `people` | not shown → not shown | {hidden} | name |"
    assert answer in second.release.changes
    assert second.close == ("1.0.0",)
    rebuild(built, {"datapackage.yaml": "name: my-study\ntitle: Your study\n"})
    third = release(built)
    # One row more than in the release before the last.
    assert (third.release.version, third.close) == ("1.1.1", ("1.0.0",))
    field = "    - {name: sex, type: string}\n"
    changed = MORE.replace('"age": [1, 2, 3]', '"age": [1, 2, 3], "sex": ["F"] * 3')
    people = STUDY_FILES["final/people.yaml"] + field
    rebuild(built, {"final/people.py": changed, "final/people.yaml": people})
    last = release(built, notes="More.")
    assert last.release.version == "2.0.0"
    text = (last.folder / "CHANGELOG.md").read_text()
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert [title.split()[1] for title in titles] == ["2.0.0", "1.1.1", "1.1.0", "1.0.0"]
    assert "`people.sex`: field added" in text
    assert "Hello *all*." in text
    assert [one.version for one in read_releases(built.project)][-1] == "1.0.0"
    assert diff("1.0.0", "2.0.0", project=built.root).level is Level.MAJOR


def test_a_version_or_level_that_is_asked_for_wins(built: Study) -> None:
    release(built)
    rebuild(built, {"final/people.py": MORE})
    project = built.project
    asked = [
        (Wanted(), "0.2.0"),
        (Wanted(level=Level.PATCH), "0.1.1"),
        (Wanted(level=Level.MAJOR), "1.0.0"),
        (Wanted(version="3.0.0"), "3.0.0"),
    ]
    assert [propose(wanted, project).release.version for wanted, _ in asked] == [
        v for _, v in asked
    ]
    for version, answer in (("0.1.0", "not higher"), ("1.0", "is not a version")):
        with pytest.raises(ProjectError, match=answer):
            propose(Wanted(version=version), project)
    assert [one.version for one in read_releases(project)] == ["0.1.0"]


def test_nothing_is_released_that_is_stale_or_fails(built: Study) -> None:
    built.write({"final/people.py": MORE})
    commit(built)
    built.forget()
    with pytest.raises(NotReady, match=r"not fresh:\n  people: function changed\n"):
        propose(Wanted(), built.project)
    built.write({"final/people.py": PEOPLE.replace("[1, 2]", "[1, -2]")})
    assert not built.build().ok
    commit(built)
    with pytest.raises(NotReady, match=r"break their contract:\n  people\n"):
        propose(Wanted(), built.project)
    assert not (built.storage / "releases").exists()


def test_nothing_is_released_that_a_clone_would_not_have(built: Study) -> None:
    project = built.project
    (built.root / ".gitignore").write_text("storage/\n__pycache__/\nhidden.py\n")
    built.write({"hidden.py": "", "/notes.txt": "of no concern"})
    with pytest.raises(NotReady) as caught:
        propose(Wanted(), project)
    answer = str(caught.value)
    assert "  .gitignore\n" in answer
    assert f"  {built.package}/hidden.py\n" in answer
    assert "notes.txt" not in answer
    assert propose(Wanted(without_git=True), project).release.version == "0.1.0"
    shutil.rmtree(built.root / ".git")
    with pytest.raises(ProjectError, match="not a git repository"):
        propose(Wanted(), project)


def test_a_version_that_is_kept_elsewhere_is_asked_away(built: Study) -> None:
    rebuild(built, {"datapackage.yaml": FILES["datapackage.yaml"] + "version: 1.0.0\n"})
    with pytest.raises(ProjectError, match=r"datapackage\.yaml sets 'version'"):
        propose(Wanted(), built.project)
    rebuild(built, {"datapackage.yaml": FILES["datapackage.yaml"]})
    release(built, version="1.0.0")
    built.write({"datapackage.yaml": FILES["datapackage.yaml"] + "version: 1.0.0\n"})
    with pytest.raises(ProjectError, match=r":3:1: 'version' is set by the release"):
        built.build()


def test_a_release_that_fails_halfway_leaves_no_trace(built: Study) -> None:
    proposal = propose(Wanted(), built.project)
    (built.storage / "releases").write_text("in the way")
    with pytest.raises(ProjectError, match="releases is a file, but a folder is needed"):
        make(proposal)
    assert git(built, "status", "--porcelain") == ""
    assert read_releases(built.project) == []
    (built.storage / "releases").unlink()
    assert built.build().ok
    assert "version" not in described(built)
    assert release(built).release.version == "0.1.0"


def test_a_missing_last_release_is_asked_for_and_a_zip_file_will_do(built: Study) -> None:
    first = release(built)
    rebuild(built, {"final/people.py": MORE})
    shutil.rmtree(first.folder)
    assert propose(Wanted(), built.project).release.version == "0.2.0"
    first.archive.unlink()
    with pytest.raises(ProjectError, match=r"The last release, 0\.1\.0, is not on this machine"):
        propose(Wanted(), built.project)
    asked = propose(Wanted(version="0.3.0"), built.project)
    assert asked.release.changes == "Not compared with 0.1.0.\n"


def test_the_command_shows_what_it_would_do_and_what_it_did(built: Study) -> None:
    done = built.verb("release", "--dry-run")
    assert done.stdout == "0.1.0 would be released. Nothing was written.\n"
    assert git(built, "status", "--porcelain") == ""
    done = built.verb("release", "--version", "1.0.0")
    assert done.returncode == 1
    assert (
        "Still missing in the data package: the package's description, licence, contributors"
        in done.stderr
    )
    assert git(built, "status", "--porcelain") == ""
    done = built.verb("release", "1.0.0", "--undocumented")
    assert done.returncode == 0, done.stderr
    assert "storage/releases/my-study-1.0.0.zip" in done.stdout
    assert f"git add {built.package}/releases.yaml" in done.stdout
    done = built.verb("release")
    assert done.returncode == 1
    assert f"  {built.package}/releases.yaml\n" in done.stderr
    table = built.storage / "releases" / "1.0.0" / "tables" / "people.parquet"
    assert pl.read_parquet(table).height == 2
    for words in (["1.0.0", "--major"], ["1.0.0", "--version", "2.0.0"]):
        answer = CliRunner().invoke(command, words)
        assert answer.exit_code == 2, answer.output


# Kills itself before the Nth change of the file system that making a release asks for.
KILLED = """
import os, signal, sys
from pathlib import Path
from data_package.engine.project import find_project
from data_package.engine.versions.release import Wanted, make, propose
left = int(sys.argv[1])
def count(event, arguments):
    global left
    if event in ("os.rename", "os.mkdir", "os.link", "os.remove", "os.chmod", "os.rmdir"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
proposal = propose(Wanted(), find_project(Path.cwd()))
sys.addaudithook(count)
make(proposal)
sys.exit()
"""


def every_version_exists(study: Study) -> None:
    folder = study.storage / "releases"
    for one in read_releases(study.project):
        assert (folder / one.version / "SHA256SUMS").is_file()
        assert (folder / f"my-study-{one.version}.zip").is_file()


def killed_at(study: Study, moment: int) -> bool:
    """Whether a release was killed, after which everything is mended by the ordinary commands."""
    done = prepared.run([str(moment)], study.root, study.environment(), KILLED)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    every_version_exists(study)
    known = [one.version for one in read_releases(study.project)]
    # What was delivered meanwhile changes nothing of it.
    rebuild(study, {"final/people.py": MORE.replace("2, 3]", f"2, {moment + 3}]")})
    proposal = release(study)
    every_version_exists(study)
    assert [one.version for one in read_releases(study.project)][1:] == known
    names = {path.name for path in (study.storage / "releases").iterdir()}
    expected = {str(one.version) for one in read_releases(study.project)}
    assert names == expected | {f"my-study-{one}.zip" for one in expected}
    assert temporary_files(study.root) == []
    assert described(study)["version"] == proposal.release.version
    rebuild(study, {"final/people.py": PEOPLE})
    return done.returncode != 0


@pytest.mark.parametrize("moment", [2, 24, 42])
def test_a_release_that_is_killed_leaves_no_version_without_files(
    built: Study, moment: int
) -> None:
    killed_at(built, moment)


@pytest.mark.stress
def test_a_release_may_be_killed_at_any_moment(built: Study) -> None:
    moment = 1
    while killed_at(built, moment):
        moment += 2
    assert moment > 40
