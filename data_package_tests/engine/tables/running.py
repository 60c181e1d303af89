"""Running a project's assets with Dagster's own means, and looking at what it was reported."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from data_package.engine.tables.trial import KEPT
from data_package_tests.conftest import Study

HEADER = """\
from pathlib import Path

import dagster as dg
import polars as pl
"""
# A raw table of what was delivered as people.csv.
RAW_PEOPLE = (
    HEADER
    + '''
from data_package import source_file

people_file = source_file("people_file", "people.csv")

@dg.asset(group_name="raw")
def people(people_file: Path) -> pl.LazyFrame:
    """One row per person."""
    return pl.scan_csv(people_file)
'''
)


def execute(
    study: Study, *names: str, partition: str | None = None, ok: bool = True
) -> dg.ExecuteInProcessResult:
    """Run the named assets, or all of them, in this process."""
    definitions = study.definitions()
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        asset_selection=[dg.AssetKey(name.split("/")) for name in names] or None,
        partition_key=partition,
        instance=dg.DagsterInstance.ephemeral(),
        tags={KEPT: "true"},
        raise_on_error=False,
    )
    assert result.success is ok
    return result


def metadata_of(result: dg.ExecuteInProcessResult, name: str) -> dict[str, object]:
    """The metadata of an asset's last materialization."""
    events = result.asset_materializations_for_node(name.replace("/", "__"))
    return {key: value.value for key, value in events[-1].metadata.items()}


def everything_reported(result: dg.ExecuteInProcessResult) -> str:
    """All that the events of a run hold, as text."""
    return "\n".join(repr(event) for event in result.all_events)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What the one step that failed says."""
    (event,) = [e for e in result.all_events if e.is_step_failure]
    data = event.step_failure_data
    if data.user_failure_data is not None:
        return str(data.user_failure_data.description)
    assert data.error is not None
    return data.error.message


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Run with another umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def temporary_files(folder: Path) -> list[Path]:
    """What has been left half-written below a folder."""
    return sorted(folder.rglob(".*.tmp"))
