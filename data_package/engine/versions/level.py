"""How large a change is, and the version that follows from it.

After the recipe that the standard points to for a package's `version`:
https://datapackage.org/recipes/data-package-version/
Three numbers and nothing else, which is less than the library `packaging` accepts.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import total_ordering

_VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})", re.ASCII)


class Level(IntEnum):
    """How much a change affects users of the data, from least to most."""

    PATCH = 1
    MINOR = 2
    MAJOR = 3

    def __str__(self) -> str:
        return self.name.lower()


@total_ordering
@dataclass(frozen=True)
class Version:
    """A released version: three numbers (https://semver.org)."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "Version | None":
        """The version in a text; None when it is not one."""
        found = _VERSION.fullmatch(text)
        return cls(*(int(part) for part in found.groups())) if found else None

    def after(self, level: Level) -> "Version":
        """The version after a change.

        While the first number is 0, everything may still change: a major change raises the
        second number instead.
        """
        match level:
            case Level.MAJOR if self.major > 0:
                return self.next_major()
            case Level.MAJOR | Level.MINOR:
                return Version(self.major, self.minor + 1, 0)
            case Level.PATCH:
                return Version(self.major, self.minor, self.patch + 1)

    def next_major(self) -> "Version":
        """The next major version."""
        return Version(self.major + 1, 0, 0)

    def __lt__(self, other: "Version") -> bool:
        return (self.major, self.minor, self.patch) < (other.major, other.minor, other.patch)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


FIRST = Version(0, 1, 0)
