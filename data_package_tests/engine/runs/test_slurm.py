"""Tables built in jobs of a real Slurm: equal to a build in one process, and nothing is left."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_package.engine.runs.instance import project_instance
from data_package.engine.runs.queueing import prefix_of
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.runs.cluster import Cluster, started
from data_package_tests.engine.runs.test_processes import (
    copied,
    facts_of,
    files_of,
    until,
)

pytestmark = pytest.mark.slow

TABLES = """
import os
from pathlib import Path

import dagster as dg
import polars as pl

from data_package.engine.sources.assets import source_file

YEARS = dg.StaticPartitionsDefinition(["2023", "2024"])
people_file = source_file("people_file", "in/people.csv", bad="reject")
visit_files = source_file("visit_files", "in/visits/*.csv")


@dg.asset(tags={"data_package/slurm_partition": "long", "data_package/cores": "1"})
def people(people_file: pl.LazyFrame) -> pl.LazyFrame:
    print("printed in", os.environ.get("SLURM_JOB_PARTITION"))
    return people_file


@dg.asset(partitions_def=YEARS)
def visits(visit_files: Path) -> pl.LazyFrame:
    print("printed in", os.environ.get("SLURM_JOB_PARTITION"))
    return pl.scan_csv(visit_files)
"""

FINAL = """
import dagster as dg
import polars as pl


@dg.asset
def everything(people: pl.LazyFrame, visits: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    seen = pl.concat(frame.with_columns(year=pl.lit(key)) for key, frame in visits.items())
    return people.join(seen, on="id").sort("id", "year")
"""

CONTRACT = """
schema:
  fields:
    - {name: id, type: integer}
    - {name: age, type: integer, constraints: {minimum: 0}}
"""

FILES = {
    "tables.py": TABLES,
    "people_file.yaml": CONTRACT,
    "final/__init__.py": "",
    "final/published.py": FINAL,
    "final/everything.yaml": CONTRACT
    + "    - {name: n, type: integer}\n    - {name: year, type: string}\n",
    "/in/people.csv": "id,age\n1,20\n2,x\n3,40\n",
    "/in/visits/v_2023.csv": "id,n\n1,7\n3,8\n",
    "/in/visits/v_2024.csv": "id,n\n1,9\n",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with started(tmp_path_factory.mktemp("slurm")) as one:
        yield one


def begun(
    project: Study, cluster: Cluster, *words: str, env: dict[str, str] | None = None
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "data_package.engine.cli", "build", *words],
        cwd=project.root,
        env=project.environment() | (env or cluster.environment),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def in_front_of_sbatch(script: str, folder: Path, cluster: Cluster) -> dict[str, str]:
    """What a process needs to use the cluster through this script in place of `sbatch`."""
    sbatch = folder / "bin" / "sbatch"
    sbatch.parent.mkdir()
    path = cluster.environment["PATH"]
    sbatch.write_text(script.format(real=shutil.which("sbatch", path=path), folder=folder))
    sbatch.chmod(0o755)
    return cluster.environment | {"PATH": f"{sbatch.parent}:{path}"}


def finished(build: "subprocess.Popen[str]") -> tuple[int, dict[str, Any], str]:
    out, err = build.communicate(timeout=1800)
    return build.returncode, json.loads(out) if out else {}, err


# Slurm takes the first job, and its answer is lost. It takes no arrays, and one job of a name.
MEAN = """\
#!/usr/bin/env bash
if [ ! -e {folder}/lost ]; then
    {real} "$@" > {folder}/lost
    echo "sbatch: error: Socket timed out on send/recv operation" >&2
    exit 1
fi
name=$(sed -n 's/^#SBATCH --job-name=//p' "$@")
if grep -q '^#SBATCH --array' "$@" || {{ [[ $name = *visits ]] &&
    squeue --noheader --format=%j --states=PENDING,RUNNING | grep -q visits; }}; then
    echo "$name" >> {folder}/refused
    echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy" >&2
    exit 1
fi
exec {real} "$@"
"""


def test_a_build_in_jobs_gives_the_same_as_one_in_one_process(
    study: Make, cluster: Cluster, tmp_path: Path
) -> None:
    project = study(FILES)
    alone = copied(project, "alone")
    env = in_front_of_sbatch(MEAN, tmp_path, cluster)
    done = project.verb("build", "--slurm", "--json", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    beside = alone.verb("build", "--json")
    assert facts_of(done.stdout) == facts_of(beside.stdout)
    assert files_of(project) == files_of(alone)
    locks = [(one.root / "data-package.lock").read_text() for one in (project, alone)]
    assert locks[0] == locks[1]
    until(lambda: not cluster.jobs())
    ended = (cluster.folder / "log" / "jobs").read_text()
    prefix = prefix_of(project.project)
    taken, *others = re.findall(rf"Name={re.escape(prefix)}(\S+) JobState=(\S+)", ended)
    assert taken == ("people", "CANCELLED")
    # The first partition's job has taken the other, which waited for it.
    assert others.count(("people", "COMPLETED")) == 1
    assert others.count(("visits", "COMPLETED")) == 1
    assert len((tmp_path / "refused").read_text().splitlines()) == 2
    assert not json.loads(project.verb("build", "--json").stdout)["tables"]
    # What functions print is in the logs of their jobs, which nobody else can read.
    logs = list(project.project.places.slurm.glob("*/jobs/*_log.out"))
    printed = [word for log in logs for word in re.findall(r"printed in (\w+)", log.read_text())]
    assert sorted(printed) == ["long", "short", "short"]
    by_step = [
        line for log in logs for line in re.findall(r"^(\S+):\nprinted", log.read_text(), re.M)
    ]
    assert sorted(by_step) == ["people", "visits[2023]", "visits[2024]"]
    assert project.project.places.slurm.stat().st_mode & 0o077 == 0
    assert not list(project.storage.rglob("*.tmp"))


HARD = """
import time
from pathlib import Path

import dagster as dg
import polars as pl

HERE = Path(__file__).parents[1]


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=3))
def unlucky(context: dg.AssetExecutionContext) -> pl.DataFrame:
    (HERE / f"attempt{context.retry_number}").touch()
    if context.retry_number < 3:
        time.sleep(1000)
    return pl.DataFrame({"n": [context.retry_number]})


