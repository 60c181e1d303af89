"""Testing tables without data: made-up rows, tables built from a few lines, contracts asserted.

>>> from data_package.testing import assert_keeps_contract, build_table, sample
"""

from typing import TYPE_CHECKING

from data_package.engine.lazy_names import lazily

if TYPE_CHECKING:
    from data_package.engine.runs.rehearsal import build_table, build_tables
    from data_package.engine.testing import assert_keeps_contract, sample

__all__ = ["assert_keeps_contract", "build_table", "build_tables", "sample"]

__getattr__ = lazily(
    "data_package",
    {
        "assert_keeps_contract": "engine.testing",
        "build_table": "engine.runs.rehearsal",
        "build_tables": "engine.runs.rehearsal",
        "sample": "engine.testing",
    },
)
