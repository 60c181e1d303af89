"""Whether this machine, this environment and this project's folders are ready for building.

Nothing is changed except a test file that is removed again. Tables are not examined: `status` does
that.
"""

import errno
import fcntl
import importlib.metadata
import os
import platform
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from data_package.engine.errors import DataPackageError
from data_package.engine.file_systems import is_shared, kind_of
from data_package.engine.project import Project
from data_package.engine.scaffold.origin import origin
from data_package.engine.staleness.lock import read_lock
from data_package.engine.storage import temporary_beside

_LIBRARIES = ("data-package", "dagster", "dagster-polars", "dagster-webserver", "polars")
_OLDEST = (3, 11)
_LITTLE_BYTES = 1 << 30
_FEW_FILES = 10_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# File systems of other machines; `fuse` covers all that are provided by a program.


class Health(StrEnum):
    """The health of one thing."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing that was examined.

    Attributes:
        about: what it is, in a word or two.
        health: its health.
        words: what was found.
        mend: what to do about it; empty if nothing has to be done.
    """

    about: str
    health: Health
    words: str
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        """The facts as JSON's types."""
        return {name: str(value) for name, value in asdict(self).items()}


def examine(project: Project) -> list[Finding]:
    """Everything that can be examined without loading the project's tables."""
    looks: list[Callable[[Project], Iterator[Finding]]] = [
        *(_python, _versions, _origin, _ownership, _space, _file_system, _locks),
        *(_telemetry, _lock_file, _git),
    ]
    return [finding for look in looks for finding in look(project)]


def _python(_project: Project) -> Iterator[Finding]:
    words = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info < _OLDEST:
        yield Finding("Python", Health.BAD, words, "Python 3.11 or newer is needed.")
    elif sys.prefix == sys.base_prefix:
        mend = "Give the project its own environment: python3 -m venv .venv"
        yield Finding("Python", Health.DOUBTFUL, f"{words}, shared with other programs", mend)
    else:
        yield Finding("Python", Health.GOOD, words)


def _versions(_project: Project) -> Iterator[Finding]:
    versions = {}
    for name in _LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    missing = [name for name in _LIBRARIES if name not in versions]
    words = ", ".join(f"{name} {version}" for name, version in versions.items())
    if missing:
        mend = f"Install what is missing: pip install {' '.join(missing)}"
        yield Finding("versions", Health.BAD, f"{', '.join(missing)} not installed", mend)
    else:
        yield Finding("versions", Health.GOOD, words)


def _origin(_project: Project) -> Iterator[Finding]:
    yield Finding("engine", Health.GOOD, origin().requirement)


def _ownership(project: Project) -> Iterator[Finding]:
    for path, about in ((project.root, "project's folder"), (project.storage, "storage")):
        shown = project.relative(path)
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Finding(about, Health.BAD, f"{shown} cannot be examined: {error.strerror}")
            continue
        mode = stat.S_IMODE(facts.st_mode)
        if not os.access(path, os.W_OK):
            mend = "Clone the project and build for yourself: a project has one user who builds."
            yield Finding(about, Health.BAD, f"you may not write to {shown}", mend)
        elif path == project.storage and mode & _OTHERS:
            words = f"{shown} is open to others (mode {mode:o})"
            yield Finding(about, Health.DOUBTFUL, words, f"chmod 700 {shown}")
        elif facts.st_uid != os.getuid():
            yield Finding(about, Health.DOUBTFUL, f"{shown} belongs to another user")
        else:
            yield Finding(about, Health.GOOD, f"{shown} is yours (mode {mode:o})")


def _space(project: Project) -> Iterator[Finding]:
    place = _nearest(project.storage)
    free = shutil.disk_usage(place).free
    files = os.statvfs(place)
    words = f"{free / 1e9:,.1f} GB free where storage is"
    if free < _LITTLE_BYTES or (files.f_files and files.f_favail < _FEW_FILES):
        if free >= _LITTLE_BYTES:
            words = f"{files.f_favail:,} more files can be made where storage is"
        mend = "Make room, or set another place for `storage` in pyproject.toml."
        yield Finding("space", Health.DOUBTFUL, words, mend)
    else:
        yield Finding("space", Health.GOOD, words)


def _file_system(project: Project) -> Iterator[Finding]:
    kind = kind_of(_nearest(project.storage))
    words = f"storage is on {kind or 'an unknown kind'}"
    health, mend = Health.GOOD, ""
    if is_shared(kind):
        from data_package.engine.runs.instance import shared_history

        if shared_history(project):
            health = Health.BAD
            mend = (
                "Dagster's history (SQLite) needs a local disk: set `base_dir` in dagster.yaml, or "
                "keep it in PostgreSQL. See how-to/servers in the documentation."
            )
    elif kind.startswith(("fuse", "9p")):
        health = Health.DOUBTFUL
        mend = "Where several machines write to it, keep Dagster's history on a local disk."
    yield Finding("file system", health, words, mend)


def _locks(project: Project) -> Iterator[Finding]:
    place = _nearest(project.storage)
    path = temporary_beside(place / "doctor")
    try:
        with path.open("xb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return
        mend = "Two builds at once would not see each other there: use a local folder for storage."
        yield Finding("locks", Health.BAD, f"files cannot be locked: {error.strerror}", mend)
    else:
        yield Finding("locks", Health.GOOD, "files can be locked")
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _telemetry(project: Project) -> Iterator[Finding]:
    path = project.root / "dagster.yaml"
    if not path.is_file():
        mend = "Only for Dagster's own commands (dagster dev): data-package new . writes the file."
        words = "data-package sends nothing; without dagster.yaml, Dagster's own commands do"
        yield Finding("telemetry", Health.DOUBTFUL, words, mend)
        return
    import yaml

    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        yield Finding("telemetry", Health.BAD, "dagster.yaml cannot be read", "Correct the file.")
        return
    part = settings.get("telemetry") if isinstance(settings, dict) else None
    if isinstance(part, dict) and part.get("enabled") is False:
        yield Finding("telemetry", Health.GOOD, "off")
    else:
        mend = "Write into dagster.yaml:  telemetry: {enabled: false}"
        yield Finding("telemetry", Health.BAD, "on for Dagster's own commands", mend)


def _lock_file(project: Project) -> Iterator[Finding]:
    if not project.lock.exists():
        yield Finding("lock file", Health.GOOD, "none yet; the first build writes it")
        return
    try:
        lock = read_lock(project)
    except DataPackageError as error:
        first, _, rest = str(error).partition("\n")
        yield Finding("lock file", Health.BAD, first, rest)
    else:
        yield Finding("lock file", Health.GOOD, f"{len(lock.tables)} tables")


def _git(project: Project) -> Iterator[Finding]:
    from data_package.engine.versions.uncommitted import ignored

    if (kept := ignored(project, project.storage / "probe.parquet")) is None:
        words = "the project is not in a git repository, so nothing can be released"
        yield Finding("git", Health.DOUBTFUL, words, "git init")
    elif not kept:
        mend = "Add to .gitignore:  /storage/"
        yield Finding("git", Health.BAD, "git would commit what is in storage", mend)
    else:
        yield Finding("git", Health.GOOD, "storage is ignored")


def _nearest(path: Path) -> Path:
    """The path, or the first folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.is_dir())
