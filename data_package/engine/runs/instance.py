"""The project's Dagster instance: the one that `dagster.yaml` describes, from any folder."""

import errno
import importlib
import logging
import os
import re
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import yaml
from dagster._core.instance import types as _events
from dagster_shared.check import CheckError
from sqlalchemy.exc import SQLAlchemyError

from data_package.engine.deferred_imports import BESIDE_STORAGE, imported_later
from data_package.engine.errors import BuildError, DataPackageError, ProjectError
from data_package.engine.file_systems import is_shared, kind_of
from data_package.engine.project import Project
from data_package.engine.runs.dagster_parts import InstanceRef
from data_package.engine.storage import is_file, make_private_folder, temporary_beside
from data_package.engine.unusable import lack_of_room, why, why_not_connected

_CONFIG = "dagster.yaml"
_QUIET: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
}
_HISTORY = {"custom": {"module": "data_package.engine.history", "class": "HistoryStorage"}}
# Of a path, in bytes; and how much longer those are of the files in the history.
_LONGEST_FOR_SQLITE = 511
_LONGEST_INSIDE = len("/history/runs/00000000-0000-0000-0000-000000000000.db-journal")
# The least free space and open files that SQLite needs.
_TRIAL_BYTES = 1 << 17
_OPEN_AT_ONCE = 8
# Which raise errors of their own for what a database says.
_LIBRARIES = ("dagster_postgres", "dagster_mysql", "psycopg2")
_SECONDS_TO_CONNECT = 10
_OF_A_SERVICE = {"does not exist": "the service has no such user or database"}
_UNSET = re.compile(r"of original value \{'env': '(\w+)'\} failed")
_NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


class _NoWords:
    """What Dagster takes for `sys` where it prints that an event cannot be written.

    The words may quote the event, and the error is raised as well and reported once.
    """

    exc_info = staticmethod(sys.exc_info)

    class stderr:  # noqa: N801 (it has the name of the stream)
        @staticmethod
        def write(_words: str) -> None:
            """Print nothing."""


_events.sys = _NoWords  # type: ignore[assignment, attr-defined]
# It prints a traceback for Ctrl-C while a connection is closed, and raises it as well.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


@contextmanager
def history_for_reading(project: Project) -> Iterator[dg.DagsterInstance]:
    """As `project_instance`, for commands that only read, perhaps without write permission.

    SQLite writes beside the files that it reads: files in a read-only place are read from a copy.
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

    `more` overrides the settings of `dagster.yaml`, in the same form.

    Dagster's own commands resolve a relative `base_dir` from the working directory; here it is
    resolved from the project's root, so that a build from a subfolder writes the same history.
    DAGSTER_HOME is ignored. Raises ProjectError when the history cannot be opened, read or written,
    and BuildError when its disk is full.
    """
    try:
        with _open(project, more or {}) as instance:
            yield instance
    except Exception as error:
        if not _is_of_storage(error):
            raise
        raise _history_problem(error, project) from None


def _is_of_storage(error: Exception) -> bool:
    """Whether a database raised an error, or the library that keeps Dagster's history in one."""
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, SQLAlchemyError | sqlite3.Error) or library in _LIBRARIES


def _history_problem(error: Exception, project: Project) -> DataPackageError:
    """What is wrong with the history, as far as can be determined, and what helps.

    Only the kind of an error is reported: its message may hold rows of the history, an address or a
    user. A history that SQLite itself can read is never called damaged.
    """
    kind = type(error).__name__
    storage = _own_storage(project)
    if storage is None:
        return ProjectError(
            f"Dagster's history cannot be used ({kind}): {_what_a_service_said(error)}.\n"
            f"Check the address, the user, the password and the database in {_CONFIG}."
        )
    home = Path(storage["config"]["base_dir"])
    if (full := lack_of_room(home)) or "disk is full" in str(error):
        return BuildError(
            f"{full or f'The disk that holds {home} is full.'}\n"
            "Make room on it, then build again: what was finished is kept."
        )
    if reason := _reason(home):
        return ProjectError(f"Dagster's history in {home} cannot be used.\n{reason}")
    if damaged := [path for path in sorted(home.rglob("*.db")) if is_damaged(path)]:
        return ProjectError(
            f"Dagster's history is damaged: {project.relative(damaged[0])}.\n"
            "It can be removed; no table is lost with it: "
            f"rm -r {shlex.quote(project.relative(home))}"
        )
    return ProjectError(
        f"Dagster's history in {home} cannot be used ({kind}), and it is not damaged.\n"
        "Another program may have locked it, or a limit is reached (ulimit -a). Build again."
    )


def _what_a_service_said(error: BaseException) -> str:
    """Why a database's service cannot be used, with none of its own words."""
    words_of_error = f"{error} {error.__cause__ or ''}"
    known = why_not_connected(
        words_of_error, "the service", "at that address and port", _OF_A_SERVICE
    )
    return known or f"the service that {_CONFIG} names is not running, or refuses access"


