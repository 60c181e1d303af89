"""What a build of a hundred tables imports, and whose it is."""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from data_package_tests.bench import same_tables

title = "Import time of a project with a hundred tables"

_TABLES, _FEW_TABLES = 100, 10
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| (\s*)(\S+)")
_OWNERS = {
    "dagster": "Dagster",
    "dagster_shared": "Dagster",
    "sqlalchemy": "SQLAlchemy, for Dagster's history",
    "polars": "Polars",
    "_polars_runtime_32": "Polars",
    "dagster_polars": "dagster-polars",
    "upath": "dagster-polars",
    "fsspec": "dagster-polars",
    "data_package": "data-package",
    "same_tables": "the project's tables",
}


def run(quick: bool) -> str:
    """Python's own account of each module, the least of some builds; one of less when quick."""
    tables = _FEW_TABLES if quick else _TABLES
    found: list[Counter[str]] = []
    for _ in range(1 if quick else 5):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for name, text in same_tables.data_package(tables).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            same_tables.write_raw_file(Path(folder))
            command = [sys.executable, "-X", "importtime", "-m", "data_package.engine.cli", "build"]
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        found.append(_by_owner(done.stderr))
    least = min(found, key=lambda one: one.total())
    lines = [f"| {tables} tables: whose | milliseconds | part |", "|---|---:|---:|"]
    lines += [
        f"| {owner} | {time / 1000:.0f} | {100 * time / least.total():.0f} % |"
        for owner, time in least.most_common()
    ]
    lines.append(f"| all | {least.total() / 1000:.0f} | 100 % |")
    return "\n".join(lines)


def _by_owner(text: str) -> Counter[str]:
    """Microseconds in the modules of each owner, without what those import."""
    spent: Counter[str] = Counter()
    for own, _, module in _LINE.findall(text):
        owner = _OWNERS.get(module.partition(".")[0], "other libraries, nearly all Dagster's")
        spent[owner] += int(own)
    return spent
