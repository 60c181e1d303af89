"""A table of three times the memory that the process may have."""

import resource
import sys
import tempfile
from pathlib import Path

from data_package_tests.bench import Unavailable, big_tables
from data_package_tests.bench.measured import measure

title = "Beyond memory: a table three times as big as the limit"

_LIMIT = 1_500_000_000
_BYTES_OF_A_ROW = 12 * 8
_COLLECTED = (
    "import polars as pl\n\n"
    f'pl.read_csv("{big_tables.READINGS}").write_parquet("collected.parquet")\n'
)


def run(quick: bool) -> str:
    """A build that reads, joins and checks it, and a script that collects it first."""
    limit = _LIMIT
    rows = (limit // _BYTES_OF_A_ROW) * 3 // (1 if not quick else 8)
    limited = [sys.executable, "-m", "data_package.engine.cli", "build"]
    lines = [f"| {rows:,} rows, {limit / 1e9:.1f} GB allowed | |", "|---|---|"]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        for file, text in big_tables.data_package().items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (folder / "collected.py").write_text(_COLLECTED)
        big_tables.write_raw_files(folder, rows)
        for name, command in {
            "`data-package build`": limited,
            "a script that collects": [sys.executable, "collected.py"],
        }.items():
            try:
                found = measure(command, folder, before=lambda: _allow(limit))
                told = f"{found.seconds:.1f} s, {found.peak_bytes / 1e6:,.0f} MB at its peak"
            except Unavailable as error:
                told = f"dies: {str(error).partition('…')[0].strip()}"
            lines.append(f"| {name} | {told} |")
    return "\n".join(lines)


def _allow(limit: int) -> None:
    """As `ulimit -d`: what the process may hold in memory of its own."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
