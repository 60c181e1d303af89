"""Text that is given piece by piece."""

from collections.abc import Iterable, Iterator
from typing import Protocol


class Source(Protocol):
    """Bytes in UTF-8, read until there are none."""

    def read(self, size: int) -> bytes:
        """Return about `size` bytes more; none at the end only."""

    def close(self) -> None:
        """Close what it is read from."""


class Pieces:
    """Pieces of text as a source."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)

    def read(self, size: int) -> bytes:
        """Return whole pieces, `size` bytes of them or more."""
        taken: list[bytes] = []
        length = 0
        for piece in self._pieces:
            taken.append(piece)
            length += len(piece)
            if length >= size:
                break
        return b"".join(taken)

    def close(self) -> None:
        """Stop what gives the pieces."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
