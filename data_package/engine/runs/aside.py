"""Runs that leave no trace: no event in the history, no line in the log, no change of the lock.

A folder for what such a run makes is gone when the run is over.
"""

import logging
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import dagster as dg

from data_package.engine.project import Project
from data_package.engine.storage import (
    PRIVATE_FOLDER,
    make_private_folder,
    remove,
    temporary_beside,
)
from data_package.engine.tables.loading import Loaded

_SETTINGS = {"telemetry": {"enabled": False}}


def passing_instance() -> dg.DagsterInstance:
    """An instance that keeps its events in memory, for as long as it is open."""
    return dg.DagsterInstance.ephemeral(settings=_SETTINGS)


def definitions_aside(
    loaded: Loaded,
    assets: Iterable[object],
    resources: Mapping[str, object],
    executor: dg.ExecutorDefinition | None = None,
) -> dg.Definitions:
    """A project's definitions with some resources replaced, and a silent log."""
    return dg.Definitions(
        assets=list(assets),  # type: ignore[arg-type]
        resources={**(loaded.definitions.resources or {}), **resources},
        executor=executor,
        loggers={"console": _silent},
    )


def unbound_assets(loaded: Loaded) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """A project's assets, before Dagster has bound them to resources."""
    return [
        item
        for item in loaded.definitions.assets or ()
        if isinstance(item, dg.AssetsDefinition | dg.AssetSpec)
    ]


@contextmanager
def scratch_folder(project: Project, name: str) -> Iterator[Path]:
    """A private folder in the storage that is removed in the end, in any case.

    A signal that ends the process removes it too; after a kill, the next command removes it.
    """
    folder = temporary_beside(make_private_folder(project.storage) / name)
    folder.mkdir(mode=PRIVATE_FOLDER)
    folder.chmod(PRIVATE_FOLDER)

    def end(number: int, _frame: FrameType | None) -> None:
        remove(folder)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = {}
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_IGN:
                # Started by `nohup`, which is meant to last.
                continue
            try:
                before[number] = signal.signal(number, end)
            except ValueError:
                # Not in the main thread, so signals cannot be handled.
                break
        yield folder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        remove(folder)


def _no_log(_context: dg.InitLoggerContext) -> logging.Logger:
    """Discard everything."""
    logger = logging.Logger("aside", logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger


_silent = dg.LoggerDefinition(logger_fn=_no_log, description="Discards all messages.")
