"""A register in partitions: nothing to do, and a new partition; pytask beside."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_package_tests.bench.environments import python_of

title = "A register in partitions: nothing to do, and one partition more"
long = True

_FEW, _SIZES = (5,), (40, 1000)
_TABLES = """\
from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

KEYS = dg.StaticPartitionsDefinition([f"k{number:04}" for number in range(COUNT)])
files = source_file("files", "deliveries/{partition}.csv")


@dg.asset(partitions_def=KEYS, group_name="raw")
def register(files: Path) -> pl.LazyFrame:
    return pl.scan_csv(files)


@dg.asset(group_name="final")
def whole(register: pl.LazyFrame) -> pl.LazyFrame:
    return register
"""
_TASKS = """\
from pathlib import Path
from typing import Annotated

import polars as pl
from pytask import Product, task

HERE = Path(__file__).parent
COUNT = int((HERE / "count.txt").read_text())
KEPT = [HERE / f"storage/raw/register/k{number:04}.parquet" for number in range(COUNT)]

for kept in KEPT:

    @task(id=kept.stem)
    def task_register(
        file: Path = HERE / "deliveries" / f"{kept.stem}.csv",
        kept: Annotated[Path, Product] = kept,
    ) -> None:
        pl.read_csv(file).write_parquet(kept)


def task_whole(
    register: list[Path] = KEPT, whole: Annotated[Path, Product] = HERE / "whole.parquet"
) -> None:
    pl.concat(map(pl.read_parquet, register)).write_parquet(whole)
"""
_CONTRACT = "schema: {fields: [{name: id, type: integer}]}\n"


def run(quick: bool) -> str:
    """Build everything, then nothing, then one partition more and what takes it; pytask beside."""
    heads = ["partitions", "", "all, s", "nothing to do, s", "as a part of pytask's", "one more, s"]
    lines = [_row(heads), "|---:|---|---:|---:|---:|---:|"]
    ways = {"data-package": _ours, "pytask": _pytask}
    for count in _FEW if quick else _SIZES:
        found: dict[str, Times] = {}
        for name, write in ways.items():
            with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
                found[name] = _times(Path(scratch), count, write)
        for name, times in found.items():
            part = times.nothing / found["pytask"].nothing
            seconds = [
                f"{times.all:.1f}",
                f"{times.nothing:.2f}",
                f"{part:.2f}",
                f"{times.more:.1f}",
            ]
            lines.append(_row([str(count), name, *seconds]))
    return "\n".join(lines)


@dataclass(frozen=True)
class Times:
    """Seconds of whole commands."""

    all: float
    nothing: float
    more: float


def _times(root: Path, count: int, write: "Write") -> Times:
    (root / "deliveries").mkdir()
    for number in range(count + 1):
        (root / "deliveries" / f"k{number:04}.csv").write_text(f"id\n{number}\n")
    command = write(root, count)
    first = _seconds(root, command)
    # The second finds out that nothing is to be done, and keeps it in mind.
    _seconds(root, command)
    nothing = _seconds(root, command)
    write(root, count + 1)
    before = _moments(root)
    more = _seconds(root, command)
    after = _moments(root)
    assert all(after[path] == moment for path, moment in before.items())
    assert len(after) == len(before) + 1
    return Times(first, nothing, more)


def _ours(root: Path, count: int) -> list[str]:
    (root / "study").mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    (root / "study" / "__init__.py").touch()
    (root / "study" / "whole.yaml").write_text(_CONTRACT)
    (root / "study" / "tables.py").write_text(_TABLES.replace("COUNT", str(count)))
    return [sys.executable, "-m", "data_package.engine.cli", "build"]


def _pytask(root: Path, count: int) -> list[str]:
    (root / "pyproject.toml").write_text("[tool.pytask.ini_options]\n")
    (root / "storage" / "raw" / "register").mkdir(parents=True, exist_ok=True)
    # In a file of its own: an edit of the tasks' makes pytask run all of them.
    (root / "count.txt").write_text(str(count))
    (root / "task_tables.py").write_text(_TASKS)
    return [str(python_of("pytask").with_name("pytask"))]


Write = Callable[[Path, int], list[str]]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _moments(root: Path) -> dict[Path, int]:
    folder = root / "storage" / "raw" / "register"
    return {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def _seconds(root: Path, command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return time.perf_counter() - began