@dg.asset(tags={"data_package/time": "0.3s"})
def slow() -> pl.DataFrame:
    time.sleep(1000)
    return pl.DataFrame({"n": [1]})


@dg.asset
def after(slow: pl.DataFrame) -> pl.DataFrame:
    return slow


@dg.asset(tags={"data_package/memory": "600MB"})
def eats() -> pl.DataFrame:
    kept = [bytearray(b"x" * 1_000_000) for _ in range(2_000) if not time.sleep(0.002)]
    return pl.DataFrame({"n": [len(kept)]})


@dg.asset(tags={"data_package/slurm_partition": "nowhere"})
def refused() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})
"""


def test_what_happens_to_jobs_is_reported_and_tried_again_as_a_table_says(
    study: Make, cluster: Cluster
) -> None:
    project = study({"tables.py": HARD})
    build = begun(project, cluster, "--slurm", "--json")

    def attempted(number: int) -> tuple[str, str]:
        mark = project.root / f"attempt{number}"
        until(lambda: mark.exists() or build.poll() is not None, 300)
        assert build.poll() is None, build.communicate()
        running = cluster.jobs("RUNNING")
        return next((job, node) for job, (name, node) in running.items() if name == "unlucky")

    def set_node(node: str, state: str) -> None:
        cluster.run("scontrol", "update", f"NodeName={node}", f"State={state}", "Reason=test")

    _, node = attempted(0)
    set_node(node, "DOWN")
    # A node that is down is in service again when it answers a controller that has started.
    cluster.restart()
    job, node = attempted(1)
    # What runs on a drained node goes on, and what is begun later goes elsewhere.
    set_node(node, "DRAIN")
    cluster.run("scancel", job)
    preempted, place = attempted(2)
    cluster.run(
        "sbatch", "--partition=urgent", f"--nodelist={place}", "--output=/dev/null", "--wrap=true"
    )
    code, found, output = finished(build)
    set_node(node, "RESUME")
    assert code == 1, output
    assert {t["name"]: t["status"] for t in found["tables"]} == {
        "unlucky": "built",
        **dict.fromkeys(("slow", "eats", "refused"), "failed"),
        "after": "not built",
    }
    errors = {t["name"]: t["error"] for t in found["tables"]}
    assert "its tag data_package/time allows 0.3 s" in errors["slow"]
    assert "its tag data_package/memory allows 600.0 MB" in errors["eats"]
    assert "Slurm does not take its job" in errors["refused"]
    assert "nvalid partition" in errors["refused"]
    log = re.search(r"The log of its job [0-9_]+: (\S+)", errors["slow"])
    assert log is not None
    assert (project.root / log[1]).exists()
    tried = retries_of(project)
    assert "The node of its job" in tried[0]
    assert "was lost" in tried[0]
    assert f"Its job {job} was cancelled on {node}" in tried[1]
    assert f"Its job {preempted} was preempted on {place}" in tried[2]
    until(lambda: not cluster.jobs())


def retries_of(project: Study) -> list[str]:
    with project_instance(project.project) as instance:
        logs = instance.all_logs(instance.get_runs(limit=1)[0].run_id)
        events = [entry.dagster_event for entry in logs if entry.dagster_event]
        return [
            str(event.step_retry_data.error.message)
            for event in events
            if event.is_step_up_for_retry and event.step_retry_data.error
        ]


# Slurm takes a job and runs it; Ctrl-C in the terminal comes before its answer.
INTERRUPTED = """\
#!/usr/bin/env bash
answer=$({real} "$@")
until squeue --noheader --states=RUNNING | grep -q .; do sleep 0.1; done
kill -INT 0
sleep 0.5
echo "$answer"
"""

WAITS = """
import os
import time
from pathlib import Path

