"""One build of a project at a time: the second waits, and says for whom."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data_package.engine.project import Project
from data_package.engine.storage import PRIVATE_FILE, make_private_folder

_held: set[Path] = set()


@contextmanager
def building(project: Project, say: Callable[[str], object]) -> Iterator[None]:
    """Hold the project for this process; `say` hears of a wait. Nested calls hold it once.

    The kernel lets go of it when the process ends, however it ends.
    """
    path = project.places.build_guard
    if path in _held:
        yield
        return
    make_private_folder(path.parent)
    handle = os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
    try:
        _take(handle, say)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        _held.add(path)
        yield
    finally:
        _held.discard(path)
        os.close(handle)


def _take(handle: int, say: Callable[[str], object]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 20, 0).decode(errors="replace") or "unknown"
        say(f"Another build of this project is running (process {holder}); waiting for it to end.")
        fcntl.flock(handle, fcntl.LOCK_EX)
