"""Deciding that nothing needs building without importing Dagster, Polars or the project.

A build that ends with everything fresh notes what that rested on: every source file, contract,
setting, raw file, output and installed library, and the results of checks, each by size, inode and
change times. When all of it still is as noted, everything still is fresh. Whatever differs, the
full path decides; so the memo can only be as right as the build that wrote it, or say nothing.
Standard library only.
"""

import fcntl
import glob
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data_package.engine.project import Project

_FORMAT = 4
_ENGINE = Path(__file__).resolve().parents[1]
_CODE = (".py", ".so", ".pyc")
_WATCHED = (*_CODE, ".yaml", ".yml", ".data", ".html", ".css", ".js")
# A change within the same tick of the kernel's clock as the note could not be noticed.
_RACE_NS = 50_000_000

Stamp = list[int]


@dataclass(frozen=True)
class Sources:
    """The files that decide what tables are made and how, as they were at one moment."""

    taken_ns: int
    stamps: Mapping[str, Stamp]
    places: Sequence[str]

    def are_settled(self) -> bool:
        """Whether a later change would have shown in the stamps."""
        latest = max((max(s[1], s[2]) for s in self.stamps.values()), default=0)
        return self.taken_ns - latest > _RACE_NS

    def own(self, project: Project) -> Mapping[str, Stamp]:
        """Those of the user's own code, without the engine and the libraries."""
        places = (str(project.package_folder), *self.places)
        return {p: s for p, s in self.stamps.items() if p.startswith(places)}


def sources_of(project: Project, places: Sequence[str]) -> Sources:
    """Take the stamps of a project's sources; do so before they are read.

    `places` are the files and folders of the user's own code outside of the project's package.
    """
    now = time.time_ns()
    folders = {str(project.package_folder), str(_ENGINE), *filter(os.path.isdir, places)}
    paths = [path for folder in folders for path in _source_files(folder)]
    paths += [str(project.root / name) for name in ("pyproject.toml", "dagster.yaml")]
    paths.append(str(project.snapshots))
    paths += [path for path in sys.path if path.endswith("-packages")]
    paths += [place for place in places if place not in folders]
    stamps = {path: stamp for path in paths if (stamp := _stamp(path)) is not None}
    return Sources(now, stamps, places)


def remember(
    project: Project,
    sources: Sources,
    *,
    globs: Mapping[str, list[str]],
    files: Mapping[str, Stamp],
    folders: Iterable[str],
    tables: Mapping[str, list[str]],
    until: float | None = None,
) -> None:
    """Note that everything is fresh.

    Args:
        project: of the build.
        sources: taken before the project was loaded.
        globs: the patterns of raw files, and the files that each matched.
        files: raw files and outputs, with the stamps under which their content was hashed.
        folders: folders that must hold what they hold now and no more.
        tables: the files of each table, by its name.
        until: when the clock alone makes a new partition; None where none comes.
    """
    path = _path(project)
    now = sources_of(project, sources.places)
    if not sources.are_settled() or now.stamps != sources.stamps:
        forget(project)
        return
    note = {
        "format": _FORMAT,
        "python": _python(),
        "beside": _beside(project),
        "places": sources.places,
        "sources": sources.stamps,
        "globs": globs,
        "files": {**files, **{str(place): _stamp(str(place)) for place in _facts(project)}},
        "folders": {folder: sorted(os.listdir(folder)) for folder in folders},
        "tables": tables,
        "until": until,
    }
    from data_package.engine.storage import write_private

    write_private(path, json.dumps(note), synced=False)


def forget(project: Project) -> None:
    """Let the full path decide next time."""
    from data_package.engine.storage import remove

    remove(_path(project))


def count_if_fresh(project: Project) -> int | None:
    """How many tables there are when all are fresh for certain; None when that is not known."""
    tables = files_if_fresh(project)
    return None if tables is None else len(tables)


