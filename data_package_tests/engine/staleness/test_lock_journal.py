"""What a build has finished is in the lock for whoever reads it, however the build ends."""

import time
from collections import ChainMap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.runs.run import run_build
from data_package.engine.staleness.lock import (
    Lock,
    LockFile,
    RawEntry,
    TableEntry,
    lock_path,
    parse,
    read_lock,
    render,
)
from data_package.engine.staleness.memo import count_if_fresh
from data_package.engine.staleness.plan import Request
from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER


def entry(number: int) -> TableEntry:
    return TableEntry(
        fingerprint=f"{number:064x}",
        parts={"constant Ä b": "1"},
        inputs={"raw": "2"},
        libraries={"polars": "2.1.0"},
        data_version=f"{number:064x}",
        rows=number,
        columns="c",
        size_bytes=number,
    )


def journal_of(project: Project) -> Path:
    return project.state / "lock.journal"


@pytest.fixture
def project(study: Make) -> Project:
    """A project whose lock file holds the table t0."""
    made = study({}).project
    LockFile(made).put_table("t0", entry(0), {"raw": RawEntry("2", 20)})
    return made


def test_an_entry_is_read_by_others_before_the_lock_file_is_written(project: Project) -> None:
    lock = LockFile(project)
    before = lock_path(project).read_bytes()
    for number in (1, 2, 1):
        lock.put_table(f"t{number}", entry(number), {"raw": RawEntry("2", 20 + number)})
    assert lock_path(project).read_bytes() == before
    expected = Lock({"raw": RawEntry("2", 21)}, {f"t{n}": entry(n) for n in range(3)})
    assert read_lock(project) == LockFile(project).read() == lock.read() == expected
    lock.fold()
    assert not journal_of(project).exists()
    assert lock_path(project).read_bytes() != before
    assert read_lock(project) == lock.read() == expected


def test_two_who_write_at_once_lose_nothing(project: Project) -> None:
    one, other = LockFile(project), LockFile(project)
    for number in range(1, 9):
        (one if number % 2 else other).put_table(f"t{number}", entry(number), {})
    one.forget({"t3"})
    other.put_table("t9", entry(9), {})
    one.fold()
    assert read_lock(project).tables.keys() == {f"t{n}" for n in range(10)} - {"t3"}


def test_a_lock_file_from_elsewhere_is_taken_as_it_is(project: Project) -> None:
    """Git checks another one out: what was put into the one before does not count."""
    before = lock_path(project).read_text()
    lock = LockFile(project)
    lock.put_table("t1", entry(1), {})
    lock_path(project).write_text(before)
    assert read_lock(project).tables.keys() == lock.read().tables.keys() == {"t0"}
    lock.put_table("t2", entry(2), {})
    assert read_lock(project).tables.keys() == {"t0", "t2"}


def test_without_the_lock_file_nothing_counts_as_built(project: Project) -> None:
    LockFile(project).put_table("t1", entry(1), {})
    lock_path(project).unlink()
    assert read_lock(project) == Lock()


@pytest.mark.parametrize("left", [0, 1, 40, 200])
def test_a_torn_line_costs_its_own_table_alone(project: Project, left: int) -> None:
    lock = LockFile(project)
    lock.put_table("t1", entry(1), {})
    whole = journal_of(project).stat().st_size
    lock.put_table("t2", entry(2), {})
    with journal_of(project).open("r+b") as file:
        file.truncate(whole + left)
    assert read_lock(project).tables.keys() == {"t0", "t1"}


@pytest.mark.parametrize("text", ["", "{", "null\n{}\n", '[1,2,3]\n{"name": 1}\n', "\x00\n"])
def test_a_journal_that_is_none_is_passed_over(project: Project, text: str) -> None:
    journal_of(project).write_text(text)
    assert read_lock(project).tables.keys() == {"t0"}
    LockFile(project).put_table("t1", entry(1), {})
    assert read_lock(project).tables.keys() == {"t0", "t1"}


@pytest.mark.slow
def test_a_killed_build_loses_at_most_the_table_that_was_running(study: Make) -> None:
    tables = HEADER + "import os\n"
    for number in range(4):
        taken = f"t{number - 1}: pl.LazyFrame" if number else ""
        ending = "os.kill(os.getpid(), 9)" if number == 3 else "pass"
        tables += (
            f"\n\n@dg.asset\ndef t{number}({taken}) -> pl.LazyFrame:\n"
            f"    {ending}\n    return pl.LazyFrame({{'n': [{number}]}})\n"
        )
    made = study({"t.py": tables})
    assert made.verb("build").returncode == -9
    assert read_lock(made.project).tables.keys() == {"t0", "t1", "t2"}
    made.write({"t.py": tables.replace("os.kill(os.getpid(), 9)", "pass")})
    built = made.verb("build", "--json")
    assert built.returncode == 0
    assert built.stdout.count('"status": "built"') == 1
    assert not journal_of(made.project).exists()


