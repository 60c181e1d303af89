"""One raw file of two changes: ten of a hundred tables are made again."""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from data_package_tests.bench import same_tables
from data_package_tests.bench.environments import python_of

title = "One raw file changed: ten of a hundred tables are made again"

_TABLES, _FEW_TABLES, _AFFECTED, _TIMES = 100, 30, 10, 3


def run(quick: bool) -> str:
    """Time both tools in turns; what has been made again is counted. Of fewer tables when quick."""
    tables = _FEW_TABLES if quick else _TABLES
    ways: dict[str, tuple[Callable[[int, int], Mapping[str, str]], list[str]]] = {
        "data-package": (
            same_tables.data_package,
            [sys.executable, "-m", "data_package.engine.cli", "build"],
        ),
        "pytask": (same_tables.pytask, [str(python_of("pytask").with_name("pytask"))]),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for name, (write, command) in ways.items():
            folder = Path(scratch, name)
            for file, text in write(tables, _AFFECTED).items():
                path = folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            same_tables.write_raw_file(folder)
            same_tables.write_raw_file(folder, same_tables.BRANCH)
            _seconds(folder, command)
        for turn in range(1 if quick else _TIMES):
            for name, (_, command) in ways.items():
                folder = Path(scratch, name)
                same_tables.write_raw_file(folder, same_tables.BRANCH, seed=turn)
                before = _moments(folder)
                times[name].append(_seconds(folder, command))
                again = sum(_moments(folder)[table] != moment for table, moment in before.items())
                assert again == _AFFECTED, f"{name} made {again} tables"
        shutil.rmtree(scratch, ignore_errors=True)
    medians = {name: statistics.median(found) for name, found in times.items()}
    lines = [f"| {_AFFECTED} of {tables} | seconds | as a part of pytask's |", "|---|---:|---:|"]
    lines += [f"| {n} | {s:.2f} | {s / medians['pytask']:.2f} |" for n, s in medians.items()]
    return "\n".join(lines)


def _seconds(folder: Path, command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def _moments(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("table_*.parquet")}
