"""Fifty million rows: a CSV is cleaned, joined and summarised, as plain Polars and peers do it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from data_package_tests.bench import Unavailable, big_tables
from data_package_tests.bench.environments import python_of
from data_package_tests.bench.measured import Measured, measure

title = "Fifty million rows × 12 columns: raw CSV → cleaned → joined → summarised"

_ROWS = 50_000_000
_PLAIN = "Polars script"
_TOOLS: dict[str, tuple[Callable[[], Mapping[str, str]], Callable[[], list[str]]]] = {
    _PLAIN: (big_tables.plain, lambda: [sys.executable, "run.py"]),
    "data-package, with contracts": (
        big_tables.data_package,
        lambda: [sys.executable, "-m", "data_package.engine.cli", "build"],
    ),
    "pytask": (big_tables.pytask, lambda: [str(python_of("pytask").with_name("pytask"))]),
    "Hamilton": (big_tables.hamilton, lambda: [str(python_of("hamilton")), "run.py"]),
    "PipeFunc": (big_tables.pipefunc, lambda: [str(python_of("pipefunc")), "run.py"]),
    "Dagster": (big_tables.dagster, lambda: [sys.executable, "run.py"]),
}


def run(quick: bool) -> str:
    """Each tool once, from nothing; BENCH_ROWS in the environment asks for other sizes."""
    rows = int(os.environ.get("BENCH_ROWS", 200_000 if quick else _ROWS))
    found: dict[str, Measured] = {}
    lacking: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("TMPDIR")) as scratch:
        raw = Path(scratch, "raw")
        raw.mkdir()
        big_tables.write_raw_files(raw, rows)
        for name, (write, command) in _TOOLS.items():
            folder = Path(scratch, "work")
            for file, text in write().items():
                path = folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            for delivered in raw.iterdir():
                (folder / delivered.name).hardlink_to(delivered)
            try:
                found[name] = measure(command(), folder)
                print(f"  {name}: {found[name]}", file=sys.stderr)
            except Unavailable as error:
                lacking[name] = str(error)
            shutil.rmtree(folder)
    base = found[_PLAIN]
    lines = [
        f"| {rows:,} rows | seconds | × | processor seconds | × | peak memory | × |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {one.seconds:.1f} | {one.seconds / base.seconds:.2f} "
        f"| {one.cpu_seconds:.1f} | {one.cpu_seconds / base.cpu_seconds:.2f} "
        f"| {one.peak_bytes / 1e6:,.0f} MB | {one.peak_bytes / base.peak_bytes:.2f} |"
        for name, one in found.items()
    ]
    lines += ["", *(f"{name} is not measured: {why}\n" for name, why in lacking.items())]
    return "\n".join(lines)
