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
from data_package.engine.schema.describe import add_fields, contract_text
from data_package.engine.schema.dialect import Dialect, DialectError
from data_package.engine.schema.infer import Inference, infer, infer_file
from data_package.engine.schema.lint import Issue, lint, lint_references
from data_package.engine.schema.offending import offending_rows
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
    "Inference",
    "Issue",
    "Reading",
    "Report",
    "Total",
    "add_fields",
    "check",
    "check_file",
    "contract_text",
    "infer",
    "infer_file",
    "lint",
    "lint_references",
    "load_contract",
    "offending_rows",
    "read",
]
