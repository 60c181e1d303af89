"""Delimited text that is given piece by piece."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import polars as pl

from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.split import Block, Shape

Split: TypeAlias = Callable[[bytes, Shape], Block]


class Source(Protocol):
    """Bytes in UTF-8, read until there are none."""

    def read(self, size: int) -> bytes:
        """Return about `size` bytes more; none at the end only."""

    def close(self) -> None:
        """Close what it is read from."""


@dataclass(frozen=True, slots=True)
class Delimited:
    """A file as delimited text in UTF-8.

    `dialect` says how the text is written, `part` which part of the file it is, such as a sheet.
    `restored` gives the cells as they are delivered; None where they already are. In a grid a row
    without any value counts as an empty line. `split` makes a block of whole lines after the
    header, where these are not delimited text.
    """

    source: Source
    dialect: Dialect
    part: str = ""
    restored: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    is_grid: bool = False
    split: Split | None = None


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
