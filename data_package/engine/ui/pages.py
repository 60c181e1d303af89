"""Dagster's own pages on this project, which is loaded in this process.

Dagster loads a project in a separate code server, behind a socket that does not check who connects.
In this process there is no socket to guard, nothing to leave behind, and one import instead of two.
"""

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import dagster as dg
from dagster._core.remote_origin import CodeLocationOrigin, InProcessCodeLocationOrigin
from dagster._core.remote_representation.code_location import CodeLocation, InProcessCodeLocation
from dagster._core.workspace.context import (
    BaseWorkspaceRequestContext,
    WorkspaceProcessContext,
    WorkspaceRequestContext,
)
from dagster._core.workspace.load_target import WorkspaceLoadTarget
from dagster._core.workspace.permissions import PermissionResult, Permissions
from dagster._core.workspace.workspace import (
    CodeLocationEntry,
    CodeLocationLoadStatus,
    DefinitionsSource,
)
from dagster_shared.error import SerializableErrorInfo
from dagster_webserver.webserver import DagsterWebserver
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import BaseRoute, Route

from data_package.engine.errors import ProjectError
from data_package.engine.lineage import dagster_metadata
from data_package.engine.project import Project
from data_package.engine.runs.dagster_parts import NoOpComputeLogManager
from data_package.engine.tables.internals import code_location
from data_package.engine.tables.loading import Loaded, load_project
from data_package.engine.ui.appearance import adapted
from data_package.engine.ui.guard import App
from data_package.engine.ui.stale_status import States, StatusResolver

_OPEN_TO_RUNS = {
    Permissions.LAUNCH_PARTITION_BACKFILL,
    Permissions.CANCEL_PARTITION_BACKFILL,
    Permissions.SCHEDULE_DRY_RUN,
    Permissions.SENSOR_DRY_RUN,
    Permissions.LAUNCH_PIPELINE_EXECUTION,
    Permissions.LAUNCH_PIPELINE_REEXECUTION,
    Permissions.TERMINATE_PIPELINE_EXECUTION,
    Permissions.RELOAD_REPOSITORY_LOCATION,
    Permissions.RELOAD_WORKSPACE,
}
_OPEN_TO_AUTOMATION = {
    Permissions.START_SCHEDULE,
    Permissions.STOP_RUNNING_SCHEDULE,
    Permissions.EDIT_SENSOR,
    Permissions.UPDATE_SENSOR_CURSOR,
}
_WITHOUT_DAEMON = "Nothing runs schedules here: start the pages with data-package ui --daemon"
_WITHOUT_RUNS = "These pages are read-only: start them with data-package ui --allow-runs"
_NEVER = "Not offered by data-package ui"
_SHUT = (
    "data-package ui does not offer this: what functions print and what Dagster keeps of a run may "
    "hold values of rows.\nRun `data-package build` or `data-package debug` in a terminal.\n"
)
_POLL_MS = 2000
# What the pages are made of, and what they ask. What downloads logs, notebooks and events, and what
# takes reports, stays shut.
_OPEN_ENDPOINTS = {
    "graphql_http_endpoint",
    "graphql_ws_endpoint",
    "index_html_endpoint",
    "webserver_info_endpoint",
}
_OPEN_NAMES = ("_static",)

# The pages run Dagster's scripts and no others, and reach this server and no other.
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self'; manifest-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:"
)


def open_workspace(
    project: Project, instance: dg.DagsterInstance, *, allow_runs: bool, automation: bool
) -> "Workspace":
    """What the pages show and the daemons run. Raises ProjectError when it cannot be loaded."""
    dagster_metadata.shown_in_pages = True
    loaded = load_project(project)
    loaded.job()
    return Workspace(project, loaded, instance, allow_runs=allow_runs, automation=automation)


def pages(workspace: "Workspace") -> App:
    """Dagster's pages as an ASGI application."""
    app: Any = _Pages(workspace, live_data_poll_rate=_POLL_MS).create_asgi_app()
    return app  # type: ignore[no-any-return]


class _Pages(DagsterWebserver[WorkspaceProcessContext, WorkspaceRequestContext]):
    def build_routes(self) -> list[BaseRoute]:
        """Those that are meant to be open; what a later Dagster adds stays shut."""
        routes = super().build_routes()  # type: ignore[no-untyped-call]
        return [kept for route in routes if (kept := _kept(route)) is not None]

    def index_html_endpoint(self, request: Request) -> HTMLResponse:
        """The document of all pages, without what leads nowhere here."""
        stock = super().index_html_endpoint(request)
        workspace = self._process_context
        assert isinstance(workspace, Workspace)
        logs = workspace.instance.compute_log_manager
        page = adapted(
            bytes(stock.body).decode(),
            runs=Permissions.LAUNCH_PIPELINE_EXECUTION in workspace.offers,
            output_kept=not isinstance(logs, NoOpComputeLogManager),
        )
        return HTMLResponse(
            page,
            headers={
                name: stock.headers[name] for name in stock.headers if name != "content-length"
            },
        )

    def make_csp_header(self, nonce: str) -> str:
        """What a browser may load and run for the pages."""
        return _POLICY.format(nonce=nonce)


