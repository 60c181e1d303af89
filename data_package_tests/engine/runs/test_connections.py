"""Events of a run that are committed together are soon there for others, and none is lost."""

import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from data_package.engine.history.connections import KeptConnections
from data_package.engine.history.events import EventLog
from data_package.engine.runs.own_history import OwnHistory, own_history, together

# The type checker compares each method with the protocol's.
_: type[OwnHistory] = EventLog


class Numbers:
    """A database that is written through the kept connections, and read past them."""

    def __init__(self, kept: KeptConnections, path: Path) -> None:
        self.kept, self.path = kept, path
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE numbers (number INTEGER)")

    def write(self, number: int) -> None:
        with self.kept.plain(str(self.path), f"sqlite:///{self.path}") as driver:
            driver.execute("INSERT INTO numbers VALUES (?)", [number])

    def seen_by_others(self) -> int:
        database = sqlite3.connect(self.path)
        found = database.execute("SELECT count(*) FROM numbers").fetchone()[0]
        database.close()
        return int(found)


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    return Numbers(KeptConnections(), tmp_path / "numbers.db")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [100.0]
    monkeypatch.setattr("data_package.engine.history.connections.time.monotonic", lambda: moment[0])
    return moment


def test_what_is_written_together_is_committed_when_its_time_is_over(
    numbers: Numbers, now: list[float]
) -> None:
    seen = []
    for moment in (100.0, 100.05, 100.09, 100.11, 100.12):
        now[0] = moment
        with numbers.kept.together(within_seconds=0.1):
            numbers.write(1)
            numbers.write(2)
        seen.append(numbers.seen_by_others())
    assert seen == [0, 0, 0, 8, 8]
    numbers.kept.settle()
    assert numbers.seen_by_others() == 10


def test_without_a_time_it_is_committed_at_the_end_of_the_outer_block(numbers: Numbers) -> None:
    with numbers.kept.together():
        with numbers.kept.together():
            numbers.write(1)
        assert numbers.seen_by_others() == 0
    assert numbers.seen_by_others() == 1


def test_what_is_written_after_the_block_joins_it_until_it_is_settled(
    numbers: Numbers, now: list[float]
) -> None:
    with numbers.kept.together(within_seconds=now[0]):
        numbers.write(1)
    numbers.write(2)
    assert numbers.seen_by_others() == 0
    numbers.kept.settle()
    assert numbers.seen_by_others() == 2
    numbers.write(3)
    assert numbers.seen_by_others() == 3


@pytest.mark.parametrize("end", ["others are opened", "all are closed"])
def test_no_connection_is_closed_with_what_is_not_committed(
    numbers: Numbers, tmp_path: Path, end: str
) -> None:
    with numbers.kept.together(within_seconds=60):
        numbers.write(1)
    if end == "all are closed":
        numbers.kept.close()
    else:
        for number in range(20):
            other = tmp_path / f"{number}.db"
            with numbers.kept.transaction(str(other), f"sqlite:///{other}"):
                other.touch()
    assert numbers.seen_by_others() == 1


def test_dagsters_own_history_is_used_as_dagster_does() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert own_history(instance) is None
        with together(instance, 60):
            instance.report_runless_asset_event(dg.AssetMaterialization("a"))
