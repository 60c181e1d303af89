"""Versions of the data package: how two of them differ, and what a release is.

`diff` compares any two data packages; names are imported on first use. What does not belong here:
writing a data package (`package`). Only `repository` opens a connection, and only for `publish`.
"""

from typing import TYPE_CHECKING

from data_package.engine.lazy_names import lazily

if TYPE_CHECKING:
    from data_package.engine.versions.changes import Category, Change
    from data_package.engine.versions.comparison import diff
    from data_package.engine.versions.difference import Difference, TableDifference
    from data_package.engine.versions.level import Level
    from data_package.engine.versions.rows import RowDifference

__all__ = [
    "Change",
    "Category",
    "Difference",
    "Level",
    "RowDifference",
    "TableDifference",
    "diff",
]

__getattr__ = lazily(
    __name__,
    {
        "Change": "changes",
        "Category": "changes",
        "Difference": "difference",
        "Level": "level",
        "RowDifference": "rows",
        "TableDifference": "difference",
        "diff": "comparison",
    },
)
