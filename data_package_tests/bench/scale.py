"""What the decisions of a build cost: many tables and partitions, trivial work."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from data_package.engine.project import Project
from data_package.engine.staleness.lock import LockFile, TableEntry, read_lock
from data_package_tests.bench import same_tables

title = "Scale: what is decided of many tables and partitions"
long = True

_TABLES = (100, 1000, 10_000)
_PARTITIONS = (1000, 10_000, 100_000)
# What commands do one after another, in one process, and what each takes.
_DECIDE = """
import resource, time
from data_package.engine.graph.project_graph import graph_of
from data_package.engine.project import find_project
from data_package.engine.staleness.lock import lock_of
from data_package.engine.staleness.plan import Request, plan_work
from data_package.engine.staleness.status import status_of
from data_package.engine.tables.loading import open_project

def timed(work):
    began = time.process_time()
    found = work()
    print(f"{time.process_time() - began:.1f} s", end=" | ")
    return found

project = find_project()
catalogue, job = timed(lambda: open_project(project))
lock = lock_of(project)
timed(lambda: plan_work(Request(), job, catalogue, lock))
status = timed(lambda: status_of(catalogue, lock.read()))
timed(lambda: graph_of(catalogue, status, lock.read(), with_runs=True))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
print(f"{peak:,.0f} MB")
"""
_PUTS = 200
_REGISTER = """
import dagster as dg
import polars as pl

KEYS = dg.StaticPartitionsDefinition([f"k{{n:06}}" for n in range({count})])


@dg.asset(partitions_def=KEYS)
def visits(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    return pl.LazyFrame({{"id": [1]}})


@dg.asset(partitions_def=KEYS)
def cleaned(visits: pl.LazyFrame) -> pl.LazyFrame:
    return visits


@dg.asset
def whole(cleaned: pl.LazyFrame) -> pl.LazyFrame:
    return cleaned
"""


def run(quick: bool) -> str:
    """Processor seconds, which a busy machine changes least."""
    lines = [
        "| | load | plan | status | graph | peak memory | lock | read it | put one | write it |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    sizes = [("tables", one) for one in _TABLES] + [("partitions", one) for one in _PARTITIONS]
    small = [("tables", _TABLES[0]), ("partitions", _PARTITIONS[0])]
    lines += (
        f"| {count:,} {what} | {_decisions(what, count)} | {_lock(what, count)} |"
        for what, count in (small if quick else sizes)
    )
    return "\n".join(lines)


def _decisions(what: str, count: int) -> str:
    """What is decided of a project that was never built; of partitions, two tables have each."""
    files = dict(same_tables.data_package(count if what == "tables" else 0, wide=True))
    if what == "partitions":
        files["same_tables/tables.py"] = _REGISTER.format(count=count)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for place, text in files.items():
            path = Path(folder, place)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        same_tables.write_raw_file(Path(folder))
        words = [sys.executable, "-c", _DECIDE]
        return subprocess.check_output(words, cwd=folder, text=True).strip()


def _lock(what: str, count: int) -> str:
    """What the lock file with so many entries takes."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        (folder / "pyproject.toml").touch()
        project = Project(folder, "many", folder / "storage")
        lock = LockFile(project)
        names = [f"t{number:06}" for number in range(count)]
        many = {name: _entry(name) for name in names}
        parted = what == "partitions"
        lock.change(
            lambda old: type(old)(
                tables={} if parted else many, partitions={"visits": many} if parted else {}
            )
        )
        size = project.lock.stat().st_size
        read = _timed(lambda: read_lock(project))
        table = "visits" if parted else names[0]

        def some() -> None:
            for n in range(_PUTS):
                lock.put_table(table, _entry(f"new{n}"), {}, names[n] if parted else None)

        put = _timed(some)
        write = _timed(lock.fold)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return f"{size / 1e6:,.1f} MB | {read:.2f} s | {put / _PUTS * 1e3:.2f} ms | {write:.2f} s"


def _entry(content: str) -> TableEntry:
    digest = f"{hash(content) & (1 << 64) - 1:064x}"
    parts = {"many/tables.py many": digest[-16:], "parameters": digest[-16:]}
    inputs, libraries = {"raw": digest}, {"polars": "2.1.0"}
    return TableEntry(digest, parts, inputs, libraries, digest, 1, digest[-16:], 900)


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
