"""The same schemas and the same dirty CSV, judged by frictionless and by us.

Where frictionless does not follow the standard it is given an equivalent schema that it does
enforce, so that only the differences listed in docs/reference/table-schema.md remain.
"""

import copy
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import frictionless
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from data_package.engine.schema import Contract, Report, check, read
from data_package.engine.schema.cells import logical_dtype, read_columns
from data_package.engine.schema.checker import Batch, Checker
from data_package_tests.campaigns import cases
from data_package_tests.engine.schema.generate import cells, fields, tables
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
    max_examples=120,
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
    max_examples=cases(200_000),
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
    # A row with nothing but a cell beyond the columns is blank to frictionless.
    assume(not _rows(theirs, "blank-row") & _rows(comparable(report), "extra-cell"))
    excused = rows_with_a_null_in_the_key(report)
    assert settled(comparable(report), excused) == settled(theirs, excused)


def _rows(found: Found, code: str) -> set[object]:
    return {row for row, _, each, _ in found if each == code}


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


@settings(
    max_examples=250,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_every_cell_is_read_and_judged_as_frictionless_reads_it(data: st.DataObject) -> None:
    compare_cells(data)


@pytest.mark.stress
@settings(
    max_examples=cases(20_000),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_every_cell_is_read_and_judged_as_frictionless_reads_it_at_length(
    data: st.DataObject,
) -> None:
    compare_cells(data)


def compare_cells(data: st.DataObject) -> None:
    descriptor = data.draw(fields("v"))
    texts = data.draw(st.lists(cells(descriptor), min_size=45, max_size=45))
    ours = judged_by_us(descriptor, texts)
    theirs = judged_by_frictionless(descriptor, texts)
    assert ours == theirs


@settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(table=tables())
def test_a_delivered_table_is_judged_the_same_once_it_is_typed(
    folder: Path, table: tuple[dict[str, Any], str]
) -> None:
    schema, text = table
    path = folder / "data.csv"
    path.write_text(text, newline="")
    contract = Contract.from_descriptor(schema, name="data")
    assume(not our_report(schema, path).of_whole)
    reading = read(path, contract)
    delivered = comparable(reading.report)
    about_rows = ("constraint-error", "unique-error", "primary-key", "foreign-key")
    # The text is another matter, and what could not be read or was not there is null by now.
    assume(all(code in about_rows for _, _, code, _ in delivered))
    # A value that is no text may be spelt like a missing value of the text.
    assume(all("" in field.missing_values for field in contract.fields))
    assert comparable(check(reading.frame, contract)) == delivered


def judged_by_frictionless(
    descriptor: dict[str, Any], texts: list[str]
) -> list[tuple[str, set[str]]]:
    """Return each cell with the rules that frictionless finds broken."""
    answer = as_frictionless_enforces({"fields": [descriptor]})["fields"][0]
    read_cell = frictionless.Field.from_descriptor(answer).create_cell_reader()
    found = []
    for text in texts:
        try:
            notes = read_cell(text)[1]
        except TypeError:
            # Moments with and without an offset do not compare in Python.
            assume(False)
        found.append((text, set(notes or ())))
    return found


def judged_by_us(descriptor: dict[str, Any], texts: list[str]) -> list[tuple[str, set[str]]]:
    """Return each cell with the rules that we find broken."""
    contract = Contract.from_descriptor({"fields": [descriptor]})
    field = contract.fields[0]
    frame = pl.DataFrame({"v": texts}, schema={"v": pl.String})
    column = read_columns(frame, [field], empty_is_null=False)["v"]
    checker = Checker(contract, {"v": logical_dtype(field)}, {}, 1000)
    bad = {} if column.bad is None else {"v": column.bad}
    checker.take(Batch(column.values.alias("v").to_frame(), bad))
    report = checker.finish([], lambda mask, names: frame.select(names).filter(mask))
    broken: list[set[str]] = [set() for _ in texts]
    for error in report.errors.iter_rows(named=True):
        if error["rule"] not in ("unique", "categories"):
            broken[error["row"] - 2].add(error["rule"])
    return list(zip(texts, broken, strict=True))
