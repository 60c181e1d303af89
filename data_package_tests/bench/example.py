"""The example, from an empty storage to a published package, beside Dagster as it comes."""

import compileall
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

title = "The CDISC pilot: a cold build beside Dagster's stock command"
long = True

_ROOT = Path(__file__).resolve().parents[2]
_STOCK = """
import dagster as dg

defs = dg.Definitions(
    assets=defs.assets, asset_checks=defs.asset_checks, resources=defs.resources
)
"""
_BIN = Path(sys.executable).parent
_BUILD = [sys.executable, "-m", "data_package.engine.cli", "build"]
_MATERIALIZE = [
    str(_BIN / "dagster"),
    *("asset", "materialize", "--select", "*", "-m", "data_package.definitions"),
]


def run(quick: bool) -> str:
    """Whole processes, each from an empty storage; the median of three, or one when quick."""
    with tempfile.TemporaryDirectory() as scratch:
        ours = copy_of_the_example(Path(scratch, "ours"))
        stock = copy_of_the_example(Path(scratch, "stock"))
        with (stock / "data_package" / "definitions.py").open("a") as file:
            file.write(_STOCK)
        (stock / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        ways = {
            "data-package build": (ours, _BUILD),
            "dagster asset materialize, this project's executor and storage": (ours, _MATERIALIZE),
            "dagster asset materialize, stock executor and storage": (stock, _MATERIALIZE),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(1 if quick else 3):
            for name, (folder, command) in ways.items():
                times[name].append(_timed(folder, command))
    medians = {name: statistics.median(found) for name, found in times.items()}
    base = medians["data-package build"]
    lines = ["| command | seconds | ratio |", "|---|---:|---:|"]
    lines += [f"| `{n}` | {s:.1f} | {s / base:.1f} |" for n, s in medians.items()]
    return "\n".join(lines)


def copy_of_the_example(folder: Path) -> Path:
    """This repository as it is committed, in another folder, with its bytecode."""
    names = subprocess.run(
        ["git", "ls-files"], cwd=_ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(_ROOT / name, target)
    compileall.compile_dir(folder / "data_package", quiet=2)
    return folder


def _timed(folder: Path, command: list[str]) -> float:
    shutil.rmtree(folder / "storage", ignore_errors=True)
    (folder / "data-package.lock").unlink(missing_ok=True)
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began