def _kept(route: BaseRoute) -> BaseRoute | None:
    """A route as it is where it is open, and answered in words where pages lead to it."""
    if _is_open(route):
        return route
    return Route(route.path, _shut, methods=["GET"]) if isinstance(route, Route) else None


async def _shut(_request: Request) -> PlainTextResponse:
    return PlainTextResponse(_SHUT, status_code=404)


def _is_open(route: BaseRoute) -> bool:
    name = getattr(getattr(route, "endpoint", None), "__name__", "")
    return name in _OPEN_ENDPOINTS or str(getattr(route, "name", "")).endswith(_OPEN_NAMES)


class _Target(WorkspaceLoadTarget):
    def __init__(self, origin: CodeLocationOrigin) -> None:
        self._origin = origin

    def create_origins(self) -> Sequence[CodeLocationOrigin]:
        """The project, and no other."""
        return [self._origin]


class Workspace(WorkspaceProcessContext):
    """The project as the one code location there is, and what may be done with it."""

    def __init__(
        self,
        project: Project,
        loaded: Loaded,
        instance: dg.DagsterInstance,
        *,
        allow_runs: bool,
        automation: bool,
    ) -> None:
        self._project = project
        self.states = States(project)
        # A set of names, for which the pages offer their buttons.
        self.offers = (_OPEN_TO_RUNS if allow_runs else set()) | (
            _OPEN_TO_AUTOMATION if automation else set()
        )
        origin = code_location(loaded.module, loaded.attribute, str(project.import_root))
        super().__init__(instance, _Target(origin), dg.__version__, read_only=not allow_runs)

    def create_request_context(self, source: object | None = None) -> "_Request":
        """What the answer to one request sees."""
        return _Request(
            instance=self._instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=self._read_only,
        )

    def _load_location(self, origin: CodeLocationOrigin, reload: bool) -> CodeLocationEntry:
        """The project, or the error that stops it from loading."""
        assert isinstance(origin, InProcessCodeLocationOrigin)
        location: CodeLocation | None = None
        error: SerializableErrorInfo | None = None
        try:
            if reload:
                load_project(self._project).job()
            location = _Location(origin, self._instance)
        except (ProjectError, dg.DagsterError) as problem:
            error = SerializableErrorInfo(str(problem), [], type(problem).__name__)
        now = time.time()
        return CodeLocationEntry(
            origin=origin,
            code_location=location,
            load_error=error,
            load_status=CodeLocationLoadStatus.LOADED,
            display_metadata=origin.get_display_metadata(),
            update_timestamp=now,
            version_key=str(now),
            definitions_source=DefinitionsSource.CODE_SERVER,
        )


class _Location(InProcessCodeLocation):
    @property
    def is_reload_supported(self) -> bool:
        """`Workspace` reads the project again when it is asked to."""
        return True


class _Request(WorkspaceRequestContext):
    def is_reload_supported(self, name: str) -> bool:
        """Of the one location there is."""
        return self.has_code_location_name(name)

    def reload_workspace(self) -> BaseWorkspaceRequestContext:
        """Load the project again. The rest of the answer is about what was loaded then."""
        return self._renewed(super().reload_workspace())

    def reload_code_location(self, name: str) -> BaseWorkspaceRequestContext:
        """The same, for there is one location."""
        return self._renewed(super().reload_code_location(name))

    def _renewed(self, now: BaseWorkspaceRequestContext) -> BaseWorkspaceRequestContext:
        # Dagster answers the fields below from the context of the request, where the location may
        # be the one that could not be loaded.
        self._current_workspace = now.get_current_workspace()
        self._loaders = {}
        return now

    @cached_property
    def stale_status_loader(self) -> StatusResolver:
        """What says whether tables are fresh."""
        workspace = self.process_context
        assert isinstance(workspace, Workspace)
        return StatusResolver(
            workspace.states, self.instance, lambda: self.asset_graph, loading_context=self
        )

    @property
    def permissions(self) -> Mapping[str, PermissionResult]:
        """What the pages offer: buttons for the rest are grey, and say why."""
        return {name: self._offer(name) for name in super().permissions}

    def permissions_for_location(self, *, location_name: str) -> Mapping[str, PermissionResult]:
        """The same, for there is one location."""
        known = super().permissions_for_location(location_name=location_name)
        return {name: self._offer(name) for name in known}

    def _offer(self, name: str) -> PermissionResult:
        workspace = self.process_context
        assert isinstance(workspace, Workspace)
        if name in workspace.offers:
            return PermissionResult(enabled=True, disabled_reason=None)
        reason = _NEVER
        if name in _OPEN_TO_RUNS:
            reason = _WITHOUT_RUNS
        elif name in _OPEN_TO_AUTOMATION:
            reason = _WITHOUT_DAEMON
        return PermissionResult(enabled=False, disabled_reason=reason)
