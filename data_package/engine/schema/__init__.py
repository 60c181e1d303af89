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
from data_package.engine.schema.report import Report, Total

__all__ = [
    "CheckError",
    "Contract",
    "ContractError",
    "Field",
    "ForeignKey",
    "Report",
    "Total",
    "check",
    "load_contract",
]
