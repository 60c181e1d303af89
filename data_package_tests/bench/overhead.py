"""What building costs besides the work itself: many tables that each take next to no time."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_package_tests.bench import Unavailable, same_tables
from data_package_tests.bench.environments import python_of

title = "Overhead: tables that take no time"

_SIZES = (10, 100, 500)
_TIMES = 3
_RUNS = ("cold", "no change")
_MEASURE = "pytask"
_QUIET = {
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "NO_COLOR": "1",
}


@dataclass(frozen=True)
class Tool:
    """What builds the tables: how a project of it is written, and the command, once it is there.

    Attributes:
        name: as the report has it.
        write: the files of a project of so many tables.
        command: what to run in the project's folder; raises Unavailable.
        skips: whether it leaves out what is made; where not, a second run is like the first.
    """

    name: str
    write: Callable[[int], Mapping[str, str]]
    command: Callable[[], list[str]]
    skips: bool = True


TOOLS = (
    Tool("data-package", same_tables.data_package, lambda: [_beside("data-package"), "build"]),
    Tool("pytask", same_tables.pytask, lambda: [str(python_of("pytask").with_name("pytask"))]),
    Tool("Hamilton", same_tables.hamilton, lambda: [str(python_of("hamilton")), "run.py"]),
    Tool("PipeFunc", same_tables.pipefunc, lambda: [str(python_of("pipefunc")), "run.py"]),
    Tool("Dagster", same_tables.dagster, lambda: [sys.executable, "run.py"], skips=False),
    Tool("Python and Polars", same_tables.plain, lambda: [sys.executable, "run.py"], skips=False),
)


def run(quick: bool) -> str:
    """Time every tool at every size, in turns, so that a busy moment hits all alike."""
    sizes = _SIZES[:1] if quick else _SIZES
    lacking: dict[str, str] = {}
    commands: dict[str, list[str]] = {}
    for tool in TOOLS:
        try:
            commands[tool.name] = tool.command()
            # The first run of all compiles what the tool is made of, and is not counted.
            _time(tool, commands[tool.name], 2, _RUNS[:1])
        except Unavailable as error:
            lacking[tool.name] = str(error)
    measured: dict[tuple[str, int, str], list[float]] = {}
    for size in sizes:
        for turn in range(1 if quick else _TIMES):
            for tool in TOOLS:
                if tool.name not in lacking:
                    runs = _RUNS if tool.skips else _RUNS[:1]
                    found = _time(tool, commands[tool.name], size, runs)
                    answer = ", ".join(f"{run} {seconds:.2f} s" for run, seconds in found.items())
                    print(
                        f"  {size} tables, turn {turn + 1}, {tool.name}: {answer}", file=sys.stderr
                    )
                    for run, seconds in found.items():
                        measured.setdefault((tool.name, size, run), []).append(seconds)
    medians = {key: statistics.median(found) for key, found in measured.items()}
    return _report(medians, sizes, lacking)


def _time(tool: Tool, command: list[str], size: int, runs: Sequence[str]) -> dict[str, float]:
    """Seconds of whole processes: from nothing, and again with nothing changed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, text in tool.write(size).items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        same_tables.write_raw_file(Path(folder))
        return {run: _seconds(command, folder) for run in runs}


def _seconds(command: list[str], folder: str) -> float:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DAGSTER")} | _QUIET
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode:
        output = " ".join((done.stderr + done.stdout).split())[-300:]
        raise Unavailable(f"{' '.join(command)} ended with {done.returncode}: … {output}")
    return took


def _report(
    medians: Mapping[tuple[str, int, str], float],
    sizes: tuple[int, ...],
    lacking: Mapping[str, str],
) -> str:
    columns = [(size, run) for size in sizes for run in _RUNS]
    titles = ["", *(f"{size} tables, {run}" for size, run in columns)]
    lines = [_row(titles), _row(["---", *["---:"] * (len(titles) - 1)])]
    for tool in TOOLS:
        if tool.name not in lacking:
            cells = [
                _cell(medians.get((tool.name, *column)), medians.get((_MEASURE, *column)))
                for column in columns
            ]
            lines.append(_row([tool.name, *cells]))
    lines += ["", *(f"{name} is not measured: {why}\n" for name, why in lacking.items())]
    lines.append(
        f"Seconds of whole processes, median; in brackets as a part of {_MEASURE}'s. Dagster and "
        "plain Python skip nothing. Hamilton and PipeFunc do not look for changes in helpers."
    )
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(seconds: float | None, measure: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.2f}" + (f" ({seconds / measure:.2f})" if measure else "")


def _beside(name: str) -> str:
    """A script of this environment."""
    found = Path(sys.executable).with_name(name)
    return str(found) if found.exists() else str(shutil.which(name))
