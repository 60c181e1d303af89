"""Raw files as a function gets them: paths that record any use other than a scan."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

_Plain = type(Path())


class _Watched(_Plain):  # type: ignore[misc, valid-type]
    """A path that records that it was opened, looked up, or passed to something that does so."""

    used: "set[str] | None" = None
    owner = ""

    def __fspath__(self) -> str:
        """The path; asking for it counts as opening it."""
        if self.used is not None:
            self.used.add(self.owner)
        return str(self)


class RawFiles:
    """The raw files that a function is given.

    Attributes:
        scanned: those that it scans.
        opened: those that it uses in other ways.
        schemas: the columns of each scan, which may have read the whole file to find them.
    """

    def __init__(
        self, files: Mapping[str, Iterable[Path]], schemas: dict[str, pl.Schema] | None = None
    ) -> None:
        """`files`: the paths of each raw file, by its name; `schemas`: of an earlier call."""
        self.scanned: set[str] = set()
        self.opened: set[str] = set()
        self.schemas = {} if schemas is None else schemas
        self._owner = {str(path): name for name, paths in files.items() for path in paths}

    def watched(self, path: Path) -> Path:
        """The path to hand to the function."""
        made = _Watched(path)
        made.used, made.owner = self.opened, self._owner[str(path)]
        return made

    def owner_of(self, source: Any) -> str | None:
        """The raw file that a path, or each of several, belongs to."""
        if isinstance(source, list | tuple) and source:
            owners = {self.owner_of(one) for one in source}
            return owners.pop() if len(owners) == 1 else None
        return self._owner.get(str(source)) if isinstance(source, str | os.PathLike) else None


def plain(source: Any) -> Any:
    """The plain path, which records nothing."""
    if isinstance(source, list | tuple):
        return [plain(one) for one in source]
    return str(source) if isinstance(source, os.PathLike) else source
