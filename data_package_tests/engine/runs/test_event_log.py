"""The history is Dagster's own, loses nothing to a kill, and bears many writers."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from data_package.engine.history.connections import KeptConnections
from data_package.engine.runs.instance import project_instance
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER

pytestmark = pytest.mark.slow

TABLE = HEADER + "@dg.asset\ndef a() -> pl.LazyFrame:\n    return pl.LazyFrame({'n': [1, 2]})\n"

# Writes events for ever (or so many), and says each number once it is stored.
WRITER = """
import sys
from pathlib import Path
import dagster as dg
from data_package.engine.history.connections import KeptConnections
from data_package.engine.runs.instance import project_instance
from data_package.engine.project import find_project

number, most = int(sys.argv[1]), int(sys.argv[2])
with project_instance(find_project()) as instance:
    while most:
        event = dg.AssetMaterialization(sys.argv[3], metadata={"number": number})
        instance.report_runless_asset_event(event)
        print(number, flush=True)
        number, most = number + 1, most - 1
"""


@contextmanager
def stock(study: Study) -> Iterator[SqliteEventLogStorage]:
    """Dagster's own reader of the same files."""
    storage = SqliteEventLogStorage(str(study.storage / ".dagster" / "history" / "runs"))
    try:
        yield storage
    finally:
        storage.dispose()


def writer(study: Study, first: int, most: int, asset: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(first), str(most), asset],
        cwd=study.root,
        env=study.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def numbers(study: Study, asset: str) -> list[int]:
    with stock(study) as storage:
        records = storage.fetch_materializations(dg.AssetKey(asset), limit=10_000).records
    found = []
    for record in records:
        assert record.asset_materialization is not None
        value = record.asset_materialization.metadata["number"].value
        assert isinstance(value, int)
        found.append(value)
    return sorted(found)


def test_an_event_is_stored_with_the_text_given_for_it_and_the_next_one_with_its_own(
    study: Make,
) -> None:
    project = study({"t.py": TABLE})
    entries = [
        dg.EventLogEntry(None, 20, message, "r", 1.0)  # type: ignore[no-untyped-call]
        for message in ("first", "second", "third")
    ]
    with project_instance(project.project) as instance:
        storage = instance.event_log_storage
        storage.given(entries[0], dg.serialize_value(entries[0]))  # type: ignore[attr-defined]
        storage.store_event(entries[0])
        storage.given(entries[0], "of another event")  # type: ignore[attr-defined]
        storage.store_event(entries[1])
        storage.store_event(entries[2])
    with stock(project) as storage:
        found = storage.get_logs_for_run("r")
    assert list(found) == entries


def test_dagsters_own_storage_reads_what_a_build_wrote(study: Make) -> None:
    project = study({"t.py": TABLE})
    result = project.build()
    assert result.ok
    with stock(project) as storage:
        (record,) = storage.fetch_materializations(dg.AssetKey("a"), limit=10).records
        assert record.asset_materialization is not None
        assert record.asset_materialization.metadata["dagster/row_count"].value == 2
        logs = storage.get_logs_for_run(str(result.run_id))
    kinds = [log.dagster_event.event_type for log in logs if log.dagster_event]
    for kind in (
        dg.DagsterEventType.RUN_SUCCESS,
        dg.DagsterEventType.STEP_START,
        dg.DagsterEventType.STEP_SUCCESS,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
    ):
        assert kind in kinds


def test_a_process_that_is_killed_loses_nothing_that_was_stored(study: Make) -> None:
    project = study({})
    output: list[int] = []
    process = writer(project, 0, -1, "a")
    assert process.stdout is not None
    for line in process.stdout:
        output.append(int(line))
        if len(output) == 25:
            process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    kept = numbers(project, "a")
    assert kept[: len(output)] == output
    assert len(kept) <= len(output) + 1


