"""Tables that wait, for a database or a slow disk: several at once with `-j`."""

import sys
import tempfile
from pathlib import Path

from data_package_tests.bench import same_tables
from data_package_tests.bench.measured import measure

title = "Threads: twenty tables that each wait for half a second"
long = True

_TABLES, _WAIT = 20, 0.5


def run(quick: bool) -> str:
    """One, four and eight tables at once."""
    tables = "import time\n\nimport dagster as dg\nimport polars as pl\n"
    for number in range(_TABLES):
        tables += (
            f"\n\n@dg.asset\ndef table_{number}() -> pl.LazyFrame:\n    time.sleep({_WAIT})\n"
            f'    return pl.LazyFrame({{"n": [{number}]}})\n'
        )
    files = {**same_tables.data_package(0), "same_tables/tables.py": tables}
    lines = ["| | seconds | of waiting alone |", "|---|---:|---:|"]
    for threads in (1, 8) if quick else (1, 4, 8):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for name, text in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            command = [sys.executable, "-m", "data_package.engine.cli", "build", f"-j{threads}"]
            took = measure(command, Path(folder)).seconds
        waiting = _TABLES * _WAIT / threads
        lines.append(f"| `-j {threads}` | {took:.1f} | {waiting:.1f} |")
    return "\n".join(lines)
