"""Versions of the data package: how two of them differ, and what a release is.

`diff` compares any two data packages; names are loaded when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_package.engine.versions.changes import Change as Change
    from data_package.engine.versions.changes import ChangeKind as ChangeKind
    from data_package.engine.versions.difference import Difference as Difference
    from data_package.engine.versions.difference import TableDifference as TableDifference
    from data_package.engine.versions.difference import diff as diff
    from data_package.engine.versions.level import Level as Level
    from data_package.engine.versions.rows import RowDifference as RowDifference

_HOMES = {
    "Change": "changes",
    "ChangeKind": "changes",
    "Difference": "difference",
    "Level": "level",
    "RowDifference": "rows",
    "TableDifference": "difference",
    "diff": "difference",
}

__all__ = [
    "Change",
    "ChangeKind",
    "Difference",
    "Level",
    "RowDifference",
    "TableDifference",
    "diff",
]


def __getattr__(name: str) -> object:
    """Return a public name from the module it lives in."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
