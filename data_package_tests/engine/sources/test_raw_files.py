"""Raw files arrive as paths whatever they are called, and are distinguished by what they hold."""

import glob
import hashlib
import os
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.sources.files import Deliveries, RawFile
from data_package.engine.staleness.memo import count_if_fresh, matches
from data_package.engine.storage import HashCache
from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER, execute, failure_of

ONE = (
    HEADER
    + """
from data_package import source_file
rows_file = source_file("rows_file", {paths})

@dg.asset
def rows(rows_file: {annotation}) -> pl.LazyFrame:
    return pl.scan_csv(rows_file, glob=False)
"""
)


def deliveries(root: Path, *patterns: str) -> Deliveries:
    return Deliveries(root, {"f": RawFile("f", patterns)}, HashCache(root / "hashes.json"))


@pytest.mark.parametrize(
    "name",
    [
        "with space.csv",
        "blåbærgrød.csv",
        "日本.csv",
        "50%.csv",
        "a;b&c.csv",
        "quote'd.csv",
        "-x.csv",
    ],
)
def test_a_file_may_have_any_name(study: Make, name: str) -> None:
    project = study({"t.py": ONE.format(paths=repr(name), annotation="Path"), f"/{name}": "n\n1\n"})
    execute(project)
    assert pl.read_parquet(project.storage / "default" / "rows.parquet")["n"].to_list() == [1]


def test_a_glob_finds_spaces_and_letters_of_any_language_in_a_fixed_order(study: Make) -> None:
    files = {f"/år 20{year} æ/data {year}.csv": f"n\n{year}\n" for year in (21, 19, 20)}
    project = study({"t.py": ONE.format(paths="'år */data*.csv'", annotation="list[Path]")} | files)
    execute(project)
    numbers = pl.read_parquet(project.storage / "default" / "rows.parquet")["n"]
    assert numbers.to_list() == [19, 20, 21]


def test_a_path_whose_name_looks_like_a_glob_can_be_given_as_it_is(study: Make) -> None:
    project = study(
        {
            "t.py": ONE.format(paths="'data [1].csv'", annotation="Path"),
            "/data [1].csv": "n\n1\n",
        }
    )
    execute(project)
    assert pl.read_parquet(project.storage / "default" / "rows.parquet").height == 1


def test_a_project_may_lie_in_a_folder_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    folder = tmp_path / "study [1] *"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(name)
    assert deliveries(folder, "*.csv").content("f").size_bytes == 10
    absolute = RawFile("f", (f"{glob.escape(str(folder))}/*.csv",)).resolve(tmp_path)
    assert [path.name for path in absolute] == ["a.csv", "b.csv"]


def test_a_file_that_is_not_there_is_reported_before_a_function_runs(study: Make) -> None:
    project = study({"t.py": ONE.format(paths="'rows.csv'", annotation="Path")})
    output = failure_of(execute(project, ok=False))
    assert "'rows_file' is not there" in output
    assert "'rows.csv'" in output


def test_several_files_for_one_path_are_reported(study: Make) -> None:
    project = study(
        {
            "t.py": ONE.format(paths="'*.csv'", annotation="Path"),
            "/a.csv": "n\n1\n",
            "/b.csv": "n\n1\n",
        }
    )
    assert "Annotate the parameter as list[Path]" in failure_of(execute(project, ok=False))


def test_a_folder_in_the_place_of_a_file_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    for pattern in ("rows.csv", "*.csv"):
        with pytest.raises(ProjectError, match="is not there"):
            deliveries(tmp_path, pattern).content("f")


