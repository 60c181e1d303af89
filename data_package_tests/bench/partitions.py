"""A register in partitions: nothing to do, and a new partition."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
_CONTRACT = "schema: {fields: [{name: id, type: integer}]}\n"


def run(quick: bool) -> str:
    """Build everything, then nothing, then one partition more and what takes it."""
    lines = ["| partitions | all, s | nothing to do, s | one more, s |", "|---:|---:|---:|---:|"]
    for count in _FEW if quick else _SIZES:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            root = Path(scratch)
            (root / "study").mkdir()
            (root / "deliveries").mkdir()
            (root / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
            (root / "study" / "__init__.py").touch()
            (root / "study" / "whole.yaml").write_text(_CONTRACT)
            for number in range(count + 1):
                (root / "deliveries" / f"k{number:04}.csv").write_text(f"id\n{number}\n")
            _write(root, count)
            first = _build(root)
            _build(root)
            nothing = _build(root)
            _write(root, count + 1)
            before = _moments(root)
            more = _build(root)
            assert all(_moments(root)[path] == moment for path, moment in before.items())
        lines.append(f"| {count} | {first:.1f} | {nothing:.2f} | {more:.1f} |")
    return "\n".join(lines)


def _write(root: Path, count: int) -> None:
    (root / "study" / "tables.py").write_text(_TABLES.replace("COUNT", str(count)))


def _moments(root: Path) -> dict[Path, int]:
    folder = root / "storage" / "raw" / "register"
    return {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def _build(root: Path) -> float:
    command = [sys.executable, "-m", "data_package.engine.cli", "build"]
    began = time.perf_counter()
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return time.perf_counter() - began
