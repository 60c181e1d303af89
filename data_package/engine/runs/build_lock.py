"""One build of a project at a time: the second waits, and reports for which process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from data_package.engine.file_systems import is_shared, kind_of
from data_package.engine.project import Project
from data_package.engine.runs.lease import leased
from data_package.engine.storage import LocksMissingError, hold, open_to_lock

_held: dict[Path, int] = {}


@contextmanager
def building(project: Project, report: Callable[[str], object]) -> Iterator[None]:
    """Lock the project for this process; `report` is called before waiting. Calls may be nested.

    The kernel releases the lock when the process ends, in any case. Where several machines share
    the file system, or it has no locks, a lease says which of them builds.
    """
    path = project.places.build_guard
    if path in _held:
        yield
        return
    with open_to_lock(path) as handle:
        locks = True
        try:
            if not hold(handle, path, wait=False):
                process = os.pread(handle, 20, 0).decode(errors="replace") or "unknown"
                report(
                    f"Another build of this project is running (process {process}); "
                    "waiting for it to end."
                )
                hold(handle, path)
        except LocksMissingError:
            locks = False
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        lasting = not locks or is_shared(kind_of(path))
        with leased(project.places.build_lease, report) if lasting else nullcontext():
            _held[path] = handle
            try:
                yield
            finally:
                del _held[path]


def let_go() -> None:
    """Close the locks that a fork has got: they are those of the process that it came from."""
    for handle in _held.values():
        os.close(handle)
    _held.clear()
