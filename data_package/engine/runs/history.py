"""Past runs and materializations, with times and sizes, read from Dagster's own event log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import dagster as dg

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.project import Project
from data_package.engine.runs.instance import history_for_reading
from data_package.engine.runs.own_history import own_history
from data_package.engine.staleness.lock import read_lock
from data_package.engine.tables import internals
from data_package.engine.tables import io_manager as facts
from data_package.engine.tables.table import PACKAGE

# Dagster's tags on a run, by what started it.
_STARTERS = {
    "dagster/schedule_name": "schedule",
    "dagster/sensor_name": "sensor",
    "dagster/backfill": "backfill",
    "dagster/from_ui": "web page",
}
_DATA_VERSION = "dagster/data_version"


@dataclass(frozen=True)
class RunLine:
    """One run.

    Attributes:
        when: it started, in local time.
        started_by: the command, the web page, or the schedule that started it.
        built: the tables that it built, in that order.
        failed: the tables, or other steps, that failed.
        published: whether it published the data package.
        seconds: None for a run that has not ended.
    """

    run: str
    when: datetime
    started_by: str
    status: str
    built: tuple[str, ...]
    failed: tuple[str, ...]
    published: bool
    seconds: float | None

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {**asdict(self), "when": self.when.isoformat(timespec="seconds")}


@dataclass(frozen=True)
class TableLine:
    """One materialization of a table; values that were not recorded are None.

    `changed` is whether the content differs from the one before; None for the first known one.
    """

    run: str
    when: datetime
    partition: str | None
    rows: int | None
    columns: int | None
    size_bytes: int | None
    seconds: float | None
    peak_memory_bytes: int | None
    data_version: str | None
    changed: bool | None

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {**asdict(self), "when": self.when.isoformat(timespec="seconds")}


def runs(project: Project, limit: int) -> list[RunLine]:
    """The last runs, newest first."""
    with history_for_reading(project) as instance:
        return [_run(record, instance) for record in instance.get_run_records(limit=limit)]


def materializations(name: str, project: Project, limit: int) -> list[TableLine]:
    """The last times that a table was made, newest first.

    Raises ProjectError for a name that is neither in the history nor in the lock.
    """
    key = dg.AssetKey(name.split("/"))
    with history_for_reading(project) as instance:
        # One more, to know whether the oldest shown one changed anything.
        records = instance.fetch_materializations(key, limit=limit + 1).records
        if not records:
            _refuse_unknown(name, project, instance)
        return list(_lines(records))[:limit]


def _run(record: dg.RunRecord, instance: dg.DagsterInstance) -> RunLine:
    run = record.dagster_run
    # A partitioned table once, at its first place.
    built: dict[str, None] = {}
    failed: list[str] = []
    for kind, step, key in _names(run.run_id, instance):
        if kind is dg.DagsterEventType.STEP_FAILURE:
            failed.append((step or "").replace("__", "/"))
        elif key is not None:
            built[key.to_user_string()] = None
    package = PACKAGE.to_user_string()
    start, end = record.start_time, record.end_time
    return RunLine(
        run=run.run_id,
        when=datetime.fromtimestamp(start or record.create_timestamp.timestamp()).astimezone(),
        started_by=_started_by(run.tags),
        status=run.status.value.lower().replace("_", " "),
        built=tuple(name for name in built if name != package),
        failed=tuple(failed),
        published=package in built,
        seconds=round(end - start, 3) if start is not None and end is not None else None,
    )


def _names(
    run: str, instance: dg.DagsterInstance
) -> Iterable[tuple[dg.DagsterEventType, str | None, dg.AssetKey | None]]:
    """The kind, step and asset of each event of a run that something was made, or failed."""
    kinds = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.STEP_FAILURE}
    if (own := own_history(instance)) is not None:
        # Where each event need not be read, that is a tenth of the work.
        return own.names_in(run, kinds)
    records = instance.get_records_for_run(run, of_type=kinds).records
    events = (record.event_log_entry.dagster_event for record in records)
    return [(event.event_type, event.step_key, event.asset_key) for event in events if event]


def _started_by(tags: Mapping[str, str]) -> str:
    if command := tags.get(internals.STARTED_BY):
        return f"data-package {command}"
    for tag, what in _STARTERS.items():
        if tag in tags:
            return what if tag == "dagster/from_ui" else f"{what} {tags[tag]}"
    return "dagster"


def _lines(records: Sequence[dg.EventLogRecord]) -> Iterator[TableLine]:
    """Newest first; the content is compared with the one before of the same partition."""
    versions = [_version(record) for record in records]
    before = _before([record.partition_key for record in records], versions)
    for place, record in enumerate(records):
        made = record.asset_materialization
        if made is None:
            continue
        known = {name: value.value for name, value in made.metadata.items()}
        schema = known.get(facts.COLUMNS)
        seconds = known.get(facts.SECONDS)
        yield TableLine(
            run=record.run_id,
            when=datetime.fromtimestamp(record.timestamp).astimezone(),
            partition=record.partition_key,
            rows=_whole(known.get(facts.ROWS, known.get(facts.PARTITION_ROWS))),
            columns=len(schema.columns) if isinstance(schema, dg.TableSchema) else None,
            size_bytes=_whole(known.get(facts.SIZE)),
            seconds=seconds if isinstance(seconds, float) else None,
            peak_memory_bytes=_whole(known.get(facts.PEAK_MEMORY)),
            data_version=versions[place],
            changed=None if before[place] is None else before[place] != versions[place],
        )


def _before(
    partitions: Sequence[str | None], versions: Sequence[str | None]
) -> Sequence[str | None]:
    """The version before each, of the same partition; newest first."""
    found: list[str | None] = []
    older: dict[str | None, str | None] = {}
    for partition, version in zip(reversed(partitions), reversed(versions), strict=True):
        found.append(older.get(partition))
        older[partition] = version
    return found[::-1]


def _version(record: dg.EventLogRecord) -> str | None:
    """The hash of the content: the IO manager's, else Dagster's data version."""
    made = record.asset_materialization
    if made is None:
        return None
    noted = made.metadata.get(facts.HASH)
    return str(noted.value) if noted is not None else (made.tags or {}).get(_DATA_VERSION)


def _refuse_unknown(name: str, project: Project, instance: dg.DagsterInstance) -> None:
    locked = read_lock(project).names
    if name in locked:
        return
    known = {key.to_user_string() for key in instance.get_asset_keys()} | locked
    raise ProjectError(
        f"There is no history of a table '{name}'.{did_you_mean(name, known)}\n"
        "`data-package status` lists the tables; a table has a history once it has been built."
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
