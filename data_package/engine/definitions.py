"""The `Definitions` of a project, combined from what the rooms provide."""

import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType

import dagster as dg

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.fingerprint import Fingerprinter
from data_package.engine.lineage.dagster_metadata import column_lineage, with_columns_made_of
from data_package.engine.package import DataPackage, data_package_asset
from data_package.engine.package.addresses import DICTIONARY, fragment
from data_package.engine.package.codes import Codes
from data_package.engine.project import Project, project_of
from data_package.engine.runs.executor import in_process
from data_package.engine.runs.noting import noted
from data_package.engine.schema import Contract, ContractError, begun_contract, lint_references
from data_package.engine.schema.contract_cache import ContractCache
from data_package.engine.schema.document import Path
from data_package.engine.schema.shared import places_in
from data_package.engine.sources.assets import (
    FILES_MANAGER,
    SourceFiles,
    for_pages,
    raw_file,
)
from data_package.engine.sources.delivered import Delivered
from data_package.engine.sources.files import RawFile
from data_package.engine.sources.pins import pinned
from data_package.engine.staleness.lock import lock_of
from data_package.engine.staleness.recorder import Recorder
from data_package.engine.storage import PRIVATE_FOLDER, make_private_folder
from data_package.engine.tables.asset_tables import TABLES_MANAGER, tables_of
from data_package.engine.tables.attach import attach, describe_source
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.checks import asset_check, guarded, own_checks
from data_package.engine.tables.discovery import Found, discover
from data_package.engine.tables.internals import function_of, keep_errors_value_free
from data_package.engine.tables.io_manager import ParquetTables
from data_package.engine.tables.loading import console_logger
from data_package.engine.tables.own_words import know_names
from data_package.engine.tables.resources import check_resources, resources_by_name
from data_package.engine.tables.row_rules import with_rules
from data_package.engine.tables.table import FINAL, Table, contract_at, place_of
from data_package.engine.tables.trial import TrialTables, by_run, catalogue_aside, checked_as_of
from data_package.engine.tables.wiring import WiredAsset, check_wiring, wired_asset

# Python's usual limit, and what one table more may take in a row of them.
_CALLS, _CALLS_EACH = 1000, 10


