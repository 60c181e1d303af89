"""The process of a run that was started from the pages: `python -m … ROOT RUN`.

Its standard input is a pipe from the server, on which nothing is ever sent. When it breaks, the
server is gone or wants the run to end.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import dagster as dg
from dagster._core.execution.api import execute_run
from dagster._utils.hosted_user_process import recon_job_from_origin
from dagster._utils.interrupts import capture_interrupts

from data_package.engine.errors import DataPackageError
from data_package.engine.project import find_project
from data_package.engine.runs.instance import project_instance
from data_package.engine.tables.loading import load_project

_PRIVATE = 0o077
_SECONDS_TO_END = 10.0


def main(root: str, run_id: str) -> None:
    """Carry out one run of the project at `root` that Dagster has noted down."""
    os.umask(_PRIVATE)
    pipe = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    project = find_project(Path(root))
    with capture_interrupts(), project_instance(project) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.job_code_origin is None:
            sys.exit(f"There is no run {run_id} here.")
        threading.Thread(target=_await_break, args=(pipe, run, instance), daemon=True).start()
        try:
            load_project(project)
            job = recon_job_from_origin(run.job_code_origin)
            execute_run(job, run, instance, raise_on_error=False)
        except DataPackageError as error:
            instance.report_run_failed(run, str(error))
        except Exception as error:  # noqa: BLE001
            # Its message may quote a row.
            instance.report_run_failed(run, f"The run could not start: {type(error).__name__}.")


def _await_break(pipe: int, run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
    with contextlib.suppress(OSError):
        os.read(pipe, 1)
    with contextlib.suppress(Exception):
        # Without it, Dagster takes the signal for an accident.
        if (now := instance.get_run_by_id(run.run_id)) is not None and not now.is_finished:
            instance.report_run_canceling(now)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_END)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