def test_the_content_counts_and_not_the_time(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("one")
    before = deliveries(tmp_path, "a.csv").content("f")
    file.unlink()
    file.write_text("one")
    assert deliveries(tmp_path, "a.csv").content("f") == before
    file.write_text("two")
    assert deliveries(tmp_path, "a.csv").content("f") != before


def test_a_file_added_removed_renamed_or_swapped_changes_a_raw_file_of_several(
    tmp_path: Path,
) -> None:
    seen = set()

    def look() -> None:
        seen.add(deliveries(tmp_path, "*.csv").content("f").sha256)

    for name, text in (("a.csv", "1"), ("b.csv", "2")):
        (tmp_path / name).write_text(text)
        look()
    (tmp_path / "a.csv").write_text("2")
    (tmp_path / "b.csv").write_text("1")
    look()
    (tmp_path / "b.csv").rename(tmp_path / "c.csv")
    look()
    (tmp_path / "c.csv").unlink()
    look()
    assert len(seen) == 5


def test_where_the_project_lies_does_not_change_what_a_file_holds(tmp_path: Path) -> None:
    found = set()
    for folder in ("one", "two words"):
        (tmp_path / folder / "in").mkdir(parents=True)
        for name in "ab":
            (tmp_path / folder / "in" / name).write_text(name)
        found.add(deliveries(tmp_path / folder, "in/*").content("f").sha256)
    assert len(found) == 1


def test_a_file_that_is_replaced_with_its_time_copied_is_read_again(tmp_path: Path) -> None:
    file, cache = tmp_path / "a.csv", tmp_path / "hashes.json"
    file.write_text("old")
    past = time.time() - 1000
    os.utime(file, (past, past))
    known = HashCache(cache)
    time.sleep(0.06)
    before = known.hash(file)
    known.save()
    new = tmp_path / "new.csv"
    new.write_text("new")
    os.utime(new, (past, past))
    new.replace(file)
    assert HashCache(cache).hash(file) != before


def test_a_raw_file_is_never_written_or_changed(study: Make) -> None:
    project = study(
        {"t.py": ONE.format(paths="'rows.csv'", annotation="Path"), "/rows.csv": "n\n1\n"}
    )
    file = project.root / "rows.csv"
    file.chmod(0o400)
    before = file.stat()
    assert project.build().ok
    after = file.stat()
    assert (before.st_mtime_ns, before.st_mode, before.st_ino, before.st_ctime_ns) == (
        *(after.st_mtime_ns, after.st_mode, after.st_ino, after.st_ctime_ns),
    )


def test_a_link_to_a_file_elsewhere_is_read(study: Make, tmp_path: Path) -> None:
    (tmp_path / "delivered.csv").write_text("n\n7\n")
    project = study({"t.py": ONE.format(paths="'rows.csv'", annotation="Path")})
    (project.root / "rows.csv").symlink_to(tmp_path / "delivered.csv")
    execute(project)
    assert pl.read_parquet(project.storage / "default" / "rows.parquet")["n"].to_list() == [7]


def test_a_package_that_is_not_installed_is_reported(study: Make) -> None:
    paths = "'x.parquet', package='no_such_package'"
    project = study({"t.py": ONE.format(paths=paths, annotation="Path")})
    output = failure_of(execute(project, ok=False))
    assert "'no_such_package', which is not installed" in output


def test_large_files_are_read_ahead_and_not_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        with (tmp_path / f"{name}.csv").open("wb") as file:
            file.write(name.encode())
            file.truncate(1 << 25)
        os.utime(tmp_path / f"{name}.csv", (1, 1))
    time.sleep(0.1)  # a file that has just been changed is not remembered
    expected = deliveries(tmp_path, "*.csv").content("f")
    read: list[tuple[str, str]] = []

    def hash_file(path: Path) -> str:
        read.append((path.name, threading.current_thread().name))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr("data_package.engine.storage.hash_file", hash_file)
    ahead = deliveries(tmp_path, "*.csv", "absent.csv")
    ahead.look_ahead()
    assert read == []
    ahead = deliveries(tmp_path, "*.csv")
    ahead.look_ahead()
    assert sorted(name for name, _ in read) == ["a.csv", "b.csv", "c.csv"]
    assert "MainThread" not in {thread for _, thread in read}
    assert ahead.content("f") == expected
    assert len(read) == 3


def test_a_link_to_nothing_or_a_folder_that_a_pattern_matches_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n")
    (tmp_path / "b.csv").symlink_to(tmp_path / "share" / "b.csv")
    with pytest.raises(ProjectError, match=r"b\.csv is a link to nothing"):
        RawFile("f", ("*.csv",)).resolve(tmp_path)
    (tmp_path / "b.csv").unlink()
    (tmp_path / "c.csv").mkdir()
    with pytest.raises(ProjectError, match=r"c\.csv is a folder"):
        RawFile("f", ("*.csv",)).resolve(tmp_path)
    assert RawFile("f", ("**",)).resolve(tmp_path) == [tmp_path / "a.csv"]


def test_a_number_in_brackets_is_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "visits1.csv").write_text("x\n")
    file = RawFile("f", ("visits[1].csv",))
    assert not file.is_several()
    with pytest.raises(ProjectError, match="is not there"):
        file.resolve(tmp_path)
    (tmp_path / "visits[1].csv").write_text("y\n")
    assert file.resolve(tmp_path) == [tmp_path / "visits[1].csv"]
    assert RawFile("f", ("visits[1]*.csv",)).resolve(tmp_path) == [tmp_path / "visits[1].csv"]
    assert RawFile("f", ("visits[12].csv",)).resolve(tmp_path) == [tmp_path / "visits1.csv"]


@pytest.mark.parametrize(
    "patterns",
    [
        ("in [2]/*.csv",),
        ("in [2]/visits[1]*.csv", "**/b.csv"),
        ("in [2]/visits[1].csv",),
        ("in [2]/{partition}.csv",),
        ("HERE/in [[]2]/*.csv",),
    ],
)
def test_who_looks_for_new_files_looks_where_the_files_are(
    tmp_path: Path, patterns: tuple[str, ...]
) -> None:
    root = tmp_path / "study [1] * {x}"
    (root / "in [2]").mkdir(parents=True)
    for name in ("visits[1].csv", "visits1.csv", "b.csv"):
        (root / "in [2]" / name).write_text(name)
    file = RawFile("f", tuple(p.replace("HERE", glob.escape(str(root))) for p in patterns))
    seen = {Path(name) for where in file.globs_at(root) for name in matches(where)}
    assert seen == set(file.resolve(root))
    assert seen


def test_a_new_file_of_a_folder_with_a_number_in_brackets_is_built(study: Make) -> None:
    code = ONE.format(paths="'in[2]/*.csv'", annotation="list[Path]")
    project = study({"t.py": code, "/in[2]/a.csv": "n\n1\n"})
    assert project.build().ok
    time.sleep(0.06)  # A file that was saved this very moment is never taken for unchanged.
    project.build()
    assert count_if_fresh(project.project) == 1
    project.write({"/in[2]/b.csv": "n\n2\n"})
    assert count_if_fresh(project.project) is None


def test_a_name_in_another_form_of_unicode_is_hinted_at(tmp_path: Path) -> None:
    (tmp_path / "mu\u0308ller.csv").write_text("x\n")
    with pytest.raises(ProjectError, match="another form of Unicode"):
        RawFile("f", ("m\u00fcller.csv",)).resolve(tmp_path)
