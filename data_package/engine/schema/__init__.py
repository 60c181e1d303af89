"""Table Schema at the speed of Polars: contracts, checks and reports.

Knows Polars and nothing of orchestration; usable by itself. Names are loaded when they are asked
for: a contract can be read and digested without Polars.
https://datapackage.org/standard/table-schema/
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_package.engine.schema.contract import (
        Contract as Contract,
    )
    from data_package.engine.schema.contract import (
        ContractError as ContractError,
    )
    from data_package.engine.schema.contract import (
        Field as Field,
    )
    from data_package.engine.schema.contract import (
        ForeignKey as ForeignKey,
    )
    from data_package.engine.schema.contract import (
        load_contract as load_contract,
    )
    from data_package.engine.schema.describe import (
        add_fields as add_fields,
    )
    from data_package.engine.schema.describe import (
        contract_text as contract_text,
    )
    from data_package.engine.schema.dialect import Dialect as Dialect
    from data_package.engine.schema.dialect import DialectError as DialectError
    from data_package.engine.schema.inference import (
        Inference as Inference,
    )
    from data_package.engine.schema.inference import (
        infer as infer,
    )
    from data_package.engine.schema.inference import (
        infer_file as infer_file,
    )
    from data_package.engine.schema.linting import (
        Issue as Issue,
    )
    from data_package.engine.schema.linting import (
        lint as lint,
    )
    from data_package.engine.schema.linting import (
        lint_references as lint_references,
    )
    from data_package.engine.schema.offending import offending_rows as offending_rows
    from data_package.engine.schema.reading import (
        BadDataError as BadDataError,
    )
    from data_package.engine.schema.reading import (
        Reading as Reading,
    )
    from data_package.engine.schema.reading import (
        check_file as check_file,
    )
    from data_package.engine.schema.reading import (
        read as read,
    )
    from data_package.engine.schema.report import Report as Report
    from data_package.engine.schema.report import Total as Total
    from data_package.engine.schema.typed import check as check
    from data_package.engine.schema.unreadable import CheckError as CheckError

_HOMES = {
    "Contract": "contract",
    "ContractError": "contract",
    "Field": "contract",
    "ForeignKey": "contract",
    "load_contract": "contract",
    "add_fields": "describe",
    "contract_text": "describe",
    "Dialect": "dialect",
    "DialectError": "dialect",
    "Inference": "inference",
    "infer": "inference",
    "infer_file": "inference",
    "Issue": "linting",
    "lint": "linting",
    "lint_references": "linting",
    "offending_rows": "offending",
    "BadDataError": "reading",
    "Reading": "reading",
    "check_file": "reading",
    "read": "reading",
    "Report": "report",
    "Total": "report",
    "CheckError": "unreadable",
    "check": "typed",
}

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


def __getattr__(name: str) -> object:
    """Return a public name from the module it lives in."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
