"""Two lock files merged: nothing is called fresh that a clean build would make otherwise."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from data_package.engine import git
from data_package.engine.cli.merge_lock import command
from data_package.engine.errors import ProjectError
from data_package.engine.project import LibraryChanges
from data_package.engine.staleness.assess import Present, assess
from data_package.engine.staleness.lock import Lock, RawEntry, TableEntry, parse, render
from data_package.engine.staleness.merge import merge, merge_texts, sides_of_markers
from data_package_tests.conftest import Make

INPUTS = {"a": (), "b": ("a",), "c": ("a", "b"), "d": ("c",)}
CODES = st.fixed_dictionaries({name: st.integers(0, 2) for name in INPUTS})


def digest(text: object) -> str:
    return hashlib.sha256(repr(text).encode()).hexdigest()


def entry(code: int, inputs: Mapping[str, str]) -> TableEntry:
    """What a function makes is known by its code and by what it takes; two codes make the same."""
    content = digest((min(code, 1), sorted(inputs.items())))
    return TableEntry(digest(code), {}, inputs, {}, content, 1, "c", 1)


def built(codes: Mapping[str, int], wanted: Mapping[str, bool], before: Lock) -> Lock:
    """The lock after a build of some of the tables; those that were never built are left out."""
    tables = dict(before.tables)
    for name, takes in INPUTS.items():
        if wanted[name] and all(one in tables for one in takes):
            inputs = {one: tables[one].data_version for one in takes}
            tables[name] = entry(codes[name], inputs)
    return Lock(tables=tables)


def fresh(codes: Mapping[str, int], lock: Lock) -> set[str]:
    """What is called fresh where the file is what the lock says."""
    found: set[str] = set()
    for name, takes in INPUTS.items():
        known = lock.tables.get(name)
        inputs = {
            one: lock.tables[one].data_version if one in lock.tables else None for one in takes
        }
        file = known.data_version if known else None
        present = Present(digest(codes[name]), {}, inputs, {}, file)
        if not assess(known, present, LibraryChanges.MINOR) and found.issuperset(takes):
            found.add(name)
    return found


CHOICES = st.fixed_dictionaries({name: st.booleans() for name in INPUTS})


@given(CODES, CODES, CODES, CODES, CHOICES, CHOICES, CHOICES)
def test_what_a_merged_lock_calls_fresh_is_what_a_clean_build_makes(
    base: dict[str, int],
    ours: dict[str, int],
    theirs: dict[str, int],
    merged_codes: dict[str, int],
    in_base: dict[str, bool],
    in_ours: dict[str, bool],
    in_theirs: dict[str, bool],
) -> None:
    before = built(base, in_base, Lock())
    one, other = built(ours, in_ours, before), built(theirs, in_theirs, before)

    merged = merge(before, one, other)

    everything = dict.fromkeys(INPUTS, True)
    clean = built(merged_codes, everything, Lock())
    for name in fresh(merged_codes, merged.lock):
        assert merged.lock.tables[name].data_version == clean.tables[name].data_version
    # Nothing is dropped without a word, and nothing is made up.
    known = {**before.tables, **one.tables, **other.tables}
    assert merged.lock.tables.keys() | set(merged.dropped) == known.keys()
    for name, taken in merged.lock.tables.items():
        assert taken in (one.tables.get(name), other.tables.get(name))
    assert merge(before, other, one) == merged
    assert merge(before, one, one).lock == one
    assert merge(before, one, before).lock == one
    assert parse(render(merged.lock)) == merged.lock


def test_entries_of_one_side_are_taken_and_contradictions_are_dropped() -> None:
    one, two, three = (entry(code, {}) for code in (0, 1, 2))
    base = Lock({"f": RawEntry("1", 1)}, {"gone": one, "both": one, "same": one})
    ours = Lock({"f": RawEntry("2", 2)}, {"both": two, "same": three, "new": one})
    theirs = Lock({"f": RawEntry("1", 1)}, {"gone": one, "both": three, "same": three})
    merged = merge(base, ours, theirs)
    assert merged.lock == Lock({"f": RawEntry("2", 2)}, {"same": three, "new": one})
    assert merged.dropped == ("both",)


def test_partitions_are_merged_one_by_one() -> None:
    one, two, three = (entry(code, {}) for code in (0, 1, 2))
    base = Lock(partitions={"t": {"2020": one}})
    ours = Lock(partitions={"t": {"2020": two, "2021": one}})
    theirs = Lock(partitions={"t": {"2020": three, "2022": one}})
    merged = merge(base, ours, theirs)
    assert merged.lock.partitions == {"t": {"2021": one, "2022": one}}
    assert merged.dropped == ("t[2020]",)
    # Partitioned on one side only.
    merged = merge(Lock(), Lock(partitions={"t": {"x": one}}), Lock(tables={"t": two}))
    assert merged.lock == Lock()
    assert merged.dropped == ("t",)


def texts() -> tuple[str, str, str]:
    one, two, three = (entry(code, {}) for code in (0, 1, 2))
    base = Lock(tables={"a": one, "b": one, "c": one})
    ours = Lock(tables={"a": two, "b": two, "c": one})
    theirs = Lock(tables={"a": one, "b": three, "c": two})
    return render(base), render(ours), render(theirs)


def conflict(folder: Path, style: str) -> str:
    for name, text in zip(("base", "ours", "theirs"), texts(), strict=True):
        (folder / name).write_text(text)
    style = f"merge.conflictStyle={style}"
    done = git.run(folder, "-c", style, "merge-file", "-p", "ours", "base", "theirs")
    assert done.returncode > 0
    return done.stdout.decode()


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_a_file_with_markers_is_mended(tmp_path: Path, style: str) -> None:
    sides = sides_of_markers(conflict(tmp_path, style))
    assert sides is not None
    merged = merge_texts(*sides)
    whole = merge_texts(*texts())
    assert whole.dropped == ("b",)
    assert set(whole.dropped) <= set(merged.dropped)
    assert merged.lock.tables.items() <= whole.lock.tables.items()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version = 1\n",
        "<<<<<<< a\n",
        "<<<<<<< a\n=======\n",
        "=======\n>>>>>>> b\n",
        "<<<<<<< a\n<<<<<<< a\n=======\n>>>>>>> b\n",
        "<<<<<<< a\n>>>>>>> b\n",
    ],
)
def test_markers_that_are_not_whole_are_not_guessed_at(text: str) -> None:
    assert sides_of_markers(text) is None


def test_a_version_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ProjectError, match="cannot be read"):
        merge_texts("", "version = 1\n[table.a]\nrows = 1\n", "")


def test_git_merges_by_the_driver_and_mends_what_was_merged_without(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = study({})
    base, ours, theirs = texts()
    lock = project.root / "data-package.lock"

    def call(*words: str) -> bool:
        names = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        return git.run(project.root, *names, *words).returncode == 0

    def commit(text: str) -> None:
        lock.write_text(text)
        assert call("commit", "-qam", "built")

    assert call("init", "-q", "-b", "main")
    lock.write_text(base)
    assert call("add", "-f", "data-package.lock")
    commit(base)
    assert call("branch", "other")
    commit(ours)
    assert call("checkout", "-q", "other")
    commit(theirs)
    assert call("checkout", "-q", "main")
    assert not call("merge", "-q", "other")
    assert "<<<<<<<" in lock.read_text()

    monkeypatch.chdir(project.root)
    done = CliRunner().invoke(command)

    assert done.exit_code == 0, done.output
    expected = merge_texts(base, ours, theirs)
    assert parse(lock.read_text()) == expected.lock
    assert "built again: b." in done.output
    again = CliRunner().invoke(command)
    assert isinstance(again.exception, ProjectError)

    # As git calls it.
    for name, text in (("O", base), ("A", ours), ("B", theirs)):
        (project.root / name).write_text(text)
    assert CliRunner().invoke(command, ["O", "A", "B"]).exit_code == 0
    assert parse((project.root / "A").read_text()) == expected.lock
