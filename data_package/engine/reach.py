"""Everything that something leads to, step by step. Standard library only."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def reached(begin: Iterable[T], following: Callable[[T], Iterable[T]]) -> set[T]:
    """What is reached from some things, these included; circles are walked once."""
    found = set(begin)
    waiting = list(found)
    while waiting:
        new = set(following(waiting.pop())) - found
        found |= new
        waiting += new
    return found
