"""A save while `watch` waits: three of ten tables use the edited helper and are made again."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from data_package_tests.bench import Unavailable, same_tables
from data_package_tests.bench.environments import python_of
from data_package_tests.bench.measured import measure

title = "A helper edited while `watch` waits: three of ten tables are made again"

_TABLES, _FIRST_HELPED, _TIMES = 10, 7, 5
_AGAIN = _TABLES - _FIRST_HELPED
_HELPER = "import polars as pl\n\n\ndef moved(a: pl.Expr) -> pl.Expr:\n    return a + {}\n"
_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.3


def run(quick: bool) -> str:
    """Edit the helper of both projects in turns; how many tables are made again is counted."""
    found: dict[str, list[tuple[float, float]]] = {"watch": [], "pytask": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        ours, theirs = Path(scratch, "watch"), Path(scratch, "pytask")
        our_helper = _write(ours, _ours())
        their_helper = _write(theirs, _theirs())
        # It has no setting for where tasks import their helpers from.
        pytask = ["env", f"PYTHONPATH={theirs}", str(python_of("pytask").with_name("pytask"))]
        watching = _Watching(ours)
        try:
            watching.built()
            measure(pytask, theirs)
            for turn in range(2 if quick else _TIMES):
                before = _moments(ours), _moments(theirs)
                found["watch"].append(watching.rebuilt(our_helper, _HELPER.format(100 + turn)))
                their_helper.write_text(_HELPER.format(100 + turn))
                took = measure(pytask, theirs)
                found["pytask"].append((took.seconds, took.cpu_seconds))
                for folder, moments in zip((ours, theirs), before, strict=True):
                    again = sum(now != moments[name] for name, now in _moments(folder).items())
                    assert again == _AGAIN, f"{folder.name} made {again} tables"
        finally:
            watching.end()
        if left := _processes_in(ours):
            raise Unavailable(f"watch left {len(left)} processes behind")
    return _report(found)


def _report(found: Mapping[str, list[tuple[float, float]]]) -> str:
    lines = ["| from the save to the last line | seconds | × | processor seconds | × |"]
    lines += ["|---|---:|---:|---:|---:|"]
    for name, figures in found.items():
        cells = []
        for which in (0, 1):
            mine, others = ([f[which] for f in each] for each in (figures, found["pytask"]))
            parts = [a / b for a, b in zip(mine, others, strict=True)]
            spread = f" ({min(parts):.2f} to {max(parts):.2f})" if name != "pytask" else ""
            cells += [f"{statistics.median(mine):.2f}", f"{statistics.median(parts):.2f}{spread}"]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


class _Watching:
    """The command, with its output in a pipe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "data_package.engine.cli", "watch"],
            cwd=folder,
            env={k: v for k, v in os.environ.items() if not k.startswith("DAGSTER")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def rebuilt(self, file: Path, text: str) -> tuple[float, float]:
        """Seconds from the save to the last line, and processor seconds until the build's end."""
        self._wait_until_ready()
        pids = _processes_in(self._folder)
        used = sum(map(_cpu_seconds, pids))
        began = time.perf_counter()
        file.write_text(text)
        self.built()
        seconds = time.perf_counter() - began
        # The process that built ends, and is counted with the one that waited for it.
        while all(_state(pid) != "X" for pid in pids):
            time.sleep(0.01)
        return seconds, _cpu_seconds(self._process.pid) - used

    def built(self) -> None:
        """Return when the last line of a build has been printed."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if " built in " in line:
                return
        raise Unavailable(f"watch ended with {self._process.wait()}")

    def end(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def _wait_until_ready(self) -> None:
        """Return when the next process waits too: nobody types faster than it imports."""
        before, quiet = -1.0, 0
        while quiet < 3:
            time.sleep(_LOOK_SECONDS)
            pids = _processes_in(self._folder)
            now = sum(_cpu_seconds(pid) for pid in pids)
            asleep = len(pids) > 1 and all(_state(pid) == "S" for pid in pids)
            quiet = quiet + 1 if asleep and now - before < 0.02 else 0
            before = now


def _ours() -> Mapping[str, str]:
    files = dict(same_tables.data_package(_TABLES))
    tables = files["same_tables/tables.py"]
    imported = "from same_tables.helper import moved\n\nraw_file"
    files["same_tables/tables.py"] = _helped(tables).replace("\nraw_file", imported, 1)
    files["same_tables/helper.py"] = _HELPER.format(1)
    return files


def _theirs() -> Mapping[str, str]:
    files = dict(same_tables.pytask(_TABLES))
    # A module that a task imports is not seen by pytask; as an input it is.
    head = f"def task_table_{_FIRST_HELPED}(\n"
    tables = files["task_tables.py"].replace("\nHERE", "from helper import moved\n\nHERE", 1)
    files["task_tables.py"] = _helped(tables).replace(
        head, f'{head}    helper: Path = HERE / "helper.py",\n'
    )
    files["helper.py"] = _HELPER.format(1)
    return files


def _helped(tables: str) -> str:
    plain = f'pl.col("a") + {_FIRST_HELPED}'
    assert tables.count(plain) == 1
    return tables.replace(plain, 'moved(pl.col("a"))')


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    same_tables.write_raw_file(folder)
    return next(folder.rglob("helper.py"))


def _moments(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("table_*.parquet")}


def _processes_in(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _state(pid: int) -> str:
    return _stat(pid)[0]


def _cpu_seconds(pid: int) -> float:
    """Of a process and of its children that have ended."""
    return sum(map(int, _stat(pid)[11:15])) / _TICKS


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X", *["0"] * 20]
