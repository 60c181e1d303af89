"""One build of a project at a time: the second waits, and reports for which process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data_package.engine.project import Project
from data_package.engine.storage import hold, open_to_lock

_held: dict[Path, int] = {}


@contextmanager
def building(project: Project, report: Callable[[str], object]) -> Iterator[None]:
    """Lock the project for this process; `report` is called before waiting. Calls may be nested.

    The kernel releases the lock when the process ends, in any case.
    """
    path = project.places.build_guard
    if path in _held:
        yield
        return
    with open_to_lock(path) as handle:
        if not hold(handle, path, wait=False):
            process = os.pread(handle, 20, 0).decode(errors="replace") or "unknown"
            report(
                f"Another build of this project is running (process {process}); "
                "waiting for it to end."
            )
            hold(handle, path)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
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
