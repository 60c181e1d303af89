"""`watch` builds on each save, and nothing of it is left when it ends."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from queue import Queue

import pytest

from data_package.engine.cli import spare
from data_package_tests.conftest import Make, Study

pytestmark = pytest.mark.slow

TABLES = """
import dagster as dg
import polars as pl


@dg.asset
def letters() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})
"""
PATIENCE_SECONDS = 120


class Watching:
    def __init__(self, study: Study) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "data_package", "watch"],
            cwd=study.root,
            env=study.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, words: str) -> str:
        seen = ""
        while words not in seen:
            seen += self._lines.get(timeout=PATIENCE_SECONDS)
        return seen

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=PATIENCE_SECONDS)


def processes_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_each_save_is_built_and_nothing_stays_behind(study: Make) -> None:
    made = study({"raw/__init__.py": "", "raw/tables.py": TABLES})
    watching = Watching(made)
    try:
        watching.until("1 built")
        made.write({"raw/tables.py": TABLES.replace("[1]", "[1, 2]")})
        assert "letters" in watching.until("1 built")
        made.write({"raw/tables.py": TABLES.replace("[1]", "[1] +")})
        assert "raw/tables.py" in watching.until("cannot be imported")
        made.write({"raw/tables.py": TABLES.replace("[1]", "[1, 2, 3]")})
        watching.until("1 built")
        assert watching.end() == 0
    finally:
        watching.process.kill()
    assert processes_in(made.root) == []


def test_killed_it_leaves_no_process_either(study: Make) -> None:
    made = study({"raw/__init__.py": "", "raw/tables.py": TABLES})
    watching = Watching(made)
    watching.until("1 built")
    watching.process.kill()
    watching.process.wait(timeout=PATIENCE_SECONDS)
    waited = threading.Event()
    for _ in range(PATIENCE_SECONDS * 10):
        if not processes_in(made.root):
            break
        waited.wait(0.1)
    assert processes_in(made.root) == []


def test_a_rehearsal_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    paths, settings = list(sys.path), dict(os.environ)
    spare.rehearse(tmp_path)
    assert (sys.path, dict(os.environ)) == (paths, settings)
    assert not [name for name in sys.modules if name.startswith("data_package_rehearsal")]


def test_a_process_that_gets_ready_leaves_no_folder_when_it_is_ended(
    study: Make, tmp_path: Path
) -> None:
    made = study({"raw/__init__.py": "", "raw/tables.py": TABLES})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "data_package.engine.cli.spare"],
        cwd=made.root,
        env=made.environment() | {"TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
    )
    waited = threading.Event()
    while process.poll() is None and not list(temporary.rglob("pyproject.toml")):
        waited.wait(0.01)
    process.terminate()
    assert process.wait(timeout=PATIENCE_SECONDS) != 0
    assert list(temporary.iterdir()) == []
