"""The tables that an `@dg.asset` makes: their groups, contracts, fingerprints and partitions.

What does not belong here: what Dagster shows of them (`attach`), and writing them (`io_manager`).
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePath
from typing import Any

import dagster as dg

from data_package.engine.engine_edition import edition
from data_package.engine.errors import ProjectError
from data_package.engine.fingerprint import Fingerprint, Fingerprinter
from data_package.engine.libraries import NO_VERSION, version_of
from data_package.engine.needs import needs_of
from data_package.engine.places import Folder
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.schema.contract_cache import ContractCache
from data_package.engine.sources.assets import share_of
from data_package.engine.sources.delivered import READER, Delivered
from data_package.engine.sources.frames import CONVERTER, Frame, frame_of
from data_package.engine.tables import internals
from data_package.engine.tables.asset_notes import Kept
from data_package.engine.tables.partitions import Partitions, dimensions_of, windows_of
from data_package.engine.tables.resources import digest_of
from data_package.engine.tables.table import FINAL, Table, contract_at, contract_path, place_of

# The name of the IO manager of tables: Dagster's default.
TABLES_MANAGER = "io_manager"
_DEFAULT_GROUP = "default"
# A file name has at most 255 bytes, and files that are being written have longer names.
_LONGEST_NAME = 200


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
    specs = [one for one in assets.specs if one.key in assets.keys and assets.is_materializable]
    function = internals.function_of(assets)
    asked = {key.to_user_string(): (key, how) for key, how in internals.asked_for(assets).items()}
    files = {name: asked[name] for name in asked if name in delivered.files}
    reads = frozenset(name for name, (_, how) in files.items() if frame_of(how))
    read_by = {name: digest for name in sorted(reads) if (digest := delivered.digest(name))}
    place = place_of(function, project) or module
    made = []
    for spec in specs:
        group = group_of(spec, module, project)
        _check_names(spec, group, place)
        if function is None:
            raise ProjectError(
                f"{module}: '{spec.key.to_user_string()}' is made by a graph, or by an op "
                "without a function, and its errors could not be kept free of values.\n"
                "Write it as one function under @dg.asset."
            )
        cache = ContractCache.at(project.places.contracts)
        contract = contract_at(contract_path(spec.key, function, project), cache)
        kept = _kept(assets, spec.key, contract)
        _check_kept(spec, group, kept, contract, place, project)
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
                partitions=_partitions(assets, place),
                mapping_of=partial(assets.infer_partition_mapping, spec.key),
                shares={
                    name: share_of(delivered.files[name], how) for name, (_, how) in files.items()
                },
                reads=reads,
                op=assets.node_def.name,
                kept=kept,
                wanted=internals.asked_for(assets),
                returns=internals.outputs_of(assets).get(spec.key),
                needs=needs_of(spec.tags, place),
            )
        )
    return made


def _check_names(spec: dg.AssetSpec, group: str, place: str) -> None:
    """Raise ProjectError for names that files and folders cannot have, or that are taken."""
    for name in (*spec.key.path, group):
        if (length := len(os.fsencode(name))) > _LONGEST_NAME:
            raise ProjectError(
                f"{place}: the name '{name[:40]}…' is {length} bytes long; at most "
                f"{_LONGEST_NAME} are allowed, as it names files.\nGive it a shorter one."
            )
    if group in set(Folder):
        raise ProjectError(
            f"{place}: the group '{group}' has the name of a "
            f"folder in storage/ that is used for something else.\nChoose another group_name."
        )


def _check_kept(
    spec: dg.AssetSpec,
    group: str,
    kept: Kept,
    contract: Contract | None,
    place: str,
    project: Project,
) -> None:
    """Raise ProjectError for what must be a table and is not."""
    name = spec.key.to_user_string()
    if group == FINAL and kept is Kept.ELSEWHERE:
        raise ProjectError(
            f"{place}: '{name}' is in the "
            f"group '{FINAL}', which is published, and another IO manager keeps it.\n"
            'Give it another group: @dg.asset(group_name="models", …)'
        )
    if contract is not None and kept is not Kept.TABLE:
        raise ProjectError(
            f"{place}: '{name}' has a "
            f"contract, {project.relative(contract.path or '')}, and is not a table.\n"
            "Let its function return a frame, or remove the contract."
        )


def group_from_folder(module: str, project: Project) -> str | None:
    """`raw` for a module in the package's folder `raw/`, however deep; None outside any folder."""
    inside = module.removeprefix(project.package).strip(".").split(".")
    folder = project.package_folder / inside[0]
    return inside[0] if inside[0] and folder.is_dir() else None


def group_of(spec: dg.AssetSpec, module: str, project: Project) -> str:
    """The group that is written in the code, or the folder's."""
    if spec.group_name and spec.group_name != _DEFAULT_GROUP:
        return spec.group_name
    return group_from_folder(module, project) or _DEFAULT_GROUP


def _kept(assets: dg.AssetsDefinition, key: dg.AssetKey, contract: Contract | None) -> Kept:
    """How the function's result is kept, as far as it is known before the call."""
    if assets.get_io_manager_key_for_asset_key(key) != TABLES_MANAGER:
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
    used = {"engine that reads raw files": edition(READER)} if read_by else {}
    frames = {*internals.asked_for(assets).values(), *internals.outputs_of(assets).values()}
    if {frame_of(frame) for frame in frames} & {Frame.PANDAS, Frame.ARROW}:
        used["engine that converts frames"] = edition(CONVERTER)
    fingerprint = fingerprinter.fingerprint(
        function,
        parameters=declared,
        engine={name: one.sources for name, one in used.items()},
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


def _partitions(assets: dg.AssetsDefinition, place: str) -> Partitions | None:
    """Raise ProjectError for keys that are in Dagster's own storage only."""
    definition = assets.partitions_def
    if definition is None:
        return None
    if any(isinstance(one, dg.DynamicPartitionsDefinition) for one in dimensions_of(definition)):
        name = min(key.to_user_string() for key in assets.keys)
        raise ProjectError(
            f"{place}: '{name}' has dynamic partitions, which are "
            "not supported: their keys are\nin Dagster's own storage only, so the same code would "
            "make another table on another machine.\nName the keys in the code: "
            "dg.StaticPartitionsDefinition([...]); they may come from a list of files."
        )
    return Partitions(definition)
