"""The source files of a project's packages, and of the user's own code that they import.

Nothing is imported to find them. The engine's own files are not the project's, unless the engine is
the package itself.
"""

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from data_package.engine.own_code import ENGINE, own_places, source_files


class ModuleFiles:
    """The files of a project, by the dotted names of their modules."""

    def __init__(self, packages: Sequence[str]) -> None:
        """`packages`: the import names of the project's packages."""
        beside = own_places(packages)
        self._loaded = tuple(packages)
        self._packages = (*packages, *beside)
        self._paths = dict(_find_files(packages))
        for top, places in beside.items():
            self._paths |= {
                _join(top, n): p for one in places for n, p in source_files(one).items()
            }
        self._namespaces = {
            ".".join(name.split(".")[:end])
            for name in self._paths
            for end in range(1, name.count(".") + 1)
        }
        self.root: Final = _find_root(self._packages)
        """The folder that holds the project's first package; None when it has no file."""
        roots = [self.root, *(place.parent for places in beside.values() for place in places)]
        self._roots = [root for root in roots if root is not None]

    def __iter__(self) -> Iterator[str]:
        """The names of all modules, in order."""
        return iter(sorted(self._paths))

    def __len__(self) -> int:
        """The number of the project's files."""
        return len(self._paths)

    def __contains__(self, name: str) -> bool:
        """Whether a dotted name is a file or folder of the project."""
        return name in self._paths or name in self._namespaces

    def path(self, name: str) -> Path | None:
        """A module's file; None for a folder without `__init__`, and for unknown modules."""
        return self._paths.get(name)

    def adopt(self, name: str, path: Path) -> bool:
        """Add a file outside the packages to the project's; False when its name is taken."""
        if name in self._paths:
            return False
        self._paths[name] = path
        return True

    def as_imported(self) -> list[str]:
        """All modules: first those of the project's packages, by name, as they are imported."""
        return sorted(
            self._paths, key=lambda name: (not _within(name, self._loaded), name.split("."))
        )

    def content(self, name: str) -> bytes:
        """The bytes of a module that cannot be parsed; empty when there is no file."""
        path = self._paths.get(name)
        try:
            return path.read_bytes() if path is not None else b""
        except OSError:
            return b""

    def owns(self, name: str) -> bool:
        """Whether a dotted name is a module of the project (with or without source)."""
        if name in self:
            return True
        if _within(name, (ENGINE,)):
            return _within(name, self._packages) and ENGINE in self._packages
        return _within(name, self._packages)

    def place(self, path: Path) -> str:
        """A file's name for messages: relative to the folder that its code is imported from."""
        for root in self._roots:
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return path.name


def _find_files(packages: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for package in packages:
        for folder in _locations(package):
            for inner, path in source_files(folder).items():
                name = _join(package, inner)
                if not _within(name, (ENGINE,)) or ENGINE in packages:
                    yield name, path


def _join(package: str, inner: str) -> str:
    return f"{package}.{inner}" if inner else package


def _find_root(packages: Sequence[str]) -> Path | None:
    for package in packages:
        for location in _locations(package):
            depth = package.count(".") + (0 if location.is_file() else 1)
            folder = location.parent if location.is_file() else location
            for _ in range(depth):
                folder = folder.parent
            return folder
    return None


def _within(name: str, packages: Sequence[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _locations(package: str) -> list[Path]:
    module = sys.modules.get(package)
    paths = list(getattr(module, "__path__", []) or [])
    file = getattr(module, "__file__", None)
    if module is None:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        paths = list(spec.submodule_search_locations or []) if spec else []
        file = spec.origin if spec else None
    if paths:
        return [Path(path) for path in paths]
    return [Path(file)] if file and file.endswith(".py") else []
