"""A table of three times the memory that the process may have."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_package_tests.bench import Unavailable, big_tables
from data_package_tests.bench.measured import measure

title = "Beyond memory: a table three times as big as the limit"
long = True

_LIMIT = 1_500_000_000
_BYTES_OF_A_ROW = 12 * 8
_COLLECTED = (
    "import polars as pl\n\n"
    f'pl.read_csv("{big_tables.READINGS}").write_parquet("collected.parquet")\n'
)


def run(quick: bool) -> str:
    """A build that reads, joins and checks it, and a script that collects it first."""
    rows = (_LIMIT // _BYTES_OF_A_ROW) * 3
    allowed = _LIMIT // 2 if quick else _LIMIT
    rows = rows // 4 if quick else rows
    lines = [f"| {rows:,} rows, {allowed / 1e9:.2f} GB allowed | |", "|---|---|"]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, _group(allowed) as group:
        folder = Path(scratch)
        for file, text in big_tables.data_package().items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (folder / "collected.py").write_text(_COLLECTED)
        big_tables.write_raw_files(folder, rows)

        def enter() -> None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

        for name, command in {
            "`data-package build`": [sys.executable, "-m", "data_package.engine.cli", "build"],
            "a script that collects": [sys.executable, "collected.py"],
        }.items():
            try:
                found = measure(command, folder, before=enter)
                answer = f"{found.seconds:.1f} s, {found.peak_bytes / 1e6:,.0f} MB at its peak"
            except Unavailable as error:
                answer = f"dies: {str(error).partition(':')[0].rpartition('/')[2].strip()}"
            lines.append(f"| {name} | {answer} |")
    return "\n".join(lines)


@contextmanager
def _group(limit: int) -> Iterator[Path]:
    """A control group of Linux whose processes have no more memory than this; root may make one."""
    new = Path("/sys/fs/cgroup", f"bench-{os.getpid()}")
    name = "memory.max"
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        new = Path("/sys/fs/cgroup/memory", new.name)
        name = "memory.limit_in_bytes"
    try:
        new.mkdir()
    except OSError as error:
        raise Unavailable(f"no control group can be made: {error.strerror}") from None
    try:
        try:
            (new / name).write_text(str(limit))
        except OSError as error:
            raise Unavailable(f"memory cannot be limited: {error.strerror}") from None
        yield new
    finally:
        new.rmdir()
