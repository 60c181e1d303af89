"""A file of YAML or JSON as plain values, with the line and column of every part of it.

Does not belong here: how the text is read (`yaml_document`, `json_document`).
"""

from dataclasses import dataclass, field

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 2_000_000

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file: where its key is (or itself, in a list), and where it begins and ends.

    `start` and `end` are positions in the text, the end exclusive.
    """

    place: Place
    start: int
    end: int
    block: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that is not YAML, or that no contract may hold."""

    place: Place
    what: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file's plain value, or None with the problems that kept it from being read."""

    value: object
    problems: tuple[Problem, ...]
    spans: dict[Path, Span] = field(default_factory=dict)

    def place(self, path: Path) -> Place:
        """Return the place of the nearest part of `path` that the file has."""
        for length in range(len(path), -1, -1):
            span = self.spans.get(path[:length])
            if span is not None:
                return span.place
        return Place(1, 1)
