"""A build talks to nobody and writes nowhere but in its project; the kernel is the witness."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import yaml

from data_package.engine.runs.instance import project_instance
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER, RAW_PEOPLE

pytestmark = pytest.mark.slow

DAGSTER = str(Path(sys.executable).with_name("dagster"))
BUILD = (sys.executable, "-m", "data_package.engine.cli", "build")
TABLES = {
    "raw.py": RAW_PEOPLE,
    "final/__init__.py": "",
    "final/grown_ups.py": HEADER
    + """
@dg.asset
def grown_ups(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(pl.col("age") >= 18).with_columns(pl.col("age").cast(AGES[0]))

AGES = [pl.Int64]
""",
    "final/grown_ups.yaml": "title: Grown-ups\nschema:\n  fields:\n"
    "    - {name: name, type: string}\n    - {name: age, type: integer}\n",
    "/people.csv": "name,age\nanna,20\nbo,7\n",
}

_CHANGES = "creat mkdir mkdirat mknod mknodat rename renameat renameat2 link linkat symlink \
symlinkat unlink unlinkat rmdir truncate chmod fchmodat chown fchownat utime utimensat"
_OPENS = "open openat openat2"
_TALKS = "socket connect bind listen accept sendto sendmsg"
# Chromium connects a datagram socket to learn of a route; the kernel answers, nothing is sent.
_ROUTE = "2001:4860:4860::8888"
# What the kernel and the terminal offer to every process, and holds nothing.
_NO_FILES = ("/dev/null", "/dev/tty", "/proc/self/clear_refs")


@dataclass(frozen=True)
class Witnessed:
    """What a command and all its children did."""

    exit_code: int
    talked: list[str]
    changed: set[Path]


def can_trace() -> bool:
    strace = shutil.which("strace")
    words = [str(strace), "-f", "--seccomp-bpf", "-o", "/dev/null", "true"]
    return strace is not None and subprocess.run(words, check=False).returncode == 0


def witness(study: Study, *words: str, home: Path) -> Witnessed:
    record = home.parent / "strace.txt"
    calls = ",".join([*_CHANGES.split(), *_OPENS.split(), *_TALKS.split()])
    done = study.run(
        *("strace", "-f", "-y", "--seccomp-bpf", "-s", "4096", "-e", f"trace={calls}"),
        *("-o", str(record), *words),
        env={"HOME": str(home)},
    )
    talked, changed = [], set()
    for line in record.read_text().splitlines():
        call = re.search(r"\b(\w+)\((.*)\)\s+= (-?\d+)", line)
        if call is None or call.group(3) == "-1":
            continue
        name, arguments = call.group(1), call.group(2)
        if name in _TALKS.split():
            talked += [] if "AF_UNIX" in arguments else [line]
        elif name not in _OPENS.split() or re.search("O_WRONLY|O_RDWR|O_CREAT", arguments):
            changed |= {study.root / text for text in re.findall(r'"([^"]*)"', arguments)}
    return Witnessed(done.returncode, talked, changed)


@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or not allowed here")
@pytest.mark.parametrize("kind", ["build", "materialize"])
def test_nothing_is_sent_and_nothing_is_written_outside_the_project(
    study: Make, tmp_path: Path, kind: str
) -> None:
    project = study(TABLES)
    home = tmp_path / "home"
    home.mkdir()
    definitions = f"{project.package}.definitions"
    words = {
        "build": BUILD,
        "materialize": (DAGSTER, "asset", "materialize", "--select", "*", "-m", definitions),
    }
    seen = witness(project, *words[kind], home=home)
    assert seen.exit_code == 0
    assert (project.storage / "package" / "datapackage.json").is_file()
    assert seen.talked == []
    assert len(seen.changed) > 10
    outside = {
        str(path)
        for path in seen.changed
        if not path.is_relative_to(project.root) and str(path) not in _NO_FILES
    }
    assert outside == set()
    assert list(home.iterdir()) == []
    # Beside what the user wrote there are the storage and the lock file, and nothing else.
    beside = {path.name for path in project.root.iterdir()}
    assert beside - {"storage", "data-package.lock"} == {
        *("pyproject.toml", "dagster.yaml", "people.csv", project.package)
    }


def test_the_history_is_one_whoever_runs_and_telemetry_is_off(study: Make) -> None:
    project = study(TABLES)
    assert project.build().ok
    done = project.run(
        *(DAGSTER, "asset", "materialize", "--select", "people", "-m"),
        f"{project.package}.definitions",
    )
    assert done.returncode == 0, done.stderr
    with project_instance(project.project) as instance:
        assert instance.telemetry_enabled is False
        assert instance.nux_enabled is False
        runs = instance.get_runs()
        assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * 2
        key = dg.AssetKey("people")
        records = instance.fetch_materializations(key, limit=10).records
        assert len(records) == 2


def test_dagster_accepts_the_definitions(study: Make) -> None:
    project = study(TABLES)
    done = project.run(DAGSTER, "definitions", "validate", "-m", f"{project.package}.definitions")
    assert done.returncode == 0, done.stderr


def test_the_root_configuration_has_no_telemetry_and_keeps_no_output() -> None:
    root = Path(__file__).parents[1]
    settings = yaml.safe_load((root / "dagster.yaml").read_text())
    assert settings["telemetry"] == {"enabled": False}
    assert settings["nux"] == {"enabled": False}
    assert settings["compute_logs"]["class"] == "NoOpComputeLogManager"
    assert "DAGSTER_DISABLE_TELEMETRY=1" in (root / ".env").read_text()


def test_a_dagster_home_of_something_else_is_left_alone(study: Make, tmp_path: Path) -> None:
    other = tmp_path / "other_home"
    other.mkdir()
    (other / "dagster.yaml").write_text("telemetry:\n  enabled: true\n")
    project = study(TABLES)
    done = project.run(*BUILD, env={"DAGSTER_HOME": str(other)})
    assert done.returncode == 0, done.stderr
    assert os.listdir(other) == ["dagster.yaml"]  # noqa: PTH208
    assert (project.storage / ".dagster" / "history" / "runs.db").is_file()


@pytest.mark.stress
@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or not allowed here")
def test_the_tests_open_no_outside_connection(tmp_path: Path) -> None:
    record = tmp_path / "strace.txt"
    traced = ("strace", "-f", "--seccomp-bpf", "-e", "trace=connect", "-o", str(record))
    tests = (sys.executable, "-m", "pytest", "-n", "2", str(Path(__file__).parent))
    assert subprocess.run([*traced, *tests], check=False).returncode == 0
    asked = re.findall(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"', record.read_text())
    assert set(asked) - {"127.0.0.1", "::1", _ROUTE} == set()
