"""What Dagster gets of a plain `@dg.asset`.

Its group, the description from the docstring's first sentence, the kinds from its annotations, the
columns from its contract; its errors quote no value. What the user wrote in the decorator is kept.
What does not belong here: the facts themselves (`asset_tables`).
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg
import polars as pl

from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.sources.assets import places_in_code
from data_package.engine.sources.files import Declared
from data_package.engine.tables import failures, internals
from data_package.engine.tables.asset_notes import Kept
from data_package.engine.tables.asset_tables import group_of
from data_package.engine.tables.column_metadata import declared_columns
from data_package.engine.tables.first_sentence import first_sentence
from data_package.engine.tables.results import Result, measured_and_fitted
from data_package.engine.tables.table import Table


def attach(
    assets: dg.AssetsDefinition, tables: Mapping[dg.AssetKey, Table], project: Project
) -> dg.AssetsDefinition:
    """The definition as Dagster gets it; the user's own object is unchanged."""
    function = internals.function_of(assets)
    if function is None:
        return assets
    name = ", ".join(sorted(key.to_user_string() for key in assets.keys))
    results = [
        Result(key.to_user_string(), how, tables[key])
        for key, how in internals.outputs_of(assets).items()
        if key in tables
    ]
    measured = measured_and_fitted(function, results)
    guarded = failures.value_free(measured, name=name, project=project)
    described = assets.map_asset_specs(lambda spec: _described(spec, tables.get(spec.key)))
    return internals.with_function(described, guarded)


def describe_source(
    spec: dg.AssetSpec, module: str, project: Project, contract: Contract | None
) -> dg.AssetSpec:
    """A raw file with the group of its folder, and the columns of its contract."""
    metadata = dict(spec.metadata)
    if contract is not None:
        metadata.setdefault("dagster/column_schema", declared_columns(contract))
    return spec.replace_attributes(group_name=group_of(spec, module, project), metadata=metadata)


def _described(spec: dg.AssetSpec, table: Table | None) -> dg.AssetSpec:
    if table is None:
        return spec
    function = table.function and inspect.unwrap(table.function)
    contract = table.contract
    description = spec.description
    if description is None or (function and description == _docstring(function)):
        # Dagster lists the first line of a description as raw text: one plain sentence reads best.
        description = first_sentence(spec.description) or (contract and contract.title) or None
    metadata = dict(spec.metadata)
    if contract is not None:
        metadata.setdefault("dagster/column_schema", declared_columns(contract))
    if function is not None and "dagster/code_references" not in metadata:
        metadata["dagster/code_references"] = _places(table, function)
    if table.kept in (Kept.TABLE, Kept.BY_RESULT):
        kept = table.path.with_suffix("") if table.partitioned else table.path
        metadata.setdefault("dagster/uri", kept.as_uri())
    return spec.replace_attributes(
        group_name=table.group,
        description=description,
        kinds={*spec.kinds, *_kinds(function, table)} if len(spec.kinds) < 2 else spec.kinds,
        metadata=metadata,
        code_version=table.fingerprint.digest,
    )


def _places(table: Table, function: Callable[..., object]) -> dg.CodeReferencesMetadataValue:
    code = function.__code__
    contract = table.contract_path if table.contract is not None else None
    return places_in_code(Declared(Path(code.co_filename), code.co_firstlineno), contract)


def _docstring(function: Callable[..., object]) -> str | None:
    return inspect.cleandoc(function.__doc__) if function.__doc__ else None


def _kinds(function: Callable[..., object] | None, table: Table) -> set[str]:
    if table.kept is Kept.FILE:
        return {"file"}
    if table.kept in (Kept.ELSEWHERE, Kept.NOTHING):
        return set()
    returned = inspect.signature(function).return_annotation if function else None
    polars = returned in (pl.LazyFrame, pl.DataFrame) or (
        isinstance(returned, str) and returned.endswith(("LazyFrame", "DataFrame"))
    )
    return {"polars", "parquet"} if polars else {"parquet"}
