"""Two packages are compared wherever they lie, and counts are all that is reported."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.diff import command
from data_package.engine.errors import DataPackageError, ProjectError
from data_package.engine.package.statistics.suppression import coarse_rows, step_of
from data_package.engine.versions import Level, diff
from data_package.engine.versions.difference import markdown_of, text_of
from data_package_tests.engine.versions.packages import write_package

PEOPLE = pl.DataFrame({"id": [1, 2, 3], "name": ["ann", "bo", "cy"]})
KEYED: dict[str, Any] = {"primaryKey": ["id"]}
VISITS = pl.DataFrame({"id": [1, 1, 2]})
REFERS: dict[str, Any] = {
    "foreignKeys": [{"fields": "id", "reference": {"resource": "people", "fields": "id"}}]
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    tables = {"people": (PEOPLE, KEYED), "visits": (VISITS, REFERS)}
    return write_package(tmp_path / "old", tables, version="1.0.0")


def changed(folder: Path, people: pl.DataFrame, visits: pl.DataFrame = VISITS) -> Path:
    tables = {"people": (people, KEYED), "visits": (visits, REFERS)}
    return write_package(folder, tables, version="1.0.1")


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


@pytest.mark.parametrize(
    ("people", "level"),
    [
        (PEOPLE, None),
        (PEOPLE.reverse(), None),
        (PEOPLE.with_columns(name=pl.lit("x")), Level.PATCH),
        (PEOPLE.vstack(pl.DataFrame({"id": [4], "name": ["dee"]})), Level.MINOR),
        (PEOPLE.head(2), Level.MAJOR),
    ],
)
def test_rows_have_their_level(
    old: Path, tmp_path: Path, people: pl.DataFrame, level: Level | None
) -> None:
    found = diff(old, changed(tmp_path / "new", people))
    assert found.level == level
    assert (found.old, found.new) == ("1.0.0", "1.0.1")


def test_rows_that_nothing_refers_to_may_go_without_a_major_change(
    old: Path, tmp_path: Path
) -> None:
    found = diff(old, changed(tmp_path / "new", PEOPLE, VISITS.head(1)))
    assert found.level == Level.MINOR
    assert found.tables[1].rows is not None
    assert found.tables[1].rows.removed == 2
    assert "whole rows are counted" in text_of(found)


def test_a_zip_file_is_a_package_too(old: Path, tmp_path: Path) -> None:
    archive = tmp_path / "old.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in old.rglob("*.*"):
            packed.write(path, path.relative_to(old).as_posix())
    new = changed(tmp_path / "new", PEOPLE.head(1))
    assert diff(archive, new).to_dict() == diff(old, new).to_dict()


def test_a_hostile_zip_file_writes_nothing_outside(tmp_path: Path, old: Path) -> None:
    archive = tmp_path / "x.zip"
    paths = ["../evil.parquet", "/tmp/evil.parquet"]
    resources = [{"name": "a", "format": "parquet", "path": path} for path in paths]
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("datapackage.json", json.dumps({"resources": resources}))
        for path in paths:
            packed.writestr(path, b"evil")
    assert diff(archive, old).tables == []
    assert not list(tmp_path.rglob("evil*"))
    assert not Path("/tmp/evil.parquet").exists()


@pytest.mark.parametrize("content", [b"no zip", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_not_a_package_is_reported(
    tmp_path: Path, old: Path, content: bytes
) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(ProjectError, match=r"x\.zip is not"):
        diff(tmp_path / "x.zip", old)


def test_what_is_not_there_is_reported_with_what_to_name(old: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="There is no data package 'nowhere'"):
        diff("nowhere", old, project=tmp_path)
    (old / "tables" / "people.parquet").unlink()
    words = r"people\.parquet'.* cannot be read: it does not exist"
    with pytest.raises(DataPackageError, match=words):
        diff(old, changed(tmp_path / "new", PEOPLE))


def test_the_command_shows_counts_and_never_a_value(old: Path, tmp_path: Path) -> None:
    people = PEOPLE.with_columns(name=pl.Series(["ann", "secret", "cy"]))
    new = changed(tmp_path / "new", people)
    for options in ((), ("--json",), ("--markdown",)):
        done = run(old, new, *options)
        assert done.exit_code == 0, done.output
        assert "secret" not in done.output
        assert "name" in done.output
    answer = json.loads(run(old, new, "--json").output)
    assert answer["level"] == "patch"
    assert answer["tables"][0]["rows"]["fields"] == {"name": 1}
    assert answer["tables"][1]["same_file"] is True
    done = run(old, new, "--rows")
    assert done.exit_code == 2
    assert "--rows needs a terminal" in done.output


def test_words_of_a_descriptor_steer_neither_terminal_nor_markdown(tmp_path: Path) -> None:
    evil = "\x1b[2Jx|y`<b>"
    tables = [{}, {evil: (PEOPLE, KEYED)}]
    one, other = (
        write_package(tmp_path / str(at), some, version=evil) for at, some in enumerate(tables)
    )
    found = diff(one, other)
    assert "\x1b" not in text_of(found) + markdown_of(found)
    assert "x|y" not in markdown_of(found)


def test_a_release_is_named_by_its_version(tmp_path: Path, old: Path) -> None:
    project = tmp_path / "project"
    releases = project / "storage" / "releases"
    releases.mkdir(parents=True)
    (project / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    changed(project / "storage" / "package", PEOPLE.head(2))
    with pytest.raises(ProjectError, match="There is no release on this machine"):
        diff(project=project)
    for version in ("0.9.0", "0.10.0"):
        write_package(releases / version, {"people": (PEOPLE, KEYED)})
    assert diff(project=project).old == "0.10.0"
    assert diff("0.9.0", "0.10.0", project=project).level is None
    assert diff("0.9.0", project=project).new == "1.0.1"


def crowd(count: int, hiv: int) -> pl.DataFrame:
    return pl.DataFrame({"id": range(count), "name": ["hiv"] * hiv + ["no"] * (count - hiv)})


def test_a_published_changelog_hides_how_few_came_or_went(tmp_path: Path) -> None:
    def shown(_table: str, count: int) -> str:
        return coarse_rows(count, step_of(70, 70, 5))

    old = changed(tmp_path / "old", crowd(70, 7))
    texts = set()
    for at, new in enumerate([crowd(71, 8), crowd(72, 8), crowd(72, 7), crowd(68, 7)]):
        found = diff(old, changed(tmp_path / f"new{at}", new))
        assert re.search(r"\b7[0-2]\b", markdown_of(found))
        texts.add(markdown_of(found, shown).strip())
    assert len(texts) == 1
    (text,) = texts
    few = " | ".join(["fewer than 5"] * 3)
    assert f"| `people` | about 70 → about 70 | {few} | id |" in text
    assert not re.search(r"[1-46-9](?!0)", text)


def test_a_field_that_changed_for_few_is_not_named_in_a_published_changelog(tmp_path: Path) -> None:
    def shown(_table: str, count: int) -> str:
        return coarse_rows(count, step_of(70, 70, 5))

    start = crowd(70, 7).with_columns(flag=pl.lit(value=False))
    before = changed(tmp_path / "before", start)

    def named(hiv: int, flags: int) -> str:
        new = crowd(70, hiv).with_columns(flag=pl.Series([True] * flags + [False] * (70 - flags)))
        package = changed(tmp_path / f"new{hiv}-{flags}", new)
        return markdown_of(diff(before, package), shown)

    few = named(8, 0)
    assert "values changed" not in few
    assert few == named(7, 1) == named(9, 2)
    assert "`people`, values changed: flag\n" in named(8, 40)
    assert "`people`, values changed: flag, name\n" in named(40, 40)


@pytest.mark.parametrize(
    ("rows", "subjects", "step"), [(70, 70, 5), (700, 70, 50), (7100, 70, 1000)]
)
def test_the_rows_of_one_subject_disappear_in_the_reported_counts(
    rows: int, subjects: int, step: int
) -> None:
    assert step_of(rows, subjects, 5) == step
    of_one = -(-rows // subjects)
    answer = {coarse_rows(count, step) for count in range(4 * of_one + 1)}
    assert answer == {f"fewer than {step:,}"}
    # A total less its parts leaves open whether anybody is in the rest.
    whole = {coarse_rows(rows + more * of_one, step) for more in range(2)}
    assert len(whole) == 1


def test_exact_counts_are_reported_where_nothing_is_hidden() -> None:
    assert [coarse_rows(count, 1) for count in (0, 1, 1234)] == ["0", "1", "1,234"]
