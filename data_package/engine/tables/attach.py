"""What a plain `@dg.asset` gets when the project is loaded.

The group comes from its folder, the description from the docstring's first sentence, the kinds from
its annotations, the columns from its contract; its errors quote no value. What the user wrote in
the decorator is kept.
"""

import dataclasses
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import dagster as dg
import polars as pl

from data_package.engine.errors import ProjectError
from data_package.engine.fingerprint import Fingerprint, Fingerprinter
from data_package.engine.libraries import NO_VERSION, version_of
from data_package.engine.needs import needs_of
from data_package.engine.places import Folder
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.schema.contract_cache import ContractCache
from data_package.engine.sources.assets import places_in_code, share_of
from data_package.engine.sources.delivered import READER, Delivered
from data_package.engine.sources.files import Declared
from data_package.engine.sources.frames import CONVERTER, Frame, frame_of
from data_package.engine.tables import failures, internals
from data_package.engine.tables.column_metadata import declared_columns
from data_package.engine.tables.first_sentence import first_sentence
from data_package.engine.tables.made import Kept
from data_package.engine.tables.partitions import Partitions, dimensions_of, windows_of
from data_package.engine.tables.resources import digest_of
from data_package.engine.tables.results import Result, measured_and_fitted
from data_package.engine.tables.table import FINAL, Table, contract_at, contract_path, place_of

IO_MANAGER_KEY = "io_manager"
_DEFAULT_GROUP = "default"
# A file name has at most 255 bytes, and files that are being written have longer names.
_LONGEST_NAME = 200


def group_from_folder(module: str, project: Project) -> str | None:
    """`raw` for a module in the package's folder `raw/`, however deep; None outside any folder."""
    inside = module.removeprefix(project.package).strip(".").split(".")
    folder = project.package_folder / inside[0]
    return inside[0] if inside[0] and folder.is_dir() else None


def tables_of(
    assets: dg.AssetsDefinition,
    module: str,
    project: Project,
    fingerprinter: Fingerprinter,
    delivered: Delivered,
    resources: Mapping[str, object],
) -> list[Table]:
    """The tables that an asset definition makes, with their contracts.

    Raises ProjectError when a contract is wrong or a group's name is reserved.
    """
    function = internals.function_of(assets)
    rows = (key for key, how in internals.asked_for(assets).items() if frame_of(how))
    reads = {name for key in rows if (name := key.to_user_string()) in delivered.files}
    shares = {
        name: share_of(delivered.files[name], wanted)
        for key, wanted in internals.asked_for(assets).items()
        if (name := key.to_user_string()) in delivered.files
    }
    read_by = {name: digest for name in sorted(reads) if (digest := delivered.digest(name))}
    made = []
    for spec in assets.specs:
        if spec.key not in assets.keys or not assets.is_materializable:
            continue
        group = _group(spec, module, project)
        _check_lengths([*spec.key.path, group], place_of(function, project) or module)
        if group in set(Folder):
            raise ProjectError(
                f"{place_of(function, project) or module}: the group '{group}' has the name of a "
                f"folder in storage/ that is used for something else.\nChoose another group_name."
            )
        if function is None:
            raise ProjectError(
                f"{module}: '{spec.key.to_user_string()}' is made by a graph, or by an op "
                "without a function, and its errors could not be kept free of values.\n"
                "Write it as one function under @dg.asset."
            )
        cache = ContractCache.at(project.places.contracts)
        contract = contract_at(contract_path(spec.key, function, project), cache)
        kept = _kept(assets, spec.key, contract)
        if group == FINAL and kept is Kept.ELSEWHERE:
            raise ProjectError(
                f"{place_of(function, project) or module}: '{spec.key.to_user_string()}' is in the "
                f"group '{FINAL}', which is published, and another IO manager keeps it.\n"
                'Give it another group: @dg.asset(group_name="models", …)'
            )
        if contract is not None and kept is not Kept.TABLE:
            raise ProjectError(
                f"{place_of(function, project) or module}: '{spec.key.to_user_string()}' has a "
                f"contract, {project.relative(contract.path or '')}, and is not a table.\n"
                "Let its function return a frame, or remove the contract."
            )
        made.append(
            Table(
                key=spec.key,
                group=group,
                inputs={
                    name: key
                    for name, key in assets.keys_by_input_name.items()
                    if key in assets.asset_deps[spec.key]
                },
                project=project,
                module=module,
                function=function,
                contract=contract,
                fingerprint=_fingerprint(assets, function, fingerprinter, read_by, resources),
                partitions=_partitions(assets, function, module, project),
                mapping_of=partial(assets.infer_partition_mapping, spec.key),
                shares=shares,
                reads=frozenset(reads),
                op=assets.node_def.name,
                kept=kept,
                wanted=internals.asked_for(assets),
                returns=internals.outputs_of(assets).get(spec.key),
                needs=needs_of(spec.tags, place_of(function, project) or module),
            )
        )
    return made