names = st.sampled_from(["a", "b"])
keys = st.none() | st.integers(0, 30).map(str)


@given(st.lists(st.tuples(names, keys, st.integers(0, 3)), max_size=80))
def test_entries_put_one_by_one_are_those_of_plain_mappings(
    puts: list[tuple[str, str | None, int]],
) -> None:
    lock, expected, earlier = Lock(), Lock(), []
    for name, key, number in puts:
        earlier.append((lock, render(lock)))
        lock = lock.with_table(name, key, entry(number))
        tables, partitions = dict(expected.tables), dict(expected.partitions)
        if key is None:
            tables[name] = entry(number)
            partitions.pop(name, None)
        else:
            partitions[name] = {**partitions.get(name, {}), key: entry(number)}
            tables.pop(name, None)
        expected = Lock({}, tables, partitions)
        assert lock == expected
        assert lock.entry(name, key) == entry(number)
    assert render(lock) == render(expected)
    assert parse(render(lock)).names == expected.names
    for before, text in earlier:
        assert render(before) == text


def test_an_entry_of_many_partitions_is_put_without_copying_the_others() -> None:
    many = {str(number): entry(number) for number in range(400)}
    lock = Lock(partitions={"t": many})
    for number in range(20):
        lock = lock.with_table("t", f"new {number}", entry(number))
    known = lock.partitions["t"]
    assert isinstance(known, ChainMap)
    assert known.maps[1] is many
    # They join the others when they are as many as the root of all.
    assert isinstance(lock.with_table("t", "one more", entry(1)).partitions["t"], dict)


def test_it_is_noticed_when_the_lock_file_is_replaced_while_it_is_added_to(
    project: Project,
) -> None:
    lock, before = LockFile(project), lock_path(project).read_text()
    found = []
    with lock.gathering():
        lock.put_table("t1", entry(1), {})
        LockFile(project).put_table("t2", entry(2), {})
    found.append(lock.was_replaced)
    with lock.gathering():
        lock.put_table("t3", entry(3), {})
        lock_path(project).write_text(before)
    found.append(lock.was_replaced)
    with lock.gathering():
        lock_path(project).unlink()
        lock.put_table("t4", entry(4), {})
    found.append(lock.was_replaced)
    lock_path(project).unlink()
    with lock.gathering():
        lock.put_table("t5", entry(5), {})
        lock.put_table("t6", entry(6), {})
    found.append(lock.was_replaced)
    assert found == [False, True, True, False]


def test_after_a_build_whose_lock_was_replaced_nothing_is_taken_for_fresh(study: Make) -> None:
    code = """
    from pathlib import Path

    import dagster as dg
    import polars as pl


    @dg.asset
    def first() -> pl.DataFrame:
        return pl.DataFrame({"a": [1]})


    @dg.asset
    def second(first: pl.DataFrame) -> pl.DataFrame:
        if (one := Path(__file__).parents[1] / "theirs").exists():
            one.rename(one.with_name("data-package.lock"))
        return first
    """
    made = study({"tables.py": code})
    assert made.build().ok
    (made.root / "theirs").write_text(lock_path(made.project).read_text().partition("[table")[0])
    made.write({"tables.py": code.replace("return first\n", "return first.head()\n")})
    time.sleep(0.06)  # A file that was saved this very moment is never taken for unchanged.
    notes: list[str] = []
    assert run_build(Request(()), made.project, report=notes.append).ok
    assert any("data-package.lock was replaced while this build ran" in note for note in notes)
    assert count_if_fresh(made.project) is None
    assert [table.name for table in made.build().tables] == ["first", "second"]


def test_a_lock_that_is_a_link_stays_one(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "kept elsewhere"
    lock_path(project).rename(elsewhere)
    lock_path(project).symlink_to(elsewhere)
    lock = LockFile(project)
    lock.check_writable()
    lock.put_table("t1", entry(1), {})
    lock.fold()
    assert lock_path(project).is_symlink()
    assert read_lock(project).tables.keys() == {"t0", "t1"}
    assert parse(elsewhere.read_text()).tables.keys() == {"t0", "t1"}


def test_a_lock_that_links_to_itself_is_reported(project: Project) -> None:
    lock_path(project).unlink()
    lock_path(project).symlink_to(lock_path(project).name)
    with pytest.raises(ProjectError, match="is a folder, a pipe, a device or a link to nothing"):
        LockFile(project).read()


def test_a_lock_with_a_negative_number_of_rows_is_not_read() -> None:
    text = render(Lock({}, {"t": entry(3)}))
    assert parse(text).tables["t"].rows == 3
    with pytest.raises(ProjectError, match="an entry is not complete"):
        parse(text.replace("rows = 3", "rows = -3"))
