"""Dagster's event log on SQLite, with open connections and queries made once."""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster import AssetKey, DagsterEventType, EventLogEntry, EventLogRecord, serialize_value
from dagster._core.events import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
)
from dagster._core.storage.event_log.migration import (
    ASSET_DATA_MIGRATIONS,
    ASSET_KEY_INDEX_COLS,
    EVENT_LOG_DATA_MIGRATIONS,
)
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.schema import (
    SqlEventLogStorageMetadata,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from data_package.engine.history.connections import KeptConnections
from data_package.engine.history.fresh import is_ready, make_database
from data_package.engine.storage import make_private_folder

_COLUMNS = (
    "run_id",
    "event",
    "dagster_event_type",
    "timestamp",
    "step_key",
    "asset_key",
    "partition",
)
_INSERT = f"INSERT INTO event_logs ({', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_ASSETS = (
    "SELECT id, asset_key, last_materialization, last_run_id, asset_details, cached_status_data "
    "FROM asset_keys WHERE asset_key IN ({}) AND "
    "(wipe_timestamp IS NULL OR last_materialization_timestamp > wipe_timestamp) ORDER BY asset_key"
)
_ASKED_AT_ONCE = 500
_KEPT_RECORDS = 4096
_KEPT_SIZE = 1 << 14
_INSERT_TAG = (
    "INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp) "
    "VALUES (?, ?, ?, ?, ?)"
)
Handler = Callable[[EventLogEntry, str], None]
_NAMES = "SELECT dagster_event_type, step_key, asset_key FROM event_logs"
_MIGRATED = [*EVENT_LOG_DATA_MIGRATIONS, *ASSET_DATA_MIGRATIONS]


