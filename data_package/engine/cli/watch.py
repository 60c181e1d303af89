"""`data-package watch`."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.project import Project

_SPARE = (sys.executable, "-m", "data_package.engine.cli.spare")
# A thread that waits without a time limit would not notice Ctrl-C.
_PATIENCE_SECONDS = 3600
_CLEAR = "\x1b[2J\x1b[3J\x1b[H"
# Editors and Python write these beside the saved files.
_PASSED_OVER = (".pyc", ".tmp", ".swp", ".swx", "~", ".lock", ".journal")


@click.command("watch")
@click.argument("select", nargs=-1, shell_complete=completing.tables)
@click.option("-j", "threads", type=click.IntRange(1, 64), default=1, help="Tables built at once.")
def command(select: tuple[str, ...], threads: int) -> None:
    """Build, check and publish on each save, until Ctrl-C.

    Everything that a build depends on is watched: code, contracts, settings and raw files. If
    nothing became stale, the last result stays on the terminal.

    Example: data-package watch +subjects
    """
    from data_package.engine.project import find_project
    from data_package.engine.staleness.memo import count_if_fresh

    words = ["build", *select, f"-j{threads}"]
    project = find_project()
    changes, builds = _Changes(), _Builds()
    try:
        changes.look_at(_places(project))
        builds.run(words)
        while True:
            # The places of raw files are known after a build; changes during it are noticed.
            changes.look_at(_places(project))
            _print("Waiting for a change (Ctrl-C ends).")
            changes.wait()
            if select or count_if_fresh(project) is None:
                builds.run(words, again=True)
    except KeyboardInterrupt:
        say()
    finally:
        changes.end()
        builds.end()


class _Changes:
    """Watches in its own thread, so changes during a build are noticed too."""

    def __init__(self) -> None:
        self._noticed = threading.Event()
        self._end = threading.Event()
        self._places: list[Path] = []

    def look_at(self, places: list[Path]) -> None:
        """Watch these places from now on; the old watch ends after the new one has begun."""
        if places == self._places:
            return
        self._places, before, self._end = places, self._end, threading.Event()
        begun = threading.Event()
        threading.Thread(target=self._watch, args=(places, self._end, begun), daemon=True).start()
        begun.wait()
        before.set()

    def wait(self) -> None:
        """Return when something has changed since the last time."""
        while not self._noticed.wait(_PATIENCE_SECONDS):
            pass
        self._noticed.clear()

    def end(self) -> None:
        """Stop watching."""
        self._end.set()

    def _watch(self, places: list[Path], end: threading.Event, begun: threading.Event) -> None:
        from watchfiles import watch

        for changed in watch(
            *places,
            watch_filter=_counts,
            debounce=50,
            step=20,
            rust_timeout=200,
            yield_on_timeout=True,
            stop_event=end,
            raise_interrupt=False,
        ):
            begun.set()
            if changed:
                self._noticed.set()
        begun.set()


class _Builds:
    """Builds one after another, each in a process that was started while the last one ran."""

    def __init__(self) -> None:
        self._spare: subprocess.Popen[str] | None = self._started()

    def run(self, words: list[str], *, again: bool = False) -> None:
        """Build, on a cleared terminal from the second time on."""
        if again and sys.stdout.isatty():
            click.echo(_CLEAR, nl=False)
        at_work, self._spare = self._spare, None
        if at_work is None or at_work.poll() is not None:
            at_work = self._started()
        assert at_work.stdin is not None
        try:
            at_work.stdin.write(json.dumps(words) + "\n")
            at_work.stdin.close()
        except BrokenPipeError:
            pass
        try:
            at_work.wait()
        except KeyboardInterrupt:
            # The process gets Ctrl-C itself, keeps what is finished, and ends.
            at_work.wait()
            raise
        self._spare = self._started()

    def end(self) -> None:
        """Leave no process behind."""
        if self._spare is not None:
            assert self._spare.stdin is not None
            self._spare.stdin.close()
            self._spare.terminate()
            self._spare.wait()

    def _started(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(_SPARE, stdin=subprocess.PIPE, text=True)  # noqa: S603


def _print(text: str) -> None:
    if sys.stderr.isatty():
        say(text, err=True)


def _places(project: "Project") -> list[Path]:
    """What to watch: the project's folders and files, and other files that a build depends on."""
    inside = [path for path in project.root.iterdir() if _is_watched(path, project)]
    return [*inside, *_elsewhere(project)]


def _is_watched(path: Path, project: "Project") -> bool:
    if path.is_dir():
        taken = path.name.startswith((".", "__")) or path.resolve() == project.storage
        return not (taken or path.name == "node_modules" or (path / "pyvenv.cfg").exists())
    return path.suffix in (".py", ".toml", ".yaml", ".yml")


def _elsewhere(project: "Project") -> Iterator[Path]:
    """Raw files and own code outside the project, as the last build recorded them."""
    from data_package.engine.storage import recalled

    def noted(note: Mapping[str, Iterable[str]]) -> tuple[list[Path], list[Path]]:
        return [Path(name) for name in note["files"]], [Path(name) for name in note["places"]]

    nothing: tuple[list[Path], list[Path]] = ([], [])
    files, code = recalled(project.places.fresh, noted, nothing)
    folders = {path.parent for path in files if path.parent.is_dir()}
    outside = {p for p in (*folders, *code) if p.exists() and not p.is_relative_to(project.root)}
    yield from sorted(p for p in outside if not p.is_relative_to(project.storage))


def _counts(_change: object, path: str) -> bool:
    name = Path(path).name
    return not (name.endswith(_PASSED_OVER) or name.startswith(".") or "__pycache__" in path)