def _check_lengths(names: Sequence[str], place: str) -> None:
    """Raises ProjectError for the name of a table or group of which no file can have the name."""
    for name in names:
        if (length := len(os.fsencode(name))) > _LONGEST_NAME:
            raise ProjectError(
                f"{place}: the name '{name[:40]}…' is {length} bytes long; at most "
                f"{_LONGEST_NAME} are allowed, as it names files.\nGive it a shorter one."
            )


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
    return spec.replace_attributes(group_name=_group(spec, module, project), metadata=metadata)


def _kept(assets: dg.AssetsDefinition, key: dg.AssetKey, contract: Contract | None) -> Kept:
    """How the function's result is kept, as far as it is known before the call."""
    if assets.get_io_manager_key_for_asset_key(key) != IO_MANAGER_KEY:
        return Kept.ELSEWHERE
    returns = internals.outputs_of(assets)[key]
    if returns is type(None):
        return Kept.NOTHING
    if isinstance(returns, type) and issubclass(returns, PurePath):
        return Kept.FILE
    if contract is None and internals.may_be_left_out(assets, key):
        return Kept.BY_RESULT
    is_stated = contract is not None or frame_of(returns) or returns is not Any
    return Kept.TABLE if is_stated else Kept.BY_RESULT


def _group(spec: dg.AssetSpec, module: str, project: Project) -> str:
    if spec.group_name and spec.group_name != _DEFAULT_GROUP:
        return spec.group_name
    return group_from_folder(module, project) or _DEFAULT_GROUP


def _fingerprint(
    assets: dg.AssetsDefinition,
    function: Callable[..., object],
    fingerprinter: Fingerprinter,
    read_by: Mapping[str, str],
    resources: Mapping[str, object],
) -> Fingerprint:
    declared = {f"contract of {name}": digest for name, digest in read_by.items()}
    declared |= {
        f"code_version {spec.key.to_user_string()}": spec.code_version
        for spec in assets.specs
        if spec.code_version is not None
    }
    if assets.partitions_def is not None and (windows := windows_of(assets.partitions_def)):
        declared["the windows of its partitions"] = windows
    asked = [key for key in internals.resources_of(assets) if key not in assets.resource_defs]
    declared |= {
        f"resource {key}": digest_of(resources[key], fingerprinter)
        for key in asked
        if key in resources
    }
    used = {"engine that reads raw files": READER} if read_by else {}
    frames = {*internals.asked_for(assets).values(), *internals.outputs_of(assets).values()}
    if {frame_of(frame) for frame in frames} & {Frame.PANDAS, Frame.ARROW}:
        used["engine that converts frames"] = CONVERTER
    fingerprint = fingerprinter.fingerprint(
        function,
        parameters=declared,
        engine={name: edition.sources for name, edition in used.items()},
    )
    libraries = {*fingerprint.libraries, *(lib for one in used.values() for lib in one.libraries)}
    unseen = tuple(
        f"the library '{name}' has no version, so changes in it are not noticed. Install it "
        "with a version, or put its code beside yours"
        for name in sorted(libraries)
        if version_of(name) == NO_VERSION
    )
    return dataclasses.replace(
        fingerprint, unseen=fingerprint.unseen + unseen, libraries=tuple(sorted(libraries))
    )


def _partitions(
    assets: dg.AssetsDefinition,
    function: Callable[..., object],
    module: str,
    project: Project,
) -> Partitions | None:
    """Raise ProjectError for keys that are in Dagster's own storage only."""
    definition = assets.partitions_def
    if definition is None:
        return None
    if any(isinstance(one, dg.DynamicPartitionsDefinition) for one in dimensions_of(definition)):
        name = min(key.to_user_string() for key in assets.keys)
        raise ProjectError(
            f"{place_of(function, project) or module}: '{name}' has dynamic partitions, which are "
            "not supported: their keys are\nin Dagster's own storage only, so the same code would "
            "make another table on another machine.\nName the keys in the code: "
            "dg.StaticPartitionsDefinition([...]); they may come from a list of files."
        )
    return Partitions(definition)


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