class EventLog(SqliteEventLogStorage):
    """Dagster's event log; each database is opened once in a process.

    An event goes where the stock class puts it, in the same order: into the database of its run,
    and if it concerns an asset, a check or the run's own state, into the index of all runs.
    """

    def __init__(self, base_dir: str) -> None:
        """`base_dir`: the folder of the databases, one for each run and the index."""
        self._kept = KeptConnections()
        # An index never loses columns, tables or migrations, so what it has is remembered.
        self._seen: set[tuple[str, str]] = set()
        self._places: dict[str, tuple[str, str]] = {}
        # What this process last wrote about assets, as text and as Dagster reads it.
        self._records: OrderedDict[str, EventLogRecord] = OrderedDict()
        self._given: tuple[EventLogEntry, str] | None = None
        self._watcher: SqlPollingEventWatcher | None = None
        index = make_private_folder(Path(base_dir)) / f"{INDEX_SHARD_NAME}.db"
        if not index.exists():
            make_database(index, SqlEventLogStorageMetadata, _MIGRATED)
        super().__init__(base_dir)

    def given(self, event: EventLogEntry, text: str) -> None:
        """Take this text for an event that is stored next: `serialize_value` has written it."""
        self._given = event, text

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event; it is committed when this returns."""
        row = self._row(event)
        moment = _moment(row["timestamp"])
        values = [moment if name == "timestamp" else row[name] for name in _COLUMNS]
        with self._plain(event.run_id) as database:
            database.execute(_INSERT, values)
        kind = event.dagster_event_type if event.is_dagster_event else None
        if kind in ASSET_EVENTS:
            with self._plain(INDEX_SHARD_NAME) as database:
                number = int(database.execute(_INSERT, values).lastrowid or 0)
                tags = self._tags_for_asset_event(event).items()
                database.executemany(
                    _INSERT_TAG, [(number, row["asset_key"], *tag, moment) for tag in tags]
                )
                self._note_asset(database, event, number, row)
        if kind in ASSET_CHECK_EVENTS:
            with self.index_connection() as connection:
                key = connection.execute(SqlEventLogStorageTable.insert(), row).inserted_primary_key
                self.store_asset_check_event(event, key and key[0])
        if kind in EVENT_TYPE_TO_PIPELINE_RUN_STATUS:
            with self._plain(INDEX_SHARD_NAME) as database:
                database.execute(_INSERT, values)

    def _row(self, event: EventLogEntry) -> Mapping[str, Any]:
        """The stock class's `_event_to_row`, for which the text may be there already."""
        given, self._given = self._given, None
        text = given[1] if given and given[0] is event else serialize_value(event)
        of = event.dagster_event
        key = of.asset_key if of is not None else None
        return {
            "run_id": event.run_id,
            "event": text,
            "dagster_event_type": of.event_type_value if of is not None else None,
            "timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "step_key": of.step_key if of is not None else event.step_key,
            "asset_key": key.to_string() if key is not None else None,
            "partition": (of.partition or None) if of is not None else None,
        }

    def together(self, within_seconds: float = 0.0) -> AbstractContextManager[None]:
        """Commit the events that are stored in the block when it ends, not one by one.

        Or up to so many seconds later, with those of other blocks; `settle` does not wait.
        """
        return self._kept.together(within_seconds)

    def settle(self) -> None:
        """Commit the events that are not committed yet."""
        self._kept.settle()

    def names_in(
        self, run_id: str, kinds: Collection[DagsterEventType]
    ) -> list[tuple[DagsterEventType, str | None, AssetKey | None]]:
        """The kind, step and asset of the events of some kinds, in their order: none is parsed."""
        marks = ", ".join("?" * len(kinds))
        words = f"{_NAMES} WHERE dagster_event_type IN ({marks}) ORDER BY id"
        with self._plain(run_id) as database:
            found = database.execute(words, [kind.value for kind in kinds]).fetchall()
        return [
            (DagsterEventType(kind), step, AssetKey.from_db_string(key) if key else None)
            for kind, step, key in found
        ]

    def _note_asset(
        self,
        database: sqlite3.Connection,
        event: EventLogEntry,
        number: int,
        row: Mapping[str, Any],
    ) -> None:
        """Update the asset's last event in the index's table of assets."""
        assert event.dagster_event is not None
        if row["asset_key"] is None:
            return
        noted: dict[str, object] = {
            "last_materialization_timestamp": _moment(datetime.fromtimestamp(event.timestamp, UTC))
        }
        if event.dagster_event.is_step_materialization:
            # What `serialize_value` writes for an EventLogRecord, without packing the event again.
            noted["last_materialization"] = text = (
                f'{{"__class__": "EventLogRecord", "event_log_entry": {row["event"]}, '
                f'"storage_id": {number}}}'
            )
            self._keep(text, EventLogRecord(storage_id=number, event_log_entry=event))
            noted["last_run_id"] = event.run_id
        elif event.dagster_event.is_asset_materialization_planned:
            noted["last_run_id"] = event.run_id
        elif not event.dagster_event.is_asset_observation:
            return
        names = ", ".join(noted)
        changes = ", ".join(f"{name} = excluded.{name}" for name in noted)
        database.execute(
            f"INSERT INTO asset_keys (asset_key, {names}) VALUES (?{', ?' * len(noted)}) "  # noqa: S608
            f"ON CONFLICT (asset_key) DO UPDATE SET {changes}",
            [row["asset_key"], *noted.values()],
        )

    def _keep(self, text: str, record: EventLogRecord) -> None:
        if len(text) <= _KEPT_SIZE:
            self._records[text] = record
            while len(self._records) > _KEPT_RECORDS:
                self._records.popitem(last=False)

    def _get_latest_materialization_records(
        self, raw_asset_rows: Iterable[Mapping[str, Any]]
    ) -> Mapping[AssetKey, EventLogRecord | None]:
        """The stock class parses each event again, once for every table that uses the asset."""
        records: dict[AssetKey, EventLogRecord | None] = {}
        others = []
        for row in raw_asset_rows:
            kept = self._records.get(row["last_materialization"] or "")
            key = AssetKey.from_db_string(row["asset_key"])
            if kept is not None and key is not None and not row["asset_details"]:
                records[key] = kept
            else:
                others.append(row)
        if others:
            records.update(super()._get_latest_materialization_records(others))
        return records

    def _fetch_raw_asset_rows(
        self,
        asset_keys: Sequence[AssetKey] | None = None,
        *,
        prefix: Sequence[str] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        key_only: bool = False,
    ) -> tuple[Iterable[Any], bool, str | None]:
        """The stock class builds its query again for each table that asks for its inputs."""
        asked = [key.to_string() for key in asset_keys or ()]
        selected = prefix or limit or cursor or key_only
        if selected or not 0 < len(asked) <= _ASKED_AT_ONCE or not self._is_of_today():
            return super()._fetch_raw_asset_rows(
                asset_keys, prefix=prefix, limit=limit, cursor=cursor, key_only=key_only
            )
        query = _ASSETS.format(", ".join("?" * len(asked)))
        with self._plain(INDEX_SHARD_NAME) as database:
            found = database.execute(query, asked)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found], False, None

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table."""
        return self._once("table", table_name, super().has_table)

    def has_secondary_index(self, name: str) -> bool:
        """Whether a data migration is done."""
        return self._once("migration", name, super().has_secondary_index)

    def has_asset_key_col(self, column_name: str) -> bool:
        """Whether the index's table of assets has a column."""
        return self._once("column", column_name, super().has_asset_key_col)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        place = self._place(shard)
        with self._kept.transaction(*place, lambda: self._prepare(shard)) as connection:
            yield connection

    def _plain(self, shard: str) -> AbstractContextManager[sqlite3.Connection]:
        """The same, without SQLAlchemy's layer."""
        return self._kept.plain(*self._place(shard), lambda: self._prepare(shard))

    def _place(self, shard: str) -> tuple[str, str]:
        """The path and the URL of a database."""
        if shard not in self._places:
            self._places[shard] = self.path_for_shard(shard), self.conn_string_for_shard(shard)
        return self._places[shard]

    def _prepare(self, shard: str) -> None:
        """Make the database of a run, or finish migrating one that is not noted as migrated."""
        path = Path(self.path_for_shard(shard))
        if not path.exists():
            migrated = _MIGRATED if shard == INDEX_SHARD_NAME else []
            make_database(path, SqlEventLogStorageMetadata, migrated)
        if not is_ready(path):
            self._initdb(create_engine(self.conn_string_for_shard(shard), poolclass=NullPool))

    def _is_of_today(self) -> bool:
        """Whether the index's table of assets has all columns, and they are filled."""
        return self.can_read_asset_status_cache() and self.has_secondary_index(ASSET_KEY_INDEX_COLS)

    def _once(self, kind: str, name: str, ask: Callable[[str], bool]) -> bool:
        if (kind, name) not in self._seen and ask(name):
            self._seen.add((kind, name))
        return (kind, name) in self._seen

    def watch(self, run_id: str, cursor: str | None, callback: Handler) -> None:
        """Call back with the events of a run as they are written, by any process.

        Another process writes to the database's write-ahead log, and a watcher of the database file
        does not see that; so the database is polled.
        """
        if self._watcher is None:
            self._watcher = SqlPollingEventWatcher(self)
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Handler) -> None:
        """Stop calling back."""
        if self._watcher is not None:
            self._watcher.unwatch_run(run_id, handler)

    def dispose(self) -> None:
        """Close all connections."""
        if self._watcher is not None:
            self._watcher.close()
        self._kept.close()
        super().dispose()


def _moment(at: datetime) -> str:
    """A time stamp as SQLAlchemy stores it in SQLite: without its zone."""
    return at.replace(tzinfo=None).isoformat(" ", "microseconds")
