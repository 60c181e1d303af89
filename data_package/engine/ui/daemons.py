"""Dagster's daemons as threads of the server: what they start is started behind the guard.

Backfills of partitions need one wherever runs may be started. Schedules, sensors and automation
conditions run only where the user asks for it, and stop when the server ends.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.asset_daemon import AssetDaemon
from dagster._daemon.controller import DagsterDaemonController
from dagster._daemon.daemon import BackfillDaemon, DagsterDaemon, SchedulerDaemon, SensorDaemon
from dagster._daemon.freshness import FreshnessDaemon

_SECONDS_BETWEEN_AUTOMATIONS = 30
_IN_THIS_THREAD = {"use_threads": False}


@contextmanager
def daemons(workspace: WorkspaceProcessContext, *, automation: bool) -> Iterator[None]:
    """Run the daemons that the pages need while the block runs."""
    logging.getLogger("dagster.daemon").setLevel(logging.CRITICAL)
    chosen: list[DagsterDaemon[Any]] = [BackfillDaemon(_IN_THIS_THREAD)]
    if automation:
        chosen += [
            SchedulerDaemon(),  # type: ignore[no-untyped-call]
            SensorDaemon(_IN_THIS_THREAD),
            AssetDaemon({}, pre_sensor_interval_seconds=_SECONDS_BETWEEN_AUTOMATIONS),
            FreshnessDaemon(),
        ]
    with ExitStack() as stack:
        started = [stack.enter_context(daemon) for daemon in chosen]
        stack.enter_context(DagsterDaemonController(workspace, started))
        yield
