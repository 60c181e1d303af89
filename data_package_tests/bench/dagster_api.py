"""What Dagster's public ways take where the engine uses private ones."""

import subprocess
import sys
import tempfile
from pathlib import Path

from data_package_tests.bench import same_tables

title = "Private and public ways of Dagster"

_SIZES = (30, 1000)
_BEGIN = """
import os, sys, time
sys.path.insert(0, os.getcwd())
import dagster as dg
from data_package.engine.project import find_project
from data_package.engine.tables.loading import open_project
from data_package.engine.runs import build, executor, worker, ready_steps
from data_package.engine.runs.instance import project_instance
from data_package.engine.tables import internals
"""
_BUILD = """
begin = time.process_time()
build()
print(time.process_time() - begin)
"""
# How a run is made, by what is public in it.
_WAYS = {
    "as the engine does it": _BUILD,
    "steps chosen by Dagster's own state of a run": (
        "executor.started = lambda plan, mode, concurrency: "
        "plan.start(retry_mode=mode, instance_concurrency_context=concurrency)\n" + _BUILD
    ),
    "a view of the resources for each step": (
        "internals.resources_made_once = internals.resource_initialization_manager\n" + _BUILD
    ),
    "Dagster's own SQLite storage": (
        "print('storage: {sqlite: {base_dir: history}}', file=open('dagster.yaml', 'w'))\n" + _BUILD
    ),
    "`execute_in_process` for each table": """
project = find_project()
catalogue, job = open_project(project)
with project_instance(project) as instance:
    begin = time.process_time()
    for key in list(catalogue.tables)[:10]:
        assert job.execute_in_process(asset_selection=[key], instance=instance).success
    print((time.process_time() - begin) * len(catalogue.tables) / 10)
""",
}


def run(quick: bool) -> str:
    """Processor time of each way, with small tables and with many."""
    sizes = _SIZES[:1] if quick else _SIZES
    lines = ["| way | " + " | ".join(f"{count:,} tables, ms each" for count in sizes) + " |"]
    lines.append("|---|" + "---:|" * len(sizes))
    for way, code in _WAYS.items():
        cells = [f"{1000 * _seconds(code, count) / count:.1f}" for count in sizes]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _seconds(code: str, count: int) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for place, text in same_tables.data_package(count).items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        same_tables.write_raw_file(folder)
        command = [sys.executable, "-c", _BEGIN + code]
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])
