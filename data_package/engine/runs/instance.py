"""The project's Dagster instance: the one that `dagster.yaml` describes, from any folder."""

import importlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster_shared.check import CheckError
from sqlalchemy.exc import SQLAlchemyError

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.later import imported_later
from data_package.engine.project import Project
from data_package.engine.storage import is_file, make_private_folder

_CONFIG = "dagster.yaml"
_QUIET: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
}
_HISTORY = {"custom": {"module": "data_package.engine.history", "class": "HistoryStorage"}}
_NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


@contextmanager
def history_for_reading(project: Project) -> Iterator[dg.DagsterInstance]:
    """As `project_instance`, for who writes nothing and may not be allowed to.

    SQLite writes beside what it reads: what may not be written to is read from a copy.
    """
    storage = _own_storage(project)
    base = Path(storage["config"]["base_dir"]) if storage else project.dagster_home
    if storage is None or not base.is_dir() or os.access(base, os.W_OK):
        with project_instance(project) as instance:
            yield instance
        return
    with TemporaryDirectory() as copy:
        for file in base.rglob("*.db*"):
            place = copy / file.relative_to(base)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
        elsewhere = {"custom": {**storage, "config": {"base_dir": copy}}}
        with project_instance(project, {"storage": elsewhere}) as instance:
            yield instance


@contextmanager
def project_instance(
    project: Project, more: Mapping[str, Any] | None = None
) -> Iterator[dg.DagsterInstance]:
    """The project's history, open while the block runs.

    `more` is put over what `dagster.yaml` says, in its own words.

    Dagster's own commands take a relative `base_dir` from where they are started; here it is taken
    from the project's root, so that a build from a subfolder writes the same history. DAGSTER_HOME
    plays no part. Raises ProjectError when the history cannot be opened, read or written, and
    BuildError when its disk is full.
    """
    try:
        with _open(project, more or {}) as instance:
            yield instance
    except (SQLAlchemyError, sqlite3.Error) as error:
        if "disk is full" in str(error):
            raise BuildError(
                f"The disk that holds {project.relative(project.dagster_home)} is full.\n"
                "Make room on it, then build again: what was finished is kept."
            ) from None
        # Only the kind of error: its words may hold rows of the history, an address or a user.
        raise ProjectError(
            f"Dagster's history cannot be used ({type(error).__name__}): it is damaged, may not "
            f"be written to, or the service that {_CONFIG} names is away.\n"
            "A damaged one can be removed; no table is lost with it: "
            f"rm -r {project.relative(project.dagster_home)}"
        ) from None


def _open(project: Project, more: Mapping[str, Any]) -> dg.DagsterInstance:
    overrides = dict(_QUIET)
    if "compute_logs" not in _read(project.root / _CONFIG):
        overrides["compute_logs"] = _NO_COMPUTE_LOGS
    if (storage := _own_storage(project)) is not None:
        overrides["storage"] = {"custom": storage}
    overrides |= more
    with imported_later("alembic", "dagster._daemon"):
        importlib.import_module("dagster._core.storage.runs")
    home = make_private_folder(project.dagster_home)
    try:
        reference = InstanceRef.from_dir(
            str(home), config_dir=str(project.root), overrides=overrides
        )
        return dg.DagsterInstance.from_ref(reference)
    except (dg.DagsterError, CheckError, ImportError, AttributeError) as error:
        raise ProjectError(
            f"{_CONFIG}: Dagster cannot be started with it "
            f"({type(error).__name__}: {_in_short(error)})\nCorrect the file."
        ) from None


def _own_storage(project: Project) -> dict[str, Any] | None:
    """What the configuration says of our own storage, its folder in full; None for another one."""
    storage = _read(project.root / _CONFIG).get("storage", _HISTORY)
    if not isinstance(storage, dict) or storage.get("custom", {}).get("class") != "HistoryStorage":
        return None
    custom = storage["custom"]
    base = Path(custom.get("config", {}).get("base_dir", project.dagster_home))
    return {**custom, "config": {"base_dir": str(project.root / base)}}


def _in_short(error: Exception) -> str:
    """An error's words without the long list of all that would have been allowed."""
    if isinstance(error, dg.DagsterInvalidConfigError):
        return " ".join(one.message.partition(" Expected: ")[0] for one in error.errors)
    return str(error)


def _read(path: Path) -> dict[str, object]:
    try:
        document = yaml.safe_load(path.read_text()) if is_file(path) else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ProjectError(
            f"{path}{line}: this is not YAML that can be read. Correct it."
        ) from None
    return document if isinstance(document, dict) else {}
