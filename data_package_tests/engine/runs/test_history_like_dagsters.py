"""The history's databases and rows are those that Dagster's own storage would have written."""

import random
import re
import sqlite3
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from data_package.engine.history import HistoryStorage
from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER

TABLES = {
    "t.py": HEADER
    + "@dg.asset\ndef a() -> pl.LazyFrame:\n    return pl.LazyFrame({'n': [1, 2]})\n"
    + "\n\n@dg.asset\ndef b(a: pl.LazyFrame) -> pl.LazyFrame:\n    return a\n"
    + "\n\n@dg.asset_check(asset='b')\ndef fine(b: pl.LazyFrame) -> dg.AssetCheckResult:\n"
    + "    return dg.AssetCheckResult(passed=True)\n"
}


def rows(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """What every table of a database holds, without the moment at which a row was made."""
    connection = sqlite3.connect(database)
    names = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    held = {}
    for name in names:
        columns = [column[1] for column in connection.execute(f"PRAGMA table_info({name})")]
        shown = [f'"{c}"' for c in columns if c not in ("create_timestamp", "migration_completed")]
        held[name] = connection.execute(f"SELECT {', '.join(shown)} FROM {name}").fetchall()
    connection.close()
    return held


def schema(database: Path) -> list[tuple[str, str, str]]:
    """The tables and indexes of a database, without the blanks of their SQL."""
    connection = sqlite3.connect(database)
    found = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    return sorted((kind, name, "".join(sql.split())) for kind, name, sql in found)


def test_fresh_databases_are_as_dagster_makes_them(tmp_path: Path) -> None:
    ours, stock = tmp_path / "ours", tmp_path / "stock"
    for made in (HistoryStorage(str(ours)), DagsterSqliteStorage(str(stock))):
        made.event_log_storage.get_logs_for_run("a_run")
        made.dispose()
    names = sorted(path.relative_to(stock) for path in stock.rglob("*.db"))
    assert len(names) == 4
    assert names == sorted(path.relative_to(ours) for path in ours.rglob("*.db"))
    for name in names:
        assert schema(ours / name) == schema(stock / name)
        before, after = rows(stock / name), rows(ours / name)
        for table in before:
            # The order in which migrations were noted tells nothing.
            assert _unnumbered(before[table], table) == _unnumbered(after[table], table), table


def test_every_event_is_stored_as_dagster_stores_it(study: Make, tmp_path: Path) -> None:
    """The events of a real build, stored again by both, leave the same rows."""
    project = study(TABLES)
    result = project.build()
    assert result.ok
    kept = SqliteEventLogStorage(str(project.storage / ".dagster" / "history" / "runs"))
    events = [*kept.get_logs_for_run(str(result.run_id)), *kept.get_logs_for_run("")]
    kept.dispose()
    kinds = {event.dagster_event_type for event in events}
    assert {
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.DagsterEventType.RUN_SUCCESS,
    } <= kinds
    # A second time in another order: what is noted of an asset is then changed, not new.
    again = [e for e in events if "CHECK" not in str(e.dagster_event_type)]
    events += random.Random(7).sample(again, len(again))
    ours, stock = tmp_path / "ours", tmp_path / "stock"
    for made in (HistoryStorage(str(ours)), DagsterSqliteStorage(str(stock))):
        for event in events:
            made.event_log_storage.store_event(event)
        made.dispose()
    for database in stock.rglob("*.db"):
        counterpart = ours / database.relative_to(stock)
        before, after = rows(database), rows(counterpart)
        for table in before.keys() - {"secondary_indexes"}:
            assert sorted(before[table], key=repr) == sorted(after[table], key=repr), table


def test_an_assets_record_is_as_dagster_reads_it(study: Make) -> None:
    """What is remembered of a materialization is what the database says of it."""
    project = study(TABLES)
    assert project.build().ok
    base = str(project.storage / ".dagster")
    ours, stock = HistoryStorage(base), DagsterSqliteStorage(base)
    key = dg.AssetKey("a")
    (record,) = stock.event_log_storage.get_asset_records([key])
    event = record.asset_entry.last_materialization_record
    assert event is not None
    ours.event_log_storage.store_event(event.event_log_entry)
    (remembered,) = ours.event_log_storage.get_asset_records([key])
    (read,) = stock.event_log_storage.get_asset_records([key])
    assert remembered == read
    assert remembered.asset_entry.last_materialization_record != event
    ours.dispose()
    stock.dispose()


def test_the_records_of_assets_are_those_that_dagster_reads(study: Make) -> None:
    """Of one, of many, of one that was wiped, of one that was wiped and made again, of none."""
    project = study(TABLES)
    assert project.build().ok
    base = str(project.storage / ".dagster")
    ours, stock = HistoryStorage(base), DagsterSqliteStorage(base)
    a, b, never = dg.AssetKey("a"), dg.AssetKey("b"), dg.AssetKey("never")
    (before,) = stock.event_log_storage.get_asset_records([a])
    made = before.asset_entry.last_materialization_record
    assert made is not None

    def same() -> list[str]:
        found = []
        for asked in ([a], [b, a], [never], [a, a, never], []):
            records = ours.event_log_storage.get_asset_records(asked)
            assert records == stock.event_log_storage.get_asset_records(asked)
            found.append(str(len(records)))
        return found

    assert same() == ["1", "2", "0", "1", "0"]
    stock.event_log_storage.wipe_asset(a)
    assert same() == ["0", "1", "0", "0", "0"]
    ours.event_log_storage.store_event(made.event_log_entry)
    same()
    later = made.event_log_entry._replace(timestamp=made.timestamp + 10**6)
    ours.event_log_storage.store_event(later)
    assert same() == ["1", "2", "0", "1", "0"]
    ours.dispose()
    stock.dispose()


def _unnumbered(held: list[tuple[object, ...]], table: str) -> list[tuple[object, ...]]:
    return sorted(row[1:] for row in held) if table == "secondary_indexes" else held


def test_the_newest_migration_is_the_one_that_dagster_notes(tmp_path: Path) -> None:
    from alembic.script import ScriptDirectory
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.sql import get_alembic_config

    from data_package.engine.history.fresh import newest_revision

    config = get_alembic_config(str(sqlite_event_log.__file__))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()
    assert re.fullmatch(r"\w+", newest_revision())
