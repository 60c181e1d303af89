"""The project's default executor: everything in this process, with an ear for what happens.

Dagster's stock executor starts a process for each step, some four seconds of imports each time.
Its stock logger writes twenty lines a table.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

Listener = Callable[[dg.DagsterEvent], None]

_listeners: dict[str, Listener] = {}


@contextmanager
def listening(run_id: str, listener: Listener) -> Iterator[None]:
    """Call `listener` with every event of a run of this process as it happens."""
    _listeners[run_id] = listener
    try:
        yield
    finally:
        del _listeners[run_id]


class _Executor(InProcessExecutor):
    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        listener = _listeners.get(plan_context.run_id)
        for event in super().execute(plan_context, execution_plan):
            if listener is not None:
                listener(event)
            yield event


@dg.executor(name="in_process")
def in_process(_context: dg.InitExecutorContext) -> _Executor:
    """Run every table in this process, one after the other."""
    return _Executor(retries=RetryMode.ENABLED)


log_level = logging.WARNING
OUR_LOGGER: dict[str, object] = {"loggers": {"console": {}}}


def _console_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """Write to standard error what is at least at `log_level`."""
    logger = logging.Logger("data-package", log_level)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
    return logger


console_logger = dg.LoggerDefinition(
    logger_fn=_console_logger,
    description="Warnings and errors, or all of Dagster's log when it is asked for.",
)
