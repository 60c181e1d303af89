"""Checking one table beside every other validator: rows a second, processor time, memory.

All of them get the same generated table and the same rules: required, unique, enum, bounds,
pattern, a primary key of two columns, a foreign key to ten thousand rows; clean, and with an error
in one row of a hundred. Each runs in a process of its own and the best of its runs counts.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data_package_tests.bench import Unavailable
from data_package_tests.bench.environments import python_of
from data_package_tests.bench.schema_table import write_files

title = "Checking a table: 10 columns, beside other validators"

_ROWS = 1_000_000
_TIMES = 5
_KINDS = ("clean", "dirty")


@dataclass(frozen=True)
class Validator:
    """A row of the report: what runs in which environment, on what part of the rows."""

    name: str
    engine: str
    python: Callable[[], Path]
    part: int = 1
    times: int = _TIMES


def _here() -> Path:
    return Path(sys.executable)


def _peers() -> Path:
    return python_of("validators")


def _fairspec() -> Path:
    return python_of("fairspec")


FRAMES = (
    Validator("data-package", "typed", _here),
    Validator("data-package, from Parquet", "parquet", _here),
    Validator("Polars by hand (counts only)", "by-hand", _here),
    Validator("dataframely", "dataframely", _peers),
    Validator("pointblank", "pointblank", _peers),
    Validator("patito (counts only)", "patito", _peers),
    Validator("pandera", "pandera", _peers),
    Validator("fairspec, from Parquet", "fairspec-parquet", _fairspec, times=2),
)
TEXT = (
    Validator("data-package", "csv", _here),
    Validator("Polars by hand (counts only)", "by-hand-csv", _here),
    Validator("fairspec", "fairspec", _fairspec, times=2),
    Validator("frictionless, a tenth of the rows", "frictionless", _here, part=10, times=1),
)


@dataclass(frozen=True)
class Facts:
    """What one validator took for one table."""

    rows_per_second: float
    rows_per_processor_second: float
    peak_mb: float
    errors: int


def run(quick: bool) -> str:
    """Measure all validators, clean and dirty; dirty alone when quick."""
    kinds = _KINDS[1:] if quick else _KINDS
    rows = _ROWS // 20 if quick else _ROWS
    lacking: dict[str, str] = {}
    measured: dict[tuple[str, str], Facts] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for kind in kinds:
            folder = Path(name, kind)
            folder.mkdir()
            write_files(folder, rows, dirty=kind == "dirty")
            for each in (*FRAMES, *TEXT):
                try:
                    facts = _measure(each, folder, rows, 1 if quick else each.times)
                except Unavailable as error:
                    lacking[each.name] = str(error)
                    continue
                measured[each.engine, kind] = facts
                print(
                    f"  {kind}, {each.name}: {facts.rows_per_second:,.0f} rows/s", file=sys.stderr
                )
    parts = [
        f"{rows:,} rows, {len(os.sched_getaffinity(0))} processors. Rows a second, in brackets how "
        "many times slower than data-package; rows a second of processor time; peak memory of the "
        "process, with the table in it; errors found.",
        _table("Typed frames", FRAMES, kinds, measured),
        _table("CSV", TEXT, kinds, measured),
        *(f"{name} is not measured: {why}" for name, why in lacking.items()),
        "patito counts one error for a rule and column; dataframely, pandera and pointblank count "
        "every row of a repeated key, frictionless and data-package all but the first.",
    ]
    return "\n\n".join(parts)


def _measure(each: Validator, folder: Path, rows: int, times: int) -> Facts:
    module = "data_package_tests.bench.schema_engines"
    command = [str(each.python()), "-m", module, each.engine, str(folder), str(times)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=root, env=environment
    )
    if done.returncode:
        output = " ".join(done.stderr.split())[-300:]
        raise Unavailable(f"it ended with {done.returncode}: … {output}")
    facts = json.loads(done.stdout.splitlines()[-1])
    checked = rows // each.part
    return Facts(
        checked / facts["seconds"],
        checked / facts["processor"],
        facts["peak_bytes"] / 1e6,
        facts["errors"],
    )


def _table(
    heading: str,
    validators: tuple[Validator, ...],
    kinds: tuple[str, ...],
    measured: dict[tuple[str, str], Facts],
) -> str:
    columns = ("rows/s", "rows/s of processor", "MB", "errors")
    titles = [heading, *(f"{kind}: {what}" for kind in kinds for what in columns)]
    lines = [_row(titles), _row(["---", *["---:"] * (len(titles) - 1)])]
    for each in validators:
        cells = [each.name]
        for kind in kinds:
            facts = measured.get((each.engine, kind))
            ours = measured[validators[0].engine, kind]
            cells += _cells(facts, ours) if facts else ["–"] * len(columns)
        lines.append(_row(cells))
    return "\n".join(lines)


def _cells(facts: Facts, ours: Facts) -> list[str]:
    slower = ours.rows_per_second / facts.rows_per_second
    return [
        f"{facts.rows_per_second:,.0f} ({slower:.1f})",
        f"{facts.rows_per_processor_second:,.0f}",
        f"{facts.peak_mb:,.0f}",
        f"{facts.errors:,}",
    ]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
