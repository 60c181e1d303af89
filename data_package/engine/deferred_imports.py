"""Deferring imports that other libraries make, until something of the module is used.

Dagster's storage imports Alembic for migrations that hardly ever run and all its daemons for the
name of one type, and dagster-polars imports PyArrow for a scan that is not used here: together an
eighth of a build's imports.
"""

import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# What Dagster's storage imports and a build does not use.
BESIDE_STORAGE = ("alembic", "dagster._daemon")

_guard = threading.RLock()


@contextmanager
def imported_later(*packages: str) -> Iterator[None]:
    """Import placeholders instead of these packages while the block runs.

    A package that has been imported already is unchanged. After the block, imports are real
    again.
    """
    with _guard:
        finder = _Finder(tuple(name for name in packages if name not in sys.modules))
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
            for name in [n for n, module in sys.modules.items() if isinstance(module, _Module)]:
                del sys.modules[name]
                above, _, own = name.rpartition(".")
                if isinstance(getattr(sys.modules.get(above), own, None), _Module):
                    delattr(sys.modules[above], own)


class _Finder(MetaPathFinder, Loader):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if not any(f"{fullname}.".startswith(f"{package}.") for package in self._packages):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing yet."""


class _Module(ModuleType):
    """A placeholder for whatever is imported from the package."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(self.__name__, name)


class _Name:
    """A function or a class; the first use imports it."""

    def __init__(self, module: str, name: str) -> None:
        self._later = module, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._found()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._found())

    def _found(self) -> Any:
        module, name = self._later
        return getattr(importlib.import_module(module), name)
