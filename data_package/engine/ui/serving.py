"""Serves the pages until the user ends it, and leaves nothing behind."""

import asyncio
import os
import secrets
import signal
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import uvicorn

from data_package.engine.project import Project
from data_package.engine.runs.instance import project_instance
from data_package.engine.storage import make_private_folder, remove, sweep, temporary_beside
from data_package.engine.ui import protocol
from data_package.engine.ui.access import Access
from data_package.engine.ui.daemons import daemons
from data_package.engine.ui.graphql_operations import AUTOMATION, RUNS
from data_package.engine.ui.guard import Guard
from data_package.engine.ui.listening import Listening, ListeningPlace, listening
from data_package.engine.ui.pages import open_workspace, pages

_COORDINATOR = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}
_LAUNCHER = {"module": "data_package.engine.ui.started_runs", "class": "ProcessLauncher"}


@dataclass(frozen=True)
class Open:
    """What is open, once it is; `link` makes a new link that works once."""

    listening: Listening
    link: Callable[[], str]


def serve(
    project: Project,
    place: ListeningPlace,
    *,
    allow_runs: bool,
    ready: Callable[[Open], object],
    automation: bool = False,
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; `ready` hears once, when links can be opened.

    `automation` runs the project's schedules, sensors and automation conditions meanwhile.

    Raises ProjectError when the project does not load or the place cannot be had.
    """
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    access = Access()
    with (
        listening(place, project) as place_open,
        _private_temporary(project),
        warnings.catch_warnings(),
        project_instance(project, _where_runs_go(project)) as instance,
    ):
        # What Dagster says of its beta features and of its storage is not for the user's terminal.
        warnings.simplefilter("ignore")
        workspace = open_workspace(project, instance, allow_runs=allow_runs, automation=automation)
        guard = Guard(
            pages(workspace),
            access,
            place_open.address,
            cookie=_cookie(place),
            dictionary=project.published / "index.html",
            allowed=_allowed(allow_runs, automation),
        )
        config = uvicorn.Config(
            guard,
            ssl_certfile=place.tls_cert,
            ssl_keyfile=place.tls_key,
            **protocol.settings(),
        )
        opened = Open(place_open, lambda: place_open.link(access.new_link()))
        try:
            with suppress(KeyboardInterrupt), ExitStack() as stack:
                if allow_runs:
                    stack.enter_context(daemons(workspace, automation=automation))
                _Server(config, opened, ready).run(sockets=[place_open.socket])
        finally:
            instance.run_launcher.dispose()


def _allowed(allow_runs: bool, automation: bool) -> frozenset[str]:
    return (RUNS if allow_runs else frozenset()) | (AUTOMATION if automation else frozenset())


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, opened: Open, ready: Callable[[Open], object]
    ) -> None:
        super().__init__(config)
        self._opened = opened
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so when it listens; give a new link each time Enter is pressed."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._end)
        if sys.stdin is not None and sys.stdin.isatty():
            loop.add_reader(sys.stdin.fileno(), self._asked, loop)
        self._ready(self._opened)

    def _end(self) -> None:
        self.should_exit = True

    def _asked(self, loop: asyncio.AbstractEventLoop) -> None:
        if os.read(sys.stdin.fileno(), 1024):
            self._ready(self._opened)
        else:
            loop.remove_reader(sys.stdin.fileno())


def _cookie(place: ListeningPlace) -> str:
    """A name that no other server of this kind on the same host uses."""
    prefix = "__Host-" if place.tls_cert else ""
    return f"{prefix}data-package-{secrets.token_hex(4)}"


def _where_runs_go(project: Project) -> dict[str, Any]:
    """Runs start at once and in processes of ours: there is no daemon that would take them."""
    return {
        "run_launcher": {**_LAUNCHER, "config": {"root": str(project.root)}},
        "run_coordinator": _COORDINATOR,
    }


@contextmanager
def _private_temporary(project: Project) -> Iterator[None]:
    """Let temporary files of this process and its children be in a folder of the storage."""
    sweep(project.places.ui)
    folder = make_private_folder(temporary_beside(project.places.ui / "temporary"))
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = None
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
        remove(folder)
