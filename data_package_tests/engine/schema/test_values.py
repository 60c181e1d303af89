"""Single cells, as text and in typed columns: which value each is, or that it is none."""

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_package.engine.schema import Contract, check, read
from data_package.engine.schema.cells import read_column, read_columns
from data_package.engine.schema.types import reader


def value_of(descriptor: dict[str, Any], cell: str) -> object:
    """Read a cell in the two ways there are, vectorised and by itself."""
    field = Contract.from_descriptor({"fields": [{"name": "v", **descriptor}]}).fields[0]
    frame = pl.DataFrame({"v": [cell, "1"]})
    cells = read_columns(frame, [field], empty_is_null=False)["v"]
    assert read_column(field, frame["v"]).values.equals(cells.values)
    found = cells.values[0]
    is_bad = cells.bad is not None and cells.bad[0]
    assert is_bad == (found is None)
    alone = reader(field)(cell)
    if isinstance(found, float) and math.isnan(found):
        assert isinstance(alone, float)
        assert math.isnan(alone)
    elif field.type == "number" or (found is not None and field.type == "integer"):
        assert alone == found
    return found


BARE = {"type": "number", "bareNumber": False}


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((".5", 0.5), ("$.50", 0.5), ("-.5", -0.5), ("€-.5", -0.5), ("€ 5", 5.0), ("95%", 95.0)),
        *(("EUR 95", 95.0), ("EUR 1.5", 1.5), ("+3.5 kg", 3.5), ("1e3", 1000.0), ("5.", 5.0)),
        *(("INF", math.inf), ("-INF", -math.inf), ("inf", math.inf), ("50,-", 50.0)),
        # A decimal mark behind a letter may end an abbreviation.
        *(("kr.50", None), ("No.5", None), ("x", None), ("-€5", None), ("%", None)),
    ],
)
def test_a_number_that_is_not_bare_keeps_its_decimal_mark(cell: str, value: object) -> None:
    assert value_of(BARE, cell) == value


def test_nan_is_a_number_that_is_not_bare() -> None:
    found = value_of(BARE, "NaN")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("kr 1.234,5", 1234.5), ("$,50", 0.5), (",5", 0.5), ("kr,50", None), ("1.234,5 %", 1234.5)],
)
def test_a_decimal_comma_is_kept_too(cell: str, value: object) -> None:
    assert value_of({**BARE, "decimalChar": ",", "groupChar": "."}, cell) == value


@pytest.mark.parametrize(
    ("descriptor", "cell", "value"),
    [
        ({"groupChar": "."}, "1.000", 1000),
        ({"groupChar": "."}, "-1.000.000", -1_000_000),
        ({"groupChar": " "}, "1 000", 1000),
        ({"groupChar": "."}, "1,000", None),
        ({"bareNumber": False}, "€ 5", 5),
        ({"bareNumber": False}, "5%", 5),
        ({"bareNumber": False}, "kr.50", 50),
        ({"bareNumber": False}, "1.5", None),
        ({"bareNumber": False, "groupChar": "."}, "kr 1.000 ,-", 1000),
        ({}, "9223372036854775807", 2**63 - 1),
        ({}, "9223372036854775808", None),
        ({}, "-9223372036854775809", None),
    ],
)
def test_an_integer_is_grouped_and_marked_as_its_field_says(
    descriptor: dict[str, Any], cell: str, value: object
) -> None:
    assert value_of({"type": "integer", **descriptor}, cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(("1e400", None), ("-1e400", None), ("1e-400", None), ("9" * 400, None)),
        *(("0." + "0" * 400 + "1", None), ("1.7976931348623157e308", 1.7976931348623157e308)),
        *(("5e-324", 5e-324), ("0", 0.0), ("0.000", 0.0), ("-0", 0.0), ("0e-999", 0.0)),
        *(("INF", math.inf), ("Infinity", math.inf), ("NaN12", None), ("sNaN", None)),
    ],
)
def test_a_number_that_64_bits_cannot_hold_is_an_error(cell: str, value: object) -> None:
    assert value_of({"type": "number"}, cell) == value


@pytest.mark.parametrize(
    ("descriptor", "cell", "good"),
    [
        ({"type": "string", "format": "binary"}, "aGVsbG8=", True),
        ({"type": "string", "format": "binary"}, "!!!!", False),
        ({"type": "string", "format": "binary"}, "aGVsbG8====", False),
        ({"type": "string", "format": "binary"}, "SGVsbG8gV29ybGQ===", False),
        ({"type": "string", "format": "binary"}, "YQ==\n", False),
        ({"type": "datetime"}, "2024-01-01T00:00:00", True),
        ({"type": "datetime"}, "2024-01-01 00:00:00", True),
        ({"type": "datetime"}, "2024-01-01x00:00:00", False),
        ({"type": "yearmonth"}, "2024-01", True),
        ({"type": "yearmonth"}, "2024-+1", False),
        ({"type": "yearmonth"}, "2_0-1", False),
        ({"type": "geopoint", "format": "array"}, "[90.5, 45]", True),
        ({"type": "geopoint", "format": "array"}, '["90.5", "45"]', False),
        ({"type": "geopoint", "format": "object"}, '{"lon": "1", "lat": 2}', False),
        ({"type": "geopoint", "format": "array"}, "[1, 1" + "0" * 400 + "]", False),
        ({"type": "array"}, "[NaN]", False),
        ({"type": "object"}, '{"a": Infinity}', False),
        ({"type": "array"}, "[" * 600 + "]" * 600, False),
        ({"type": "list", "itemType": "integer"}, "1,2", True),
        ({"type": "list", "itemType": "integer"}, "1,x", False),
    ],
)
def test_a_cell_is_of_its_type_or_not(descriptor: dict[str, Any], cell: str, good: bool) -> None:
    assert (value_of(descriptor, cell) is not None) == good


