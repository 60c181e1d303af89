"""A field is checked whatever its name is, also one that Polars reads as an expression."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_package.engine.schema import Contract, check, check_file

NAMES = ["*", "^v$", "^.*$", "\0blank", "", "a b", "v"]
VALUES: dict[str, list[Any]] = {
    "integer": [1, 2],
    "string": ["a", "b"],
    "list": ["1,2", "3"],
    "date": ["2020-01-01", "2020-01-02"],
}


def contract(name: str, kind: str) -> Contract:
    rules = {"required": True, "unique": True, "enum": VALUES[kind][:1]}
    fields = [{"name": name, "type": kind, "constraints": rules}, {"name": "w", "type": kind}]
    return Contract.from_descriptor({"fields": fields, "primaryKey": [name]})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", VALUES)
def test_a_typed_column_of_any_name_is_judged(name: str, kind: str) -> None:
    held = [date.fromisoformat(each) for each in VALUES[kind]] if kind == "date" else VALUES[kind]
    frame = pl.DataFrame({name: held, "w": held})
    for each in (frame, frame.lazy()):
        report = check(each, contract(name, kind))
        assert [(total.rule, total.rows) for total in report.totals] == [("enum", (3,))]


@pytest.mark.parametrize("name", ["*", "^v$", "^.*$", "a b"])
@pytest.mark.parametrize("kind", VALUES)
def test_a_delivered_column_of_any_name_is_judged(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = "".join(f'"{value}";"{value}"\n' for value in VALUES[kind])
    path.write_text(f'"{name}";"w"\n{rows}')
    report = check_file(path, contract(name, kind), dialect={"delimiter": ";"})
    assert [(total.rule, total.rows) for total in report.totals] == [("enum", (3,))]
