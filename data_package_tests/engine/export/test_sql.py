"""A contract's constraints are declared in SQL as the database can check them."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_package.engine.export.content import ExportedTable
from data_package.engine.export.sql import create_table
from data_package.engine.schema import Contract
from data_package.engine.schema.constraints import CONSTRAINTS
from data_package.engine.schema.types import FIELD_TYPES


def declared(field: dict[str, Any], dtype: pl.DataType) -> str:
    contract = Contract.from_descriptor({"fields": [{"name": "v", **field}]})
    table = ExportedTable("t", contract, Path("t.parquet"), {"v": dtype}, 0)
    return create_table(table, {"v": "BIGINT" if dtype.is_integer() else "TEXT"}, [])


@pytest.mark.parametrize("name", sorted(n for n, one in CONSTRAINTS.items() if one.sql))
def test_a_constraint_that_sql_can_express_is_declared_as_a_check(name: str) -> None:
    is_number = name in FIELD_TYPES["integer"].constraints
    value = [2] if name == "enum" else 2
    field = {"type": "integer" if is_number else "string", "constraints": {name: value}}
    dtype = pl.Int64() if is_number else pl.String()
    check = CONSTRAINTS[name].sql.format(column='"v"', value=2)
    assert re.findall(r"CHECK \((.*)\)\n", declared(field, dtype)) == [check]


def test_categories_are_one_check() -> None:
    field = {"type": "integer", "categories": [1, 2, 3]}
    assert re.findall(r"CHECK \((.*)\)\n", declared(field, pl.Int64())) == ['"v" IN (1, 2, 3)']
