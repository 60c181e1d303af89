"""Table Schema at the speed of Polars: contracts, checks and reports.

Knows Polars and nothing of orchestration; usable by itself. Names are loaded when they are asked
for: a contract can be read and digested without Polars. What does not belong here: which raw
files a project has (`sources`), and when its tables are checked (`tables.checks`).
https://datapackage.org/standard/table-schema/
"""

from typing import TYPE_CHECKING

from data_package.engine.lazy_names import lazily

if TYPE_CHECKING:
    from data_package.engine.schema.across import FilePart, reports_across
    from data_package.engine.schema.begun import begun_contract
    from data_package.engine.schema.checker import DEFAULT_LIMIT
    from data_package.engine.schema.columns import column, free_name
    from data_package.engine.schema.contract import Contract, ContractError, Field, ForeignKey
    from data_package.engine.schema.contract_file import load_contract
    from data_package.engine.schema.describe import add_fields, add_properties, contract_text
    from data_package.engine.schema.dialect import Dialect, DialectError
    from data_package.engine.schema.dialect_of_file import FileOptions
    from data_package.engine.schema.formats import format_of
    from data_package.engine.schema.formats.parts import FileParts, parts_of
    from data_package.engine.schema.growing import Grown, grown
    from data_package.engine.schema.inference import Inference, UnsoundError, infer, infer_file
    from data_package.engine.schema.links import Link, link_of
    from data_package.engine.schema.linting import Issue, lint, lint_references
    from data_package.engine.schema.offending import offending_rows
    from data_package.engine.schema.parquet import scan_delivered
    from data_package.engine.schema.reading import (
        BadDataError,
        Reading,
        bad_rows_allowed,
        check_file,
        columns_of,
        delivered_rows,
        read,
    )
    from data_package.engine.schema.report import SHOWN_ROWS, Report, Total, unchecked, with_rows
    from data_package.engine.schema.sniffing import Writing, sniffed
    from data_package.engine.schema.typed import check
    from data_package.engine.schema.unreadable import CheckError

__all__ = [
    "BadDataError",
    "CheckError",
    "Contract",
    "ContractError",
    "Dialect",
    "DialectError",
    "Field",
    "ForeignKey",
    "DEFAULT_LIMIT",
    "Grown",
    "Inference",
    "Issue",
    "FileOptions",
    "FilePart",
    "Link",
    "FileParts",
    "Reading",
    "Report",
    "SHOWN_ROWS",
    "Total",
    "UnsoundError",
    "Writing",
    "add_fields",
    "add_properties",
    "bad_rows_allowed",
    "begun_contract",
    "check",
    "check_file",
    "column",
    "columns_of",
    "delivered_rows",
    "format_of",
    "free_name",
    "contract_text",
    "grown",
    "infer",
    "infer_file",
    "link_of",
    "lint",
    "lint_references",
    "load_contract",
    "offending_rows",
    "parts_of",
    "read",
    "reports_across",
    "scan_delivered",
    "sniffed",
    "unchecked",
    "with_rows",
]

__getattr__ = lazily(
    __name__,
    {
        "BadDataError": "reading",
        "CheckError": "unreadable",
        "Contract": "contract",
        "ContractError": "contract",
        "Dialect": "dialect",
        "DialectError": "dialect",
        "Field": "contract",
        "ForeignKey": "contract",
        "Grown": "growing",
        "Inference": "inference",
        "grown": "growing",
        "Issue": "linting",
        "Link": "links",
        "Reading": "reading",
        "Report": "report",
        "SHOWN_ROWS": "report",
        "Total": "report",
        "UnsoundError": "inference",
        "add_fields": "describe",
        "add_properties": "describe",
        "bad_rows_allowed": "reading",
        "begun_contract": "begun",
        "check": "typed",
        "check_file": "reading",
        "column": "columns",
        "columns_of": "reading",
        "delivered_rows": "reading",
        "format_of": "formats",
        "free_name": "columns",
        "contract_text": "describe",
        "infer": "inference",
        "infer_file": "inference",
        "link_of": "links",
        "lint": "linting",
        "lint_references": "linting",
        "load_contract": "contract_file",
        "offending_rows": "offending",
        "DEFAULT_LIMIT": "checker",
        "parts_of": "formats.parts",
        "FileParts": "formats.parts",
        "FileOptions": "dialect_of_file",
        "FilePart": "across",
        "read": "reading",
        "reports_across": "across",
        "Writing": "sniffing",
        "scan_delivered": "parquet",
        "sniffed": "sniffing",
        "unchecked": "report",
        "with_rows": "report",
    },
)