def test_two_processes_and_many_threads_write_at_once(study: Make) -> None:
    project = study({})
    with project_instance(project.project) as instance:
        others = [writer(project, first, 15, "shared") for first in (1000, 2000)]

        def report(number: int) -> None:
            event = dg.AssetMaterialization("shared", metadata={"number": number})
            instance.report_runless_asset_event(event)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(report, range(40)))
        assert [process.communicate()[0].count("\n") for process in others] == [15, 15]
    assert numbers(project, "shared") == [*range(40), *range(1000, 1015), *range(2000, 2015)]


def test_events_that_come_together_are_stored_when_the_last_has_come(tmp_path: Path) -> None:
    kept, place = KeptConnections(), tmp_path / "one.db"
    address = f"sqlite:///{place}"
    with sqlite3.connect(place) as other:
        other.execute("CREATE TABLE events (number INTEGER)")

    def store(number: int) -> None:
        with kept.plain(str(place), address) as database:
            database.execute("INSERT INTO events VALUES (?)", [number])

    def stored() -> int:
        return int(other.execute("SELECT count(*) FROM events").fetchone()[0])

    store(1)
    assert stored() == 1
    with kept.together():
        store(2)
        with kept.together():
            store(3)
        assert stored() == 1
    assert stored() == 3
    # What came before an error is kept.
    with suppress(ValueError), kept.together():
        store(4)
        raise ValueError
    assert stored() == 4
    store(5)
    assert stored() == 5
    kept.close()


def test_a_history_that_was_removed_is_begun_again(study: Make) -> None:
    project = study({"t.py": TABLE})
    assert project.build().ok
    for file in sorted((project.storage / ".dagster").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    project.write({"t.py": TABLE.replace("[1, 2]", "[1, 2, 3]")})
    assert project.build().ok
    with stock(project) as storage:
        assert len(storage.fetch_materializations(dg.AssetKey("a"), limit=10).records) == 1


def test_more_runs_than_are_kept_open_are_all_kept(study: Make) -> None:
    project = study({})
    with project_instance(project.project) as instance:
        runs = [instance.create_run_for_job(dg.job(name="j")(lambda: None)) for _ in range(12)]
        for _ in range(2):
            for run in runs:
                instance.report_engine_event("said", run)
        assert [len(instance.all_logs(run.run_id)) for run in runs] == [2] * 12


@pytest.mark.parametrize("shard", ["index.db", "runs.db"])
def test_the_history_is_in_the_place_where_dagster_looks(study: Make, shard: str) -> None:
    project = study({})
    with project_instance(project.project) as instance:
        instance.get_runs()
        instance.get_asset_keys()
    assert len(list(Path(project.storage, ".dagster").rglob(shard))) == 1


TELLER = """
import sys
from data_package.engine.history.connections import KeptConnections
from data_package.engine.runs.instance import project_instance
from data_package.engine.project import find_project

with project_instance(find_project()) as instance:
    for number in range(3):
        instance.report_engine_event(f"event {number}", run_id=sys.argv[1], job_name="job")
        print(number, flush=True)
    sys.stdin.read()
"""


def test_events_of_another_process_arrive_while_it_still_runs(study: Make) -> None:
    made = study({"tables.py": TABLE})
    arrived: Queue[str] = Queue()
    with project_instance(made.project) as instance:
        instance.watch_event_logs("run", None, lambda event, _: arrived.put(event.message))
        other = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(TELLER), "run"],
            cwd=made.root,
            env=made.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            heard = [arrived.get(timeout=60) for _ in range(3)]
            assert other.poll() is None
        finally:
            other.communicate("")
        assert heard == ["event 0", "event 1", "event 2"]


def test_a_build_is_in_the_timeline_and_its_run_can_be_repeated(study: Make) -> None:
    made = study({"tables.py": TABLE})
    assert made.build().ok
    with project_instance(made.project) as instance:
        (run,) = instance.get_runs()
        label = f"__repository__@{made.package}.definitions"
        assert run.remote_job_origin is not None
        assert run.remote_job_origin.location_name == f"{made.package}.definitions"
        filters = dg.RunsFilter(tags={".dagster/repository": label})
        assert [found.run_id for found in instance.get_runs(filters)] == [run.run_id]
