"""A package's public names, each imported on first use.

Commands that need neither Dagster nor Polars, such as a build with nothing to do, load neither.
"""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package, given the module below it that each public name lives in."""

    def attribute(name: str) -> object:
        if name not in homes:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return attribute