def files_if_fresh(project: Project) -> Mapping[str, list[str]] | None:
    """The files of each table when all are fresh for certain; None when that is not known."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Of a pipe, the end would be waited for.
        note = json.loads(_path(project).read_bytes()) if _path(project).is_file() else {}
        if (
            note["format"] == _FORMAT
            and note["python"] == _python()
            and note["beside"] == _beside(project)
            and (note["until"] is None or time.time() < note["until"])
            and not _is_building(project)
            and all(_stamp(path) == stamp for path, stamp in note["files"].items())
            and all(matches(pattern) == found for pattern, found in note["globs"].items())
            and all(sorted(os.listdir(f)) == names for f, names in note["folders"].items())
            and sources_of(project, note["places"]).stamps == note["sources"]
            and not any(map(_is_half_written, _names_that_are_swept(project)))
        ):
            return {str(name): list(files) for name, files in note["tables"].items()}
    return None


def nothing_to_do(fresh: int, seconds: float) -> str:
    """The one line of a build that ran nothing."""
    return f"Nothing to do: {are_fresh(fresh)} ({seconds:.2f} s)."


def are_fresh(count: int) -> str:
    """So many tables are fresh, in words."""
    return f"{count} table is fresh" if count == 1 else f"{count} tables are fresh"


def _python() -> list[str]:
    """What decides where code is imported from, beside the files themselves."""
    return [sys.version, sys.prefix, os.environ.get("PYTHONPATH", "")]


def _beside(project: Project) -> dict[str, list[str]]:
    """What can be imported from each folder of the user's: a new module may hide another."""
    return {
        folder: _importable(folder)
        for folder in (str(project.import_root), *_from_environment(), *_from_site())
    }


def _from_environment() -> Iterator[str]:
    """The folders on PYTHONPATH."""
    if listed := os.environ.get("PYTHONPATH"):
        yield from map(os.path.abspath, listed.split(os.pathsep))


def _from_site() -> Iterator[str]:
    """The folders that installed packages add to the path, as those do that can be edited.

    A line that runs code is not a folder, and is covered as text.
    """
    for packages in sys.path:
        if packages.endswith("-packages"):
            for file in matches(os.path.join(glob.escape(packages), "*.pth")):
                for line in Path(file).read_text(errors="replace").splitlines():
                    folder = os.path.join(packages, line.strip())
                    if line.strip() and not folder.endswith("-packages"):
                        yield folder


def _importable(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.name.endswith(_CODE) or _may_be_package(e))


def _may_be_package(entry: "os.DirEntry[str]") -> bool:
    return entry.name.isidentifier() and entry.is_dir()


def _source_files(folder: str) -> Iterable[str]:
    """Every source file below a folder; `os.scandir` is several times faster than `Path.rglob`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _source_files(entry.path)
            elif entry.name.endswith(_WATCHED):
                yield entry.path


def matches(pattern: str) -> list[str]:
    """What a pattern finds now, in a fixed order."""
    return sorted(glob.glob(pattern, recursive=True))


def _stamp(path: str) -> Stamp | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _names_that_are_swept(project: Project) -> Iterator[str]:
    """The names of all that a build would look at to remove what was left half-written."""
    yield from os.listdir(project.root)
    for place in (project.package_folder, project.storage):
        for _, folders, files in os.walk(place):
            yield from folders
            yield from files


def _is_half_written(name: str) -> bool:
    """Whether a killed process, or a disk that failed, left it; as `storage.sweep` knows it."""
    return name.startswith(".") and name.endswith(".tmp")


def _is_building(project: Project) -> bool:
    if not project.places.build_guard.is_file() or project.places.build_lease.exists():
        return True
    with open(project.places.build_guard) as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            # Another process holds it, or nothing can be known here.
            return True
    return False


def _path(project: Project) -> Path:
    return project.places.fresh


def _facts(project: Project) -> tuple[Path, ...]:
    """What says that tables are fresh, checked and published; a folder for all that is in it."""
    places = project.places
    return project.lock, places.verdicts, places.own_checks, places.published
