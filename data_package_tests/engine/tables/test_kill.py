"""A process that is killed in the middle of a write leaves the old or the new, and whole."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from data_package.engine.staleness.memo import count_if_fresh
from data_package.engine.storage import sweep, sweep_beside, temporary_beside, this_machine
from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER, temporary_files

pytestmark = pytest.mark.slow

_LONGEST_WAIT = 60

FILES = """
from itertools import cycle
from data_package.engine.storage import write_private
for letter in cycle("ab"):
    write_private(Path("table"), letter * 2_000_000)
    said("ready")
"""

FOLDERS = """
from itertools import cycle
from data_package.engine.storage import replace_folder, temporary_beside, write_private
for letter in cycle("ab"):
    new = temporary_beside(Path("package").absolute())
    for name in ("one", "two", "three"):
        write_private(new / "tables" / name, letter * 50_000)
    replace_folder(new, Path("package").absolute())
    said("ready")
"""

TABLES = """
import polars as pl
from itertools import cycle
from data_package.engine.storage import replacing
for letter in cycle("ab"):
    frame = pl.LazyFrame({"n": range(400_000)}).with_columns(letter=pl.lit(letter))
    with replacing(Path("table")) as temporary:
        frame.sink_parquet(temporary)
    said("ready")
    with replacing(Path("table")) as temporary:
        frame.collect().write_parquet(temporary)
"""


@contextmanager
def started(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes again and again, from the moment that it has written once."""
    header = "from pathlib import Path\ndef said(word): print(word, flush=True)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", header + program], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def killed_again_and_again(program: str, folder: Path, times: int) -> Iterator[None]:
    """Kill the program at random moments of its work; give way after each to a look at what is."""
    moments = random.Random(20)
    for _ in range(times):
        with started(program, folder) as process:
            time.sleep(moments.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
        yield


def test_a_killed_write_leaves_a_whole_file(tmp_path: Path) -> None:
    for _ in killed_again_and_again(FILES, tmp_path, 15):
        text = (tmp_path / "table").read_text()
        assert text in ("a" * 2_000_000, "b" * 2_000_000)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_a_killed_exchange_leaves_a_whole_folder(tmp_path: Path) -> None:
    for _ in killed_again_and_again(FOLDERS, tmp_path, 15):
        files = {path.name: path.read_text() for path in (tmp_path / "package/tables").iterdir()}
        assert sorted(files) == ["one", "three", "two"]
        assert set(files.values()) in ({"a" * 50_000}, {"b" * 50_000})
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_a_killed_table_is_whole_whether_it_was_streamed_or_in_memory(tmp_path: Path) -> None:
    for _ in killed_again_and_again(TABLES, tmp_path, 5):
        table = pl.read_parquet(tmp_path / "table")
        assert table["n"].to_list() == list(range(400_000))
        assert table["letter"].n_unique() == 1
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_what_a_running_process_writes_is_not_swept_away(tmp_path: Path) -> None:
    with started(FILES, tmp_path):
        for _ in range(50):
            sweep(tmp_path)
    assert (tmp_path / "table").stat().st_size == 2_000_000


def test_sweeping_bears_that_others_sweep_and_write_meanwhile(tmp_path: Path) -> None:
    folders = """
from data_package.engine.storage import remove
while True:
    for deep in ("a", "b", "c"):
        Path("x", f".{deep}.0.0.tmp", "y", "z").mkdir(parents=True, exist_ok=True)
    said("ready")
    remove(Path("x"))
"""
    with started(folders, tmp_path):
        for _ in range(300):
            sweep(tmp_path)


def _is_stopped_in_a_write(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Whether a process that writes below a folder could be stopped while it does."""
    if not temporary_files(folder):
        return False
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    if temporary_files(folder):
        return True
    process.send_signal(signal.SIGCONT)
    return False


def test_the_build_after_a_killed_one_sweeps_up_and_finishes(study: Make) -> None:
    source = (
        HEADER
        + """
@dg.asset
def numbers() -> pl.LazyFrame:
    return pl.LazyFrame({"n": range(1_000_000)}).with_columns(letter=pl.lit("a"))

@dg.asset
def words(numbers: pl.LazyFrame) -> pl.DataFrame:
    return numbers.with_columns(pl.col("n").cast(pl.String) + "a").collect()
"""
    )
    project = study({"t.py": source})
    assert project.build().ok
    project.write({"t.py": source.replace('"a"', '"b"')})
    process = subprocess.Popen(
        [sys.executable, "-m", "data_package.engine.cli", "build"],
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
    )
    end = time.monotonic() + _LONGEST_WAIT
    while not _is_stopped_in_a_write(process, project.storage / "default"):
        assert process.poll() is None
        assert time.monotonic() < end
    process.kill()
    process.wait()

    assert temporary_files(project.storage)
    for name, last in (("numbers", 999_999), ("words", "999999a")):
        table = pl.read_parquet(project.storage / "default" / f"{name}.parquet")
        assert table["n"][-1] == last
        assert table["letter"].unique().to_list() == ["a"]
    assert project.build().ok
    assert temporary_files(project.storage) == []
    words = pl.read_parquet(project.storage / "default" / "words.parquet")
    assert words["n"][-1] == "999999b"


def test_a_build_with_nothing_to_do_sweeps_up_what_was_left_anywhere(study: Make) -> None:
    source = HEADER + "@dg.asset\ndef t() -> pl.DataFrame:\n    return pl.DataFrame({'a': [1]})\n"
    project = study({"t.py": source})
    assert project.build().ok
    time.sleep(0.1)
    assert project.build().ok
    assert count_if_fresh(project.project) == 1
    gone = subprocess.Popen(["true"])
    gone.wait()
    name = f".some.{gone.pid}.0a1b2c3d.tmp"
    left = [
        *(project.storage / place / name for place in ("", "exports/csv", "default", ".state")),
        project.root / project.package / name,
        project.root / f".data-package.lock.{gone.pid}.0a1b2c3d.tmp",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert count_if_fresh(project.project) is None, path
        assert project.build().ok
        assert not path.exists()
    assert count_if_fresh(project.project) == 1


def test_half_written_files_of_other_machines_are_removed_when_they_are_old(
    tmp_path: Path,
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    own = temporary_beside(tmp_path / "own")
    assert re.fullmatch(rf"\.own\.{this_machine()}-{os.getpid()}\.[0-9a-f]{{8}}\.tmp", own.name)
    # Of another host, of which a process of this number may live or not.
    young, old = (tmp_path / f".{name}.0123abcd-{gone.pid}.0a1b2c3d.tmp" for name in ("a", "b"))
    dead = tmp_path / f".c.{this_machine()}-{gone.pid}.0a1b2c3d.tmp"
    for path in (own, young, old, dead):
        path.touch()
    os.utime(old, (0, 0))
    sweep(tmp_path)
    sweep_beside(tmp_path / "b")
    assert set(tmp_path.iterdir()) == {own, young}


@pytest.mark.parametrize(
    "name", [".x.tmp", ".5.tmp", ".a.b.c.tmp", "a.1.2.tmp", ".tmp", ".notes.1.x.tmp"]
)
def test_files_that_only_look_left_behind_are_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    sweep(tmp_path)
    assert (tmp_path / name).exists()