@pytest.mark.parametrize("kind", ["integer", "year"])
@pytest.mark.parametrize("many", [10**40, 10**400, -(10**400)])
@pytest.mark.parametrize(
    "name", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum"]
)
def test_a_whole_number_beyond_every_float_is_a_bound(kind: str, many: int, name: str) -> None:
    written = [many] if name == "enum" else many
    field = {"name": "v", "type": kind, "constraints": {name: written}}
    contract = Contract.from_descriptor({"fields": [field]})
    broken = name == "enum" or (many > 0) == name.endswith("inimum")
    for dtype in (pl.Int8, pl.UInt64, pl.Int64):
        frame = pl.DataFrame({"v": pl.Series([5], dtype=dtype)})
        assert check(frame, contract).ok != broken


@pytest.mark.parametrize(
    ("constraint", "broken"),
    [
        ({"minimum": "INF"}, [2, 3]),
        ({"maximum": "INF", "minimum": "-INF"}, []),
        ({"maximum": 1e300, "minimum": -1e300}, []),
        ({"minimum": 10**60}, [2, 3]),
        ({"minimum": 1e-300}, [3]),
        ({"exclusiveMinimum": -1e-300}, [3]),
        ({"maximum": 1.104}, []),
        ({"maximum": 1.096}, [2]),
        ({"minimum": 1.1, "maximum": 1.1}, [3]),
        ({"exclusiveMaximum": "1.1"}, [2]),
        ({"exclusiveMinimum": -0.5}, [3]),
        ({"enum": ["INF", "NaN", 1.1, 1e300, 1.105]}, [3]),
        ({"enum": [10**60, "-0.50"]}, [2]),
    ],
)
def test_decimals_are_compared_to_their_last_digit_with_any_number(
    constraint: dict[str, Any], broken: list[int]
) -> None:
    field = {"name": "v", "type": "number", "constraints": constraint}
    contract = Contract.from_descriptor({"fields": [field]})
    values = [Decimal("1.10"), Decimal("-0.50"), None]
    for dtype in (pl.Decimal(10, 2), pl.Decimal(38, 2), pl.Decimal(38, 30)):
        report = check(pl.DataFrame({"v": pl.Series(values, dtype=dtype)}), contract)
        assert report.errors["row"].to_list() == broken


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize(
    ("constraint", "good"),
    [
        ({"minimum": "0001-01-01T00:00:00", "maximum": "9999-12-31T00:00:00"}, True),
        ({"exclusiveMinimum": "9999-12-31T00:00:00"}, False),
        ({"maximum": "0001-01-01T00:00:00"}, False),
        ({"enum": ["9999-12-31T00:00:00", "2024-01-01T00:00:00"]}, True),
        ({"enum": ["9999-12-31T00:00:00", "0001-01-01T00:00:00"]}, False),
    ],
)
def test_a_datetime_beyond_what_nanoseconds_count_is_a_bound(
    unit: Any, constraint: dict[str, Any], good: bool
) -> None:
    field = {"name": "v", "type": "datetime", "constraints": constraint}
    frame = pl.DataFrame({"v": [dt.date(2024, 1, 1)]}).cast(pl.Datetime(unit))
    assert check(frame, Contract.from_descriptor({"fields": [field]})).ok == good


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_duration_beyond_what_nanoseconds_count_is_not_a_value_of_a_column(unit: Any) -> None:
    field = {"name": "v", "type": "duration", "constraints": {"enum": ["P99999999D", "P1D"]}}
    frame = pl.DataFrame({"v": pl.Series([dt.timedelta(1)], dtype=pl.Duration(unit))})
    assert check(frame, Contract.from_descriptor({"fields": [field]})).ok


@pytest.mark.parametrize(
    ("bound", "broken"),
    [
        ({"minimum": "P99999999999Y"}, True),
        ({"maximum": "P99999999999Y"}, False),
        ({"exclusiveMaximum": "-P99999999999Y"}, True),
        ({"minimum": "PT1S"}, True),
        ({"maximum": "PT1S"}, False),
        ({"enum": ["P99999999999D"]}, True),
    ],
)
def test_a_bound_beyond_every_duration_is_a_bound(bound: dict[str, Any], broken: bool) -> None:
    contract = Contract.from_descriptor(
        {"fields": [{"name": "v", "type": "duration", "constraints": bound}]}
    )
    frame = pl.DataFrame({"v": [500]}).select(pl.col("v").cast(pl.Duration("ms")))
    assert check(frame, contract).ok != broken


def test_infinity_in_an_enum_is_not_an_integer() -> None:
    field = {"name": "v", "type": "number", "constraints": {"enum": ["INF", "NaN", 1]}}
    contract = Contract.from_descriptor({"fields": [field]})
    assert check(pl.DataFrame({"v": [1, 2]}), contract).totals[0].rows == (3,)


@pytest.mark.parametrize(
    ("cell", "good"),
    [
        *(("1e400", False), ("-1e400", False), ("1e-400", False), ("0." + "0" * 400 + "1", False)),
        *(("1e300", True), ("1e-300", True), ("0e-5", True), ("INF", True), ("0", True)),
    ],
)
def test_a_file_of_plain_numbers_is_read_no_other_way(
    cell: str, good: bool, tmp_path: Path
) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text(f"a,b\n1,2.5\n{cell},1\n")
    schema = {"fields": [{"name": name, "type": "number"} for name in ("a", "b")]}
    reading = read(path, schema)
    assert reading.report.ok == good
    assert (reading.frame.collect()["a"].null_count() == 0) == good
