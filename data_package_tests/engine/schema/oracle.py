"""frictionless as the judge of delimited text, and both reports in a form that compares."""

import functools
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import dateutil.parser
import frictionless

from data_package.engine.schema import Contract, Report, check_file, read

Found = Counter[tuple[int | None, str | None, str, str]]

# What a date of the format `any` leaves out frictionless takes from the day it runs on; here it is
# given the day that is ours.
dateutil.parser.parse = functools.partial(  # type: ignore[assignment]
    dateutil.parser.parse,
    default=datetime(2000, 1, 1),  # noqa: DTZ001
)

_KEY_CODES = ("primary-key", "foreign-key")
_CONSTRAINT = re.compile(r'constraint "(\w+)"')


def frictionless_errors(
    schema: Mapping[str, Any], path: Path, reference: tuple[Mapping[str, Any], Path] | None = None
) -> Found:
    """Return (row, field, code, constraint) of every error that frictionless finds in a CSV file.

    Raises whatever frictionless raises: it has no report for some schemas.
    """
    # Everything is given, because what is not frictionless guesses from the text.
    csv = {"delimiter": ",", "quoteChar": '"', "doubleQuote": True, "skipInitialSpace": False}
    dialect = {"header": True, "headerRows": [1], "csv": csv}
    resources = [_resource("data", path, schema, dialect)]
    if reference is not None:
        resources.append(_resource("reference", reference[1], reference[0], dialect))
    package = frictionless.Package.from_descriptor(
        {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "resources": resources,
        }
    )
    package.basepath = str(path.parent)
    checklist = frictionless.Checklist(skip_errors=["hash-count", "byte-count"])
    resource = package.get_resource("data")
    report = resource.validate(checklist, limit_errors=1_000_000)
    if report.errors:
        raise RuntimeError(str([error.note for error in report.errors]))
    names = [field["name"] for field in schema["fields"]]
    found: Found = Counter()
    for error in report.tasks[0].errors:
        row = getattr(error, "row_number", None)
        field = getattr(error, "field_name", None)
        if error.type in _KEY_CODES or field not in names:
            field = None
        constraint = _CONSTRAINT.match(error.note or "")
        found[row, field, error.type, constraint[1] if constraint else ""] += 1
    return found


def our_report(
    schema: Mapping[str, Any], path: Path, reference: tuple[Mapping[str, Any], Path] | None = None
) -> Report:
    """Return our own report on the same."""
    references = {}
    if reference is not None:
        references["reference"] = read(reference[1], reference[0]).frame
    contract = Contract.from_descriptor(schema, name="data")
    return check_file(path, contract, references=references, limit=1_000_000)


def comparable(report: Report) -> Found:
    """Return a report as (row, field, code, constraint) with counts."""
    found: Found = Counter()
    for error in report.errors.iter_rows(named=True):
        field = None if error["code"] in _KEY_CODES else error["field"]
        constraint = error["rule"] if error["code"] == "constraint-error" else ""
        found[error["row"], field, error["code"], constraint] += 1
    return found


def _resource(
    name: str, path: Path, schema: Mapping[str, Any], dialect: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "path": path.name,
        "type": "table",
        "format": "csv",
        "scheme": "file",
        "encoding": "utf-8",
        "mediatype": "text/csv",
        "dialect": dict(dialect),
        "schema": dict(schema),
    }
