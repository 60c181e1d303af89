"""The record of releases: read, written, and what it says of a package."""

from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.package.released import (
    FILE_NAME,
    Release,
    changelog_of,
    content_of,
    read_releases,
    stamp_of,
    write_releases,
)
from data_package.engine.project import Project

DIGEST = "0" * 64
CHANGES = "Two lines: *bold*\n\n| a | b |\n|--:|---|\n- `x`: yes # no\n"
NEW = Release("1.1.0", "2026-01-02T03:04:05Z", DIGEST, CHANGES)
OLD = Release("1.0.0", "2025-01-02T03:04:05Z", "f" * 64, "First release.\n")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "study").mkdir()
    return Project(tmp_path, "study", tmp_path / "storage")


def test_releases_come_back_as_they_were_written(project: Project) -> None:
    assert read_releases(project) == []
    write_releases(project, [NEW, OLD])
    assert read_releases(project) == [NEW, OLD]
    text = (project.package_folder / FILE_NAME).read_text()
    assert "changes: |\n    Two lines: *bold*\n" in text


@pytest.mark.parametrize(
    "text",
    [
        "version: 1.0.0\n",
        "- version: 1.0.0\n",
        "- {version: 1.0, created: x, content: y, changes: z}\n",
        f"- {{version: 1.0.0, created: 2020-01-01, content: '{DIGEST}', changes: z}}\n",
        "<<<<<<< HEAD\n- a\n",
        "- [",
    ],
)
def test_a_record_that_was_spoilt_is_reported_with_what_to_do(project: Project, text: str) -> None:
    (project.package_folder / FILE_NAME).write_text(text)
    with pytest.raises(ProjectError, match=r"git checkout -- study/releases\.yaml"):
        read_releases(project)


def test_only_what_was_released_has_its_version() -> None:
    assert stamp_of([], DIGEST) == {}
    assert stamp_of([NEW, OLD], DIGEST) == {"version": "1.1.0", "created": NEW.created}
    assert stamp_of([NEW, OLD], "f" * 64) == {"version": "1.1.0+unreleased"}


def test_the_content_digest_covers_everything_but_the_stamp() -> None:
    base = content_of({"name": "x"}, [["people", {}, "a"]], [NEW])
    assert content_of({"name": "x", "version": "9.9.9"}, [["people", {}, "a"]], [NEW]) == base
    others = [
        content_of({"name": "y"}, [["people", {}, "a"]], [NEW]),
        content_of({"name": "x"}, [["people", {}, "b"]], [NEW]),
        content_of({"name": "x"}, [["people", {"title": "P"}, "a"]], [NEW]),
        content_of({"name": "x"}, [["people", {}, "a"]], [OLD]),
        content_of({"name": "x"}, [["people", {}, "a"]], [NEW, OLD]),
    ]
    assert len({base, *others}) == 6


def test_the_changelog_has_every_release_and_marks_unreleased_changes() -> None:
    assert changelog_of("Study", [], is_released=False) is None
    released = changelog_of("Study", [NEW, OLD], is_released=True)
    assert released is not None
    assert released.startswith("# Changes of Study\n\n## 1.1.0 (2026-01-02)\n\nTwo lines")
    assert released.endswith("## 1.0.0 (2025-01-02)\n\nFirst release.\n")
    changed = changelog_of("Study", [NEW, OLD], is_released=False)
    assert changed is not None
    assert "## Unreleased\n\nNot the same as 1.1.0 any more.\n" in changed
