"""Runs that are started from the pages: each is a process of this project, and none outlives them.

Dagster's own launcher asks a code server over gRPC, whose socket is in a shared folder. Here
there is none: the run's process imports the project itself, as the command does, and takes the same
executor, lock and checks.
"""

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster._core.launcher.base import LaunchRunContext, RunLauncher
from dagster._serdes import ConfigurableClass, ConfigurableClassData

_SECONDS_TO_END = 15.0
_RUNNING = "data_package.engine.ui.running"


class ProcessLauncher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """Starts a process for each run, and ends it when the server ends.

    The process holds the other end of a pipe: however the server ends, the pipe breaks.
    """

    def __init__(self, root: str, inst_data: ConfigurableClassData | None = None) -> None:
        """`root`: of the project."""
        self._root = root
        self._inst_data = inst_data
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        # Runs that a backfill has asked for: they would wait for each other anyway.
        self._waiting: deque[str] = deque()
        self._lock = threading.Lock()
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What the instance keeps of the configuration."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """One text: the project's root."""
        return {"root": str}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """Make it as Dagster does from the configuration."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's process, when there is none before it."""
        with self._lock:
            self._waiting.append(context.dagster_run.run_id)
        self._start_next()

    def _start_next(self) -> None:
        """Start a waiting run, if no other runs; what its functions print is kept nowhere."""
        with self._lock:
            if self._processes or not self._waiting:
                return
            run_id = self._waiting.popleft()
            process = self._started(run_id)
            self._processes[run_id] = process
        threading.Thread(target=self._await_end, args=(run_id, process), daemon=True).start()

    def _started(self, run_id: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", _RUNNING, self._root, run_id],
            cwd=Path(self._root),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def terminate(self, run_id: str) -> bool:
        """Ask the run's process to end. False when there is none."""
        run = self._instance.get_run_by_id(run_id)
        with self._lock:
            process = self._processes.get(run_id)
            waits = run_id in self._waiting
            if waits:
                self._waiting.remove(run_id)
        if run is None or run.is_finished or not (waits or process):
            return False
        self._instance.report_run_canceling(run)
        if process is None:
            self._instance.report_run_canceled(run)
            return True
        _let_go(process)
        return True

    def dispose(self) -> None:
        """End all that still run."""
        with self._lock:
            left = dict(self._processes)
            unstarted = list(self._waiting)
            self._waiting.clear()
        for run_id in unstarted:
            if (run := self._instance.get_run_by_id(run_id)) is not None:
                self._instance.report_run_canceled(run)
        for process in left.values():
            _let_go(process)
        for run_id, process in left.items():
            try:
                process.wait(timeout=_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._settle(run_id)

    def _await_end(self, run_id: str, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._settle(run_id)
        self._start_next()

    def _settle(self, run_id: str) -> None:
        """Forget a process that has ended; a run that it left open has failed."""
        with self._lock:
            if self._processes.pop(run_id, None) is None:
                return
            run = self._instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                words = "The process of the run ended before the run did."
                self._instance.report_run_failed(run, words)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
