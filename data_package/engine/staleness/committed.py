"""The lock file as git has it: of a commit, and of both sides of a merge that is not finished."""

from data_package.engine import git
from data_package.engine.errors import ProjectError
from data_package.engine.places import LOCK
from data_package.engine.project import Project
from data_package.engine.staleness.lock import Lock, parse

_SIDES = (b"1", b"2", b"3")


def lock_at(project: Project, revision: str) -> Lock:
    """The lock file of a commit, branch or tag; an empty one where it had none.

    Raises ProjectError when there is no git, no repository, or no such revision.
    """
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    found = _ask(project, *words)
    if found is None:
        if _ask(project, "rev-parse", "--git-dir") is None:
            raise ProjectError(f"{project.root} is not in a git repository.")
        raise ProjectError(f"git knows no commit {revision!r}. `git log --oneline` lists them.")
    commit = found.decode().strip()
    text = _ask(project, "cat-file", "blob", f"{commit}:./{LOCK}")
    return Lock() if text is None else parse(text.decode(errors="replace"))


def sides_of_merge(project: Project) -> tuple[str, str, str] | None:
    """The lock file's common ancestor, ours and theirs, while git holds all of a conflict."""
    try:
        listed = _ask(project, "ls-files", "-u", "-z", "--", LOCK)
    except ProjectError:
        return None
    blobs = {
        words[2]: words[1]
        for line in (listed or b"").split(b"\0")
        if len(words := line.partition(b"\t")[0].split()) == len(_SIDES)
    }
    if not {b"2", b"3"} <= blobs.keys():
        return None
    texts = [
        _ask(project, "cat-file", "blob", blobs[side].decode()) if side in blobs else b""
        for side in _SIDES
    ]
    base, ours, theirs = (text.decode(errors="replace") for text in texts if text is not None)
    return base, ours, theirs


def _ask(project: Project, *words: str) -> bytes | None:
    try:
        done = git.run(project.root, *words)
    except FileNotFoundError:
        raise ProjectError("git is not installed, or not on the PATH.") from None
    except (OSError, ValueError):
        # A word with a null character, or too long a one.
        return None
    return done.stdout if done.returncode == 0 else None
