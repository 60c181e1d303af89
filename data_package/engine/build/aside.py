"""Runs that leave no trace: no event in the history, no line in the log, no change of the lock."""

import logging
from collections.abc import Iterable, Mapping

import dagster as dg

from data_package.engine.build.loading import Loaded

IO_MANAGER_KEY = "io_manager"
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
    """A project's definitions with some resources in the place of its own, and a silent log."""
    return dg.Definitions(
        assets=list(assets),  # type: ignore[arg-type]
        resources={**(loaded.definitions.resources or {}), **resources},
        executor=executor,
        loggers={"console": _silent},
    )


def unbound_assets(loaded: Loaded) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """A project's assets, before Dagster has tied them to resources."""
    return [
        item
        for item in loaded.definitions.assets or ()
        if isinstance(item, dg.AssetsDefinition | dg.AssetSpec)
    ]


def _no_log(_context: dg.InitLoggerContext) -> logging.Logger:
    """Drop everything."""
    logger = logging.Logger("aside", logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger


_silent = dg.LoggerDefinition(logger_fn=_no_log, description="Says nothing.")
