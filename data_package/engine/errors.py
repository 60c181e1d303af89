"""The exceptions whose message is meant for the user: what happened, where, what to do next.

Each is built where the facts are known, never quotes a value of a row, and ends a command with
its exit code and without a traceback. Anything else that is raised is a fault of the engine.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import ClassVar

# But for the tabulator and the line feed: C0, C1, line separators, and overrides of direction.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class DataPackageError(Exception):
    """A failure that the user can do something about."""

    exit_code: ClassVar[int] = 1


class ProjectError(DataPackageError):
    """The project, its settings or the command is wrong: nothing was run."""

    exit_code: ClassVar[int] = 2


class BuildError(DataPackageError):
    """A table or a check failed; what did not depend on it was still built."""


def shown(message: str) -> str:
    """A message for a terminal: shortened where a word is very long, without control characters."""
    short = re.sub(r"(\S{200})\S{300,}", r"\1…", message)
    return visible(short)


def visible(text: str) -> str:
    """A text in which no character controls a terminal or turns the direction of what follows.

    Such a character is spelled as in JSON, so that a JSON document stays what it is.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def some(names: Sequence[str], most: int, link: str = " and ") -> str:
    """The first names of a list, and how many more there are: `a, b and 2 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f"{link}{more} more" if more > 0 else "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest known word, or an empty string."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
