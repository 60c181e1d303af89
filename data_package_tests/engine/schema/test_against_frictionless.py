"""The same schemas and the same dirty CSV, judged by frictionless and by us.

Where frictionless does not follow the standard it is given an equivalent schema that it does
enforce, so that only the differences listed in docs/reference/table-schema.md remain.
"""

import copy
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from data_package_tests.engine.schema.generate import tables
from data_package.engine.schema import Report
from data_package_tests.engine.schema.oracle import (
    Found,
    comparable,
    frictionless_errors,
    our_report,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("differential")


@settings(
    max_examples=1500,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(table=tables())
def test_every_error_frictionless_finds_is_found_and_no_other(
    folder: Path, table: tuple[dict[str, Any], str]
) -> None:
    compare(folder, *table)


@pytest.mark.stress
@settings(
    max_examples=200_000,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(table=tables())
def test_every_error_frictionless_finds_is_found_at_length(
    folder: Path, table: tuple[dict[str, Any], str]
) -> None:
    compare(folder, *table)


def compare(folder: Path, schema: dict[str, Any], text: str) -> None:
    path = folder / "data.csv"
    path.write_text(text, newline="")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = frictionless_errors(as_frictionless_enforces(schema), path)
        except Exception:  # noqa: BLE001  schemas that frictionless has no report for
            assume(False)
    # Fields matched by name and a label twice: frictionless stops, without a code.
    assume(not any(code == "error" for _, _, code, _ in theirs))
    report = our_report(schema, path)
    excused = rows_with_a_null_in_the_key(report)
    assert settled(comparable(report), excused) == settled(theirs, excused)


def as_frictionless_enforces(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema in the words that frictionless enforces as the standard means them."""
    changed = copy.deepcopy(schema)
    for field in changed["fields"]:
        constraints = field.get("constraints", {})
        if "pattern" in constraints:
            constraints["pattern"] = rf"(?:{constraints['pattern']})\Z"
    return changed


def rows_with_a_null_in_the_key(report: Report) -> set[int]:
    """Return the rows that break a composite primary key by a null in one of its parts."""
    return {
        row
        for total in report.totals
        if total.rule == "primaryKey" and "," in (total.field or "") and "empty" in total.note
        for row in total.rows
    }


def settled(found: Found, excused: set[int]) -> Found:
    """Leave out what frictionless does not check: categories, and nulls in part of a key."""
    return Counter(
        {
            (row, field, code, constraint): count
            for (row, field, code, constraint), count in found.items()
            if constraint != "categories" and not (code == "primary-key" and row in excused)
        }
    )