import dagster as dg
import polars as pl

HERE = Path(__file__).parents[1]


@dg.asset
def waits() -> pl.DataFrame:
    while "SLURM_JOB_ID" in os.environ:
        (HERE / "begun").touch()
        time.sleep(0.1)
    return pl.DataFrame({"n": [1]})
"""


def test_nothing_is_left_in_the_queue_of_a_build_that_is_ended(
    study: Make, cluster: Cluster, tmp_path: Path
) -> None:
    project = study({"tables.py": WAITS})
    env = in_front_of_sbatch(INTERRUPTED, tmp_path, cluster)
    build = begun(project, cluster, "--slurm", env=env)
    output = "".join(build.communicate(timeout=300))
    assert build.returncode == 130, output
    assert output.endswith("Interrupted. What was finished is kept.\n")
    assert not cluster.jobs(), output
    # One that is ended by force leaves its job to the next build.
    build = begun(project, cluster, "--slurm")
    until(lambda: (project.root / "begun").exists() or build.poll() is not None, 300)
    build.kill()
    build.communicate(timeout=120)
    (job,) = cluster.jobs()
    again = project.verb("build", "--json", env=cluster.environment)
    assert again.returncode == 0, again.stderr
    assert f"left jobs in Slurm's queue; they are cancelled: {job}." in again.stderr
    until(lambda: not cluster.jobs())
    (made,) = json.loads(again.stdout)["tables"]
    assert made["status"] == "built"


def test_slurm_that_is_not_here_is_reported_before_anything_runs(
    study: Make, tmp_path: Path
) -> None:
    project = study({"tables.py": WAITS})
    done = project.verb("build", "--slurm", env={"PATH": str(tmp_path)})
    assert done.returncode == 2
    assert "needs Slurm's command sbatch, which is not on this machine" in done.stderr
