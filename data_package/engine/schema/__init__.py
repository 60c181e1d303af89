"""Table Schema at the speed of Polars: contracts, checks and reports.

Knows Polars and nothing of orchestration; usable by itself.
https://datapackage.org/standard/table-schema/
"""

from data_package.engine.schema.check import CheckError, check
from data_package.engine.schema.contract import (
    Contract,
    ContractError,
    Field,
    ForeignKey,
    load_contract,
)
from data_package.engine.schema.dialect import Dialect, DialectError
from data_package.engine.schema.reading import BadDataError, Reading, check_file, read
from data_package.engine.schema.report import Report, Total

__all__ = [
    "BadDataError",
    "CheckError",
    "Contract",
    "ContractError",
    "Dialect",
    "DialectError",
    "Field",
    "ForeignKey",
    "Reading",
    "Report",
    "Total",
    "check",
    "check_file",
    "load_contract",
    "read",
]