def _reason(home: Path) -> str:
    """What prevents SQLite from using an undamaged folder."""
    longest = max((len(os.fsencode(path)) for path in home.rglob("*")), default=0)
    if max(longest, len(os.fsencode(home)) + _LONGEST_INSIDE) > _LONGEST_FOR_SQLITE:
        return (
            f"SQLite opens paths of at most {_LONGEST_FOR_SQLITE} bytes. "
            "Move the project to a folder with a shorter path."
        )
    try:
        trial = temporary_beside(home / "trial")
        trial.write_bytes(bytes(_TRIAL_BYTES))
        trial.unlink()
        opened = [os.open(home, os.O_RDONLY) for _ in range(_OPEN_AT_ONCE)]
    except OSError as error:
        with suppress(OSError):
            trial.unlink(missing_ok=True)
        return why(error, home)
    for handle in opened:
        os.close(handle)
    held = next((path for path in home.rglob("*.db*") if not os.access(path, os.W_OK)), None)
    return why(PermissionError(errno.EACCES, ""), held) if held else ""


def is_damaged(path: Path) -> bool:
    """Whether SQLite reports a file as damaged or not a database, or the file is empty."""
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as database:
            result = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return bool(result != ("ok",) or tables == (0,))


def _open(project: Project, more: Mapping[str, Any]) -> dg.DagsterInstance:
    overrides = dict(_QUIET)
    if "compute_logs" not in _read(project.root / _CONFIG):
        overrides["compute_logs"] = _NO_COMPUTE_LOGS
    if (storage := _own_storage(project)) is not None:
        overrides["storage"] = {"custom": storage}
    overrides |= more
    _refuse_shared(project, more)
    with imported_later(*BESIDE_STORAGE):
        importlib.import_module("dagster._core.storage.runs")
    home = make_private_folder(project.dagster_home)
    try:
        reference = InstanceRef.from_dir(
            str(home), config_dir=str(project.root), overrides=overrides
        )
        with _asked_once(reference):
            return dg.DagsterInstance.from_ref(reference)
    except (dg.DagsterError, CheckError, ImportError, AttributeError) as error:
        raise ProjectError(
            f"{_CONFIG}: Dagster cannot be started with it "
            f"({type(error).__name__}: {_in_short(error)})\nCorrect the file."
        ) from None


def shared_history(project: Project, more: Mapping[str, Any] | None = None) -> str:
    """The kind of the file system that several machines share and that holds the history in SQLite.

    Empty where it is on a local disk, or in a service. SQLite's locks hold on one machine, and its
    log is shared memory: two machines would damage it.
    """
    base = _folder_of_history(project, more or {})
    kind = kind_of(base) if base is not None else ""
    return kind if is_shared(kind) else ""


def _folder_of_history(project: Project, more: Mapping[str, Any]) -> Path | None:
    custom = more.get("storage", {}).get("custom") or _own_storage(project)
    if custom is not None:
        return Path(custom["config"]["base_dir"])
    stock = _read(project.root / _CONFIG).get("storage")
    if not isinstance(stock, dict) or "sqlite" not in stock:
        return None
    base = (stock["sqlite"] or {}).get("base_dir", "")
    return project.root / base if isinstance(base, str) else None


def _refuse_shared(project: Project, more: Mapping[str, Any]) -> None:
    if kind := shared_history(project, more):
        raise ProjectError(
            f"Dagster's history would be in {_folder_of_history(project, more)}, on a network file "
            f"system ({kind}), where two machines can damage it.\n"
            f"Keep it on a local disk, by `base_dir` in {_CONFIG}, or in PostgreSQL: "
            "see how-to/dagster in the documentation."
        )


@contextmanager
def _asked_once(reference: InstanceRef) -> Iterator[None]:
    """Try once to reach a service, where its library tries six times, with a warning each.

    During a run it goes on trying: a service may be away for a moment.
    """
    storage = reference.storage_data
    if storage is None or not storage.module_name.startswith("dagster_postgres"):
        yield
        return
    tries: Any = importlib.import_module("dagster_postgres.utils").retry_pg_connection_fn
    stock, silent = tries.__defaults__, logging.root.manager.disable
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(_SECONDS_TO_CONNECT))
    tries.__defaults__ = (0, *stock[1:])
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        tries.__defaults__ = stock
        logging.disable(silent)


def _own_storage(project: Project) -> dict[str, Any] | None:
    """The configuration of our own storage, with an absolute folder; None for another storage."""
    storage = _read(project.root / _CONFIG).get("storage", _HISTORY)
    if not isinstance(storage, dict) or storage.get("custom", {}).get("class") != "HistoryStorage":
        return None
    custom = storage["custom"]
    base = Path(custom.get("config", {}).get("base_dir", project.dagster_home))
    return {**custom, "config": {"base_dir": str(project.root / base)}}


def _in_short(error: Exception) -> str:
    """An error's message without the long list of allowed values."""
    words_of_error = str(error)
    if isinstance(error, dg.DagsterInvalidConfigError):
        words_of_error = " ".join(one.message.partition(" Expected: ")[0] for one in error.errors)
    if unset := _UNSET.search(words_of_error):
        return f"the environment variable {unset.group(1)} is not set"
    return words_of_error


def _read(path: Path) -> dict[str, object]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) if is_file(path) else None
    except OSError as error:
        raise ProjectError(why(error, path)) from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ProjectError(f"{path}{line}: this is not valid YAML. Correct it.") from None
    return document if isinstance(document, dict) else {}
