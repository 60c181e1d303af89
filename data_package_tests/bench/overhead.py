"""What building costs besides the work itself: many tables that each take next to no time."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from data_package_tests.bench import Unavailable, same_tables
from data_package_tests.bench.environments import python_of

title = "Overhead: tables that take no time"

_SIZES = (10, 100, 500)
_TIMES = 3
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
    """

    name: str
    write: Callable[[int], Mapping[str, str]]
    command: Callable[[], list[str]]


@dataclass(frozen=True)
class Timing:
    """Seconds of whole processes: from nothing, and again with nothing changed."""

    cold: float
    unchanged: float


TOOLS = (
    Tool("data-package", same_tables.data_package, lambda: [_beside("data-package"), "build"]),
    Tool("pytask", same_tables.pytask, lambda: [str(python_of("pytask").with_name("pytask"))]),
    Tool("Hamilton", same_tables.hamilton, lambda: [str(python_of("hamilton")), "run.py"]),
    Tool("PipeFunc", same_tables.pipefunc, lambda: [str(python_of("pipefunc")), "run.py"]),
    Tool("Dagster", same_tables.dagster, lambda: [sys.executable, "run.py"]),
    Tool("Python and Polars", same_tables.plain, lambda: [sys.executable, "run.py"]),
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
            _time(tool, commands[tool.name], 2)
        except Unavailable as error:
            lacking[tool.name] = str(error)
    measured: dict[tuple[str, int], list[Timing]] = {}
    for size in sizes:
        for turn in range(1 if quick else _TIMES):
            for tool in TOOLS:
                if tool.name not in lacking:
                    timing = _time(tool, commands[tool.name], size)
                    print(
                        f"  {size} tables, turn {turn + 1}, {tool.name}: "
                        f"{timing.cold:.2f} s, {timing.unchanged:.2f} s",
                        file=sys.stderr,
                    )
                    measured.setdefault((tool.name, size), []).append(timing)
    medians = {
        key: Timing(
            statistics.median(t.cold for t in timings),
            statistics.median(t.unchanged for t in timings),
        )
        for key, timings in measured.items()
    }
    return _report(medians, sizes, lacking)


def _time(tool: Tool, command: list[str], size: int) -> Timing:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, text in tool.write(size).items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        same_tables.write_raw_file(Path(folder))
        return Timing(_seconds(tool, command, folder), _seconds(tool, command, folder))


def _seconds(tool: Tool, command: list[str], folder: str) -> float:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DAGSTER")} | _QUIET
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode:
        said = " ".join((done.stderr + done.stdout).split())[-300:]
        raise Unavailable(f"{' '.join(command)} ended with {done.returncode}: … {said}")
    return took


def _report(
    medians: Mapping[tuple[str, int], Timing], sizes: tuple[int, ...], lacking: Mapping[str, str]
) -> str:
    titles = ["", *(f"{n} tables, {what}" for n in sizes for what in ("cold", "no change"))]
    lines = [_row(titles), _row(["---", *["---:"] * (len(titles) - 1)])]
    for tool in TOOLS:
        if tool.name not in lacking:
            cells = [tool.name]
            for size in sizes:
                mine, measure = medians[tool.name, size], medians.get((_MEASURE, size))
                cells.append(_cell(mine.cold, measure.cold if measure else None))
                cells.append(_cell(mine.unchanged, measure.unchanged if measure else None))
            lines.append(_row(cells))
    lines += ["", *(f"{name} is not measured: {why}\n" for name, why in lacking.items())]
    lines.append(
        f"Seconds of whole processes, median; in brackets as a part of {_MEASURE}'s. Dagster and "
        "plain Python skip nothing. Hamilton and PipeFunc do not look for changes in helpers."
    )
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(seconds: float, measure: float | None) -> str:
    return f"{seconds:.2f}" + (f" ({seconds / measure:.2f})" if measure else "")


def _beside(name: str) -> str:
    """A script of this environment."""
    found = Path(sys.executable).with_name(name)
    return str(found) if found.exists() else str(shutil.which(name))
