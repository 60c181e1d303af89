"""Faults at the Nth operation on files of one kind, in the process that imports this.

`install` is called before the command begins. Counted are the operations of this process's Python
on files of the project; what SQLite and Polars do by themselves is hit by faults at any time only.
"""

import atexit
import builtins
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

KINDS = {
    "rename": ("rename", "replace"),
    "unlink": ("unlink", "remove"),
    "mkdir": ("mkdir",),
    "rmdir": ("rmdir",),
    "chmod": ("chmod",),
    "fsync": ("fsync",),
    "open": ("open",),
}
counts: Counter[str] = Counter()
_synced: set[int] = set()
_guard = threading.RLock()


def install(root: str, kind: str, nth: int, what: str, counted: str) -> None:
    """Let `what` happen at the Nth operation of a kind below `root`.

    `what`: "kill" or "kill after" (SIGKILL), "power" (the same, and what was not forced to the disk
    is lost), a signal's name, "ENOSPC" or another error from then on, "EIO once", or "" for none.
    The counts are written to `counted` at the end.
    """
    began = time.time_ns()
    failing = threading.Event()

    def happen() -> None:
        if what == "power":
            _lose(Path(root), began)
        if what in ("kill", "kill after", "power"):
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "SIGSTOP":
            subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -CONT {os.getpid()}"])
        os.kill(os.getpid(), signal.Signals[what])

    def wrapped(name: str, one_kind: str, stock: Callable[..., Any]) -> Callable[..., Any]:
        def run(*words: Any, **options: Any) -> Any:
            if not _is_below(root, name, words, options):
                return stock(*words, **options)
            with _guard:
                counts[one_kind] += 1
                now = one_kind == kind and counts[kind] == nth
            is_error = what.startswith("E")
            if is_error and (now or (failing.is_set() and "once" not in what)):
                import errno

                failing.set()
                number = getattr(errno, what.split(maxsplit=1)[0])
                raise OSError(number, os.strerror(number), str(words[0]))
            if now and not is_error and what and "after" not in what:
                happen()
            done = stock(*words, **options)
            if name == "fsync":
                _synced.add(os.fstat(words[0]).st_ino)
            if now and "after" in what:
                happen()
            return done

        return run

    for one_kind, names in KINDS.items():
        for name in names:
            setattr(os, name, wrapped(name, one_kind, getattr(os, name)))
    opened = wrapped("builtin", "open", io.open)
    builtins.open = io.open = opened
    if counted:
        # The command ends by `os._exit`, in a function that was registered before.
        leave = os._exit

        def end(code: int) -> None:
            Path(counted).write_text(json.dumps(counts))
            leave(code)

        os._exit = end  # type: ignore[assignment]
        atexit.register(lambda: None)


def _is_below(root: str, name: str, words: tuple[Any, ...], options: dict[str, Any]) -> bool:
    try:
        if name == "fsync":
            return str(Path(f"/proc/self/fd/{words[0]}").readlink()).startswith(root)
        if name == "builtin":
            mode = str(words[1] if len(words) > 1 else options.get("mode", "r"))
            if not set(mode) & set("wax+"):
                return False
        elif name == "open" and not (words[1] & (os.O_WRONLY | os.O_RDWR)):
            return False
        path = os.fsdecode(words[0])
    except (TypeError, OSError, IndexError):
        return False
    whole = os.path.abspath(path)  # noqa: PTH100 (links are followed by nobody here)
    return whole.startswith(root) and "__pycache__" not in path


def _lose(root: Path, began: int) -> None:
    """Empty every file that was written since and not forced to the disk, but Dagster's history."""
    for path in [*(root / "storage").rglob("*"), root / "data-package.lock"]:
        if path.is_file() and not path.is_symlink() and ".dagster" not in path.parts:
            found = path.stat()
            if found.st_mtime_ns >= began and found.st_ino not in _synced:
                os.truncate(path, 0)
    print("lost", file=sys.stderr)