def load_definitions(
    package: ModuleType,
    *,
    resources: Mapping[str, object] | None = None,
    executor: dg.ExecutorDefinition | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """Everything that the modules of a package define, ready for Dagster.

    >>> import my_study                        # doctest: +SKIP
    >>> defs = load_definitions(my_study)      # doctest: +SKIP

    Args:
        package: the package that holds the tables.
        resources: what functions ask for by name, and IO managers that assets choose by
            `io_manager_key`; they take precedence over resources at the top of modules.
        executor: replaces the engine's in Dagster's own commands and pages. The engine's runs
            all steps in one process; `data-package build` always uses it.
        loggers: added to the engine's; one named `console` replaces it.

    Raises ProjectError when the project's code or contracts are wrong.
    """
    keep_errors_value_free()
    project = project_of(package)
    _make_storage(project)
    found = discover(project)
    check_wiring(_nodes(found, project), project)
    own_resources = _own_resources(found, resources or {}, project)
    catalogue = _catalogue(found, own_resources, project)
    # Dagster goes along a row of tables by recursion, with a few calls for each.
    calls = _CALLS + _CALLS_EACH * len(catalogue.tables)
    sys.setrecursionlimit(max(sys.getrecursionlimit(), calls))
    know_names(_names(catalogue, found))
    final = _final(catalogue.tables)
    packages = [DataPackage(catalogue, final)] if final else []
    catalogue.publications.extend(packages)
    recorder = Recorder(catalogue, lock_of(project))
    return dg.Definitions(
        assets=[*_assets(found, catalogue, final), *map(data_package_asset, packages)],
        asset_checks=list(_checks(found, catalogue)),
        jobs=found.jobs,
        schedules=found.schedules,
        sensors=found.sensors,
        resources={**own_resources, **_io_managers(catalogue, recorder)},
        executor=noted(executor, recorder) if executor else in_process(recorder),
        loggers={"console": console_logger, **(loggers or {})},
    )


def _own_resources(
    found: Found, given: Mapping[str, object], project: Project
) -> Mapping[str, object]:
    """What the project's functions ask for by name. Raises ProjectError where something lacks."""
    makers = [*(assets for assets, _ in found.assets), *found.checks]
    wanted = {key for maker in makers for key in maker.required_resource_keys}
    own = resources_by_name(found.resources, given, wanted, (TABLES_MANAGER, FILES_MANAGER))
    check_resources(makers, (*own, TABLES_MANAGER, FILES_MANAGER), project)
    return own


def _catalogue(found: Found, own_resources: Mapping[str, object], project: Project) -> Catalogue:
    """The tables, raw files and checks. Raises ProjectError for what is wrong with one of them."""
    fingerprinter = Fingerprinter(project.package)
    files = {
        _name_of(spec): file
        for spec, _ in found.sources
        if isinstance(spec, dg.AssetSpec) and (file := raw_file(spec)) is not None
    }
    delivered = _delivered(project, pinned(files, project))
    tables = {
        table.key: table
        for assets, module in found.assets
        for table in tables_of(assets, module, project, fingerprinter, delivered, own_resources)
    }
    if not tables:
        raise ProjectError(
            f"No table is defined in {project.relative(project.package_folder)}.\n"
            "Write a function with @dg.asset that returns a pl.LazyFrame or a pl.DataFrame."
        )
    tables = with_rules(tables, found.rules, fingerprinter, project)
    _check_references(tables)
    ContractCache.at(project.places.contracts).save()
    _check_vocabularies(tables, project)
    own = [check for item in found.checks for check in own_checks(item, fingerprinter)]
    catalogue = Catalogue.of(project, tables, delivered, own)
    catalogue.notes.extend(found.notes)
    catalogue.notes.extend(_without_subject(found, project))
    catalogue.notes.extend(_unused_io_managers(found))
    return catalogue


def _final(tables: Mapping[dg.AssetKey, Table]) -> list[Table]:
    """The tables that are published, by name."""
    return sorted((t for t in tables.values() if t.group == FINAL), key=lambda t: t.name)


def _assets(
    found: Found, catalogue: Catalogue, final: Sequence[Table]
) -> Iterator[dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset]:
    """Raw files and tables, as Dagster gets them."""
    project = catalogue.project
    for spec, module in found.sources:
        if isinstance(spec, dg.AssetSpec):
            contract = catalogue.delivered.contracts.get(_name_of(spec))
            yield describe_source(for_pages(spec), module, project, contract)
        else:
            yield spec
    for assets, _ in found.assets:
        attached = attach(assets, catalogue.tables, project)
        yield _with_dictionary(with_columns_made_of(attached, catalogue), final)


def _checks(found: Found, catalogue: Catalogue) -> Iterator[dg.AssetChecksDefinition]:
    """The checks of contracts, and the project's own."""
    project, checked = catalogue.project, partial(checked_as_of, catalogue=catalogue)
    for item in catalogue.checks:
        yield asset_check(item, catalogue.verdicts, project, checked)
    for own in found.checks:
        yield guarded(own, _name(own), project)


def _io_managers(catalogue: Catalogue, recorder: Recorder) -> Mapping[str, object]:
    """What keeps tables and hands out raw files; in a run that tries something, aside."""
    kept = ParquetTables.of(
        catalogue, recorder.written, lambda table: column_lineage(table, catalogue)
    )

    def files_aside(instance: dg.DagsterInstance) -> SourceFiles:
        return SourceFiles(catalogue.deliveries, catalogue_aside(catalogue, instance).delivered)

    files = SourceFiles(catalogue.deliveries, catalogue.delivered)
    return {
        TABLES_MANAGER: by_run(kept, partial(TrialTables.of, catalogue, kept)),
        FILES_MANAGER: by_run(files, files_aside),
    }


def _unused_io_managers(found: Found) -> list[str]:
    """A note on each IO manager that a project has under the name of the engine's."""
    names = (TABLES_MANAGER, FILES_MANAGER)
    places = {(module, name): None for name, _, module in found.resources if name in names}
    return [
        f"{module}: the IO manager '{name}' is not used, because tables are kept as Parquet.\n"
        'An asset that needs it chooses it by another name: @dg.asset(io_manager_key="…").'
        for module, name in places
    ]


def _delivered(project: Project, files: Mapping[str, RawFile]) -> Delivered:
    """The raw files, those that have a contract with it. Raises ContractError for a wrong one."""
    found: dict[str, Contract] = {}
    cache = ContractCache.at(project.places.contracts)
    for name, file in files.items():
        try:
            contract = contract_at(file.contract_path, cache) if file.contract_path else None
        except ContractError:
            if file.contract_path is None or begun_contract(file.contract_path) is None:
                raise
            # It declares how the file is written; `describe` adds the fields.
            continue
        if contract is not None:
            found[name] = contract
    return Delivered(project, files, found)


def _check_references(tables: Mapping[dg.AssetKey, Table]) -> None:
    """Raise ProjectError for foreign keys to unknown tables or fields."""
    with_contract = {t.resource: t for t in tables.values() if t.contract is not None}
    contracts = {name: t.contract for name, t in with_contract.items()}
    issues = lint_references({name: c.descriptor for name, c in contracts.items() if c})
    lines = [_fault(with_contract[name], issue.path, str(issue)) for name, issue in issues]
    if lines:
        raise ProjectError("\n".join(lines))


def _check_vocabularies(tables: Mapping[dg.AssetKey, Table], project: Project) -> None:
    """Large vocabularies are published as tables, and so have names of their own."""
    final = _final(tables)
    codes = Codes(project, frozenset(table.resource for table in final))
    lines = [
        _fault(table, path, what)
        for table in final
        if table.contract is not None
        for path, what in codes.clashes(table.contract)
    ]
    if lines:
        raise ProjectError("\n".join(lines))


def _fault(table: Table, path: Path, what: str) -> str:
    place = places_in(table.contract_path)(path)
    file = table.project.relative(table.contract_path)
    return f"{file}:{place.line}:{place.column}: {what}"


def _nodes(found: Found, project: Project) -> list[WiredAsset]:
    made = [
        wired_asset(assets, key, function=function_of(assets), module=module, project=project)
        for assets, module in found.assets
        for key in sorted(assets.keys)
    ]
    external = [
        WiredAsset(
            name=spec.key.to_user_string(),
            parameters={},
            others=_deps_of(spec),
            place=project.relative(_declared_in(spec) or module),
        )
        for spec, module in found.sources
    ]
    return [*made, *external]


def _declared_in(spec: dg.AssetSpec | dg.SourceAsset) -> str:
    file = raw_file(spec) if isinstance(spec, dg.AssetSpec) else None
    return str(file.declared) if file is not None and file.declared is not None else ""


def _name_of(spec: dg.AssetSpec) -> str:
    return spec.key.to_user_string()


def _deps_of(spec: dg.AssetSpec | dg.SourceAsset) -> list[str]:
    deps = spec.deps if isinstance(spec, dg.AssetSpec) else ()
    return sorted(dep.asset_key.to_user_string() for dep in deps)


def _with_dictionary(assets: dg.AssetsDefinition, final: Sequence[Table]) -> dg.AssetsDefinition:
    """Final tables with a link to the data dictionary, as `data-package ui` serves it."""
    names = {table.key: table.resource for table in final}

    def linked(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key not in names:
            return spec
        link = dg.MetadataValue.url(f"{DICTIONARY}#{fragment(names[spec.key])}")
        return spec.merge_attributes(metadata={"data_dictionary": link})

    return assets.map_asset_specs(linked) if names.keys() & assets.keys else assets


def _names(catalogue: Catalogue, found: Found) -> Iterator[str]:
    """Of assets, checks and fields: what messages may name."""
    yield from (spec.key.to_user_string() for spec, _ in found.sources)
    yield from (table.name for table in catalogue.tables.values())
    yield from (check.name for check in catalogue.checks)
    yield from (rule.name for rule in found.rules)
    yield from (key.name for item in found.checks for key in item.check_keys)
    yield from (key.name for assets, _ in found.assets for key in assets.check_keys)
    yield from (field.name for contract in catalogue.contracts for field in contract.fields)


def _without_subject(found: Found, project: Project) -> Iterator[str]:
    """Checks of the user's that no build makes, because no asset here has that name."""
    known = {spec.key for spec, _ in found.sources}.union(*(a.keys for a, _ in found.assets))
    names = {key.to_user_string() for key in known}
    for item in found.checks:
        for key in sorted(item.check_keys):
            if key.asset_key not in known:
                about = key.asset_key.to_user_string()
                yield (
                    f"{place_of(function_of(item), project) or _name(item)}: the check "
                    f"'{key.name}' is not made: it is about '{about}', and no asset here has that "
                    f"name.{did_you_mean(about, names)}"
                )


def _name(check: dg.AssetChecksDefinition) -> str:
    return ", ".join(sorted(key.to_user_string() for key in check.check_keys))


def _make_storage(project: Project) -> None:
    """Make storage private, whatever is written there and by which program."""
    make_private_folder(project.dagster_home)
    try:
        if stat.S_IMODE(project.storage.stat().st_mode) != PRIVATE_FOLDER:
            project.storage.chmod(PRIVATE_FOLDER)
    except OSError as error:
        raise ProjectError(
            f"{project.storage} cannot be made private: {error.strerror}.\n"
            "A project has one user who builds. Clone it and build for yourself."
        ) from None
