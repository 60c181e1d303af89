"""Changes that are not committed, so that a release could not be made again from git."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from data_package.engine import git
from data_package.engine.errors import ProjectError
from data_package.engine.places import LOCK
from data_package.engine.project import Project

# Other files that a build reads are raw files, whose hashes are in the lock, and `shared`.
_SOURCES = (".py", ".yaml", ".yml", ".toml", ".data", ".lock")
_SHOWN = 12


def uncommitted(project: Project, shared: Iterable[str]) -> list[str]:
    """The project's files that differ from the last commit, or are not in it; relative to its root.

    `shared` are the files that its contracts share. Raises ProjectError when git is not
    installed, or the project is not in a repository.
    """
    _ask(project, "rev-parse", "--show-toplevel")
    # A package matched by `.gitignore` would be missing from every clone.
    used = {project.relative(Path(path)) for path in shared}
    others = _ask(project, "ls-files", "-z", "--others", "--", *_places(project), *sorted(used))
    changed = _ask(project, "diff", "-z", "--name-only", "--relative", _tip(project), "--", ".")
    unknown = [name for name in others if name.endswith(_SOURCES) or name in used]
    return sorted({*changed, *unknown})


def commit_of(project: Project) -> str:
    """The last commit."""
    return _ask(project, "rev-parse", "HEAD")[0]


def ignored(project: Project, path: Path) -> bool | None:
    """Whether git would not commit a file; None without git or a repository."""
    try:
        done = _run(project, "check-ignore", "--quiet", "--", str(path))
    except FileNotFoundError:
        return None
    return {0: True, 1: False}.get(done.returncode)


def some(names: list[str]) -> str:
    """Names, one per line; of many, the first."""
    lines = [f"  {name}" for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        lines.append(f"  … and {len(names) - _SHOWN} more")
    return "\n".join(lines)


def _places(project: Project) -> list[str]:
    return [project.relative(project.package_folder), "pyproject.toml", "dagster.yaml", LOCK]


def _tip(project: Project) -> str:
    """The last commit, or the empty tree where there is none yet."""
    try:
        return commit_of(project)
    except ProjectError:
        return _ask(project, "hash-object", "-t", "tree", os.devnull)[0]


def _ask(project: Project, *words: str) -> list[str]:
    try:
        done = _run(project, *words)
    except FileNotFoundError:
        raise ProjectError(
            "git is not installed, so it is unknown whether this release could be made again.\n"
            "Install git and commit the project, or release anyway: --without-git"
        ) from None
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        raise ProjectError(
            f"git in {Path(project.root)}: {complaint[0] if complaint else 'no message'}\n"
            "A release is made from a commit: git init, git add, git commit. Or release "
            "anyway: --without-git"
        )
    return [name for name in done.stdout.decode(errors="replace").strip("\n").split("\0") if name]


def _run(project: Project, *words: str) -> subprocess.CompletedProcess[bytes]:
    return git.run(project.root, *words)
