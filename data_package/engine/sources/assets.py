"""Raw files as Dagster external assets, and how they arrive in a table's function."""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, get_args, get_origin

import dagster as dg

from data_package.engine.errors import DataPackageError, ProjectError
from data_package.engine.project import Project, find_project
from data_package.engine.schema import load_contract
from data_package.engine.sources.delivered import Delivered, Misread, Received
from data_package.engine.sources.files import (
    Bad,
    Declared,
    Deliveries,
    RawFile,
    read_as_pattern,
)
from data_package.engine.sources.frames import frame_of, handed
from data_package.engine.sources.order import fault_of
from data_package.engine.sources.pins import pinned
from data_package.engine.sources.reading_report import ReadingReport
from data_package.engine.sources.shares import Part, Share, has_place, unwatched
from data_package.engine.storage import HashCache

# Metadata of a spec may hold any object: what `source_file` declared goes as it is, and stays with
# the asset through whatever a project's code does with its spec.
_RAW_FILE = "data-package/raw_file"
FILES_MANAGER = "source_file_io_manager"
_ALONE_KEY = "raw_files"
_MANAGER = "dagster/io_manager_key"
_BAD_IN_WORDS: Mapping[Bad, str] = {
    "stop": "the table is not made",
    "null": "bad cells are left empty",
    "reject": "bad rows are left out, and kept in storage/rejects",
}
# The key of the IO manager that keeps tables in a run without a project's definitions.
_LOOSE = {
    "DAGSTER_DEFAULT_IO_MANAGER_MODULE": "data_package.engine.tables.trial",
    "DAGSTER_DEFAULT_IO_MANAGER_ATTRIBUTE": "loose_tables",
}


def source_file(
    name: str,
    *paths: str | Path,
    package: str | None = None,
    description: str | None = None,
    group: str | None = None,
    bad: Bad = "stop",
    worst: float | None = None,
    may_be_empty: bool = False,
    file_column: str | None = None,
    newest_per: str | Sequence[str] = (),
    order: str | Sequence[str] = (),
) -> dg.AssetsDefinition:
    """Declare a raw file as delivered, or several that belong together.

    A table takes it as a parameter of that name: `Path` for one file, `list[Path]` for several
    paths or a glob. Its content, not its time stamp, decides whether it changed. A raw file may
    have a contract, `<name>.yaml` beside the module that declares it: a parameter that is a
    `pl.LazyFrame` or a `pl.DataFrame` receives its rows, read and checked by the contract.

    Args:
        name: the asset's name, and the name of the parameter that receives it.
        paths: paths or globs (`deliveries/*.csv`), relative to the project's root.
        package: an installed Python package; `paths` are then relative to its folder.
        description: one sentence for people.
        group: the group in Dagster's pages; by default that of the folder of its module.
        bad: what happens to data that break the contract. With "stop" the table is not made; with
            "null" cells that are not of their type are empty; with "reject" rows that have one,
            and ragged rows, are left out and kept in `storage/rejects/<table>.parquet`. What is
            wrong with a whole file, such as its header, stops in any case.
        worst: the largest share of a file's rows, from 0 to 1, that may be empty in part or left
            out; by default one in twenty, and ten rows whatever their share.
        may_be_empty: whether there may be no rows at all.
        file_column: a column to add to the rows, with the name of the file that each came from,
            as it is named below the project's root.
        newest_per: the fields of the contract that tell rows apart, where later files correct
            earlier ones: of the rows with the same values in them, that of the newest file is
            passed on. It goes with `order`.
        order: what makes a file newer. A regular expression with named groups, whose numbers are
            compared (`"visits_(?P<number>[0-9]+)"`; year, month and day may be in any place); or
            the files' names, from the oldest to the newest.

    Raises ProjectError without a path, with a list of them, or with a value that is not one of
    these.
    """
    caller = sys._getframe(1)
    declared = Declared(Path(caller.f_code.co_filename), caller.f_lineno)
    if not paths:
        raise ProjectError(f"{declared}: source_file({name!r}) needs at least one path.")
    if not all(isinstance(path, str | Path) for path in paths):
        raise ProjectError(
            f"{declared}: source_file({name!r}, …) takes its paths one after another, not as a "
            f'list.\nWrite source_file({name!r}, "one.csv", "two.csv").'
        )
    refuse_wrong(f"{declared}: source_file({name!r}, …", bad, worst)
    keys = (newest_per,) if isinstance(newest_per, str) else tuple(newest_per)
    placed = order if isinstance(order, str) else tuple(order)
    if bool(keys) != bool(placed):
        lacking = "order" if keys else "newest_per"
        raise ProjectError(
            f"{declared}: source_file({name!r}, …) has no {lacking}=.\nThe newest row of each key "
            'needs both: newest_per=["id", "date"], order=r"visits_(?P<number>\\d+)"'
        )
    if problem := fault_of(placed) if placed else "":
        raise ProjectError(f"{declared}: source_file({name!r}, …, order={order!r}) {problem}.")
    file = RawFile(
        name,
        tuple(map(str, paths)),
        package or None,
        declared,
        bad,
        worst,
        may_be_empty,
        file_column,
        keys,
        placed,
    )
    return as_asset(file, description, group)


def refuse_wrong(call: str, bad: Bad, worst: float | None) -> None:
    """Raise ProjectError for a value that is not one of these. `call`: the call that has it."""
    if bad not in get_args(Bad):
        known = ", ".join(map(repr, get_args(Bad)))
        raise ProjectError(f"{call}, bad={bad!r}) is not one of {known}.")
    if worst is not None and not (isinstance(worst, int | float) and 0 <= worst <= 1):
        raise ProjectError(f"{call}, worst={worst!r}) is not a share from 0 to 1.")


def as_asset(file: RawFile, description: str | None, group: str | None) -> dg.AssetsDefinition:
    """A raw file as an external asset."""
    for variable, value in _LOOSE.items():
        os.environ.setdefault(variable, value)
    spec = dg.AssetSpec(
        file.name,
        description=description,
        group_name=group,
        kinds={"file"},
        metadata={_RAW_FILE: file, _MANAGER: _ALONE_KEY},
    )
    return RawFileAsset(specs=[spec], resource_defs={_ALONE_KEY: _alone})


class RawFileAsset(dg.AssetsDefinition):
    """A raw file as an external asset, which brings its own IO manager.

    So `dg.materialize([table, raw_file])` needs no resource, as in the tests of any Dagster
    project. In a project, `load_definitions` replaces it by the project's.
    """

    def get_resource_requirements(self) -> Iterator[Any]:
        """No resource is needed."""
        return iter(())

    def with_resources(self, resource_defs: Mapping[str, dg.ResourceDefinition]) -> Self:
        """The same: it uses no other resources."""
        del resource_defs
        return self


def of_project(spec: dg.AssetSpec) -> dg.AssetSpec:
    """A raw file that the project's own IO manager provides."""
    if raw_file(spec) is None:
        return spec
    return spec.replace_attributes(metadata={**spec.metadata, _MANAGER: FILES_MANAGER})


def raw_file(spec: dg.AssetSpec) -> RawFile | None:
    """What `source_file` declared, or None for any other external asset."""
    file = spec.metadata.get(_RAW_FILE)
    return replace(file, name=spec.key.to_user_string()) if isinstance(file, RawFile) else None


def for_pages(spec: dg.AssetSpec) -> dg.AssetSpec:
    """A raw file as the pages show it: what it was declared with, in words, and where."""
    file = raw_file(spec)
    if file is None:
        return spec
    of_files = file.snapshot is None
    if file.snapshot is not None:
        files = str(file.snapshot.origin)
    else:
        of = f" of the package {file.package}" if file.package else ""
        files = ", ".join(file.patterns) + of
    declared = file.declared
    contract = file.contract_path if file.contract_path and file.contract_path.is_file() else None
    metadata: dict[str, object] = {"files": files}
    if contract is not None:
        metadata["bad cells and rows"] = _BAD_IN_WORDS[file.bad]
    if file.worst is not None:
        metadata["largest share of bad rows"] = file.worst
    if file.may_be_empty:
        metadata["may be empty"] = True
    if file.file_column is not None:
        metadata["column with the file's name"] = file.file_column
    if file.newest_per:
        metadata["newest row per"] = ", ".join(file.newest_per)
        metadata["order of the files"] = str(file.order)
    return spec.replace_attributes(
        description=spec.description or f"{'As delivered' if of_files else 'Fetched'}: {files}.",
        metadata={
            **{key: value for key, value in spec.metadata.items() if key != _RAW_FILE},
            **metadata,
            **({"dagster/code_references": places_in_code(declared, contract)} if declared else {}),
        },
    )


def places_in_code(declared: Declared, contract: Path | None) -> dg.CodeReferencesMetadataValue:
    """Where something is declared, and where its contract is: files of this machine."""
    # The pages cut long labels in the middle, so the file's name alone.
    label = f"{declared.file.name}:{declared.line}"
    places = [(str(declared.file), declared.line, label)]
    if contract is not None:
        places.append((str(contract), 1, contract.name))
    with warnings.catch_warnings():
        # Code references are marked beta; the web pages have shown them for years.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.CodeReferencesMetadataValue(
            code_references=[
                dg.LocalFileCodeReference(file_path=file, line_number=line, label=label)
                for file, line, label in places
            ]
        )


@dg.io_manager(description="Provides raw files to runs without a project's definitions.")
def _alone(_context: dg.InitResourceContext) -> dg.IOManager:
    return _AloneFiles()


class _AloneFiles(dg.IOManager):
    def load_input(self, context: dg.InputContext) -> object:
        """Load it as in the project that the file is declared in."""
        upstream = context.upstream_output
        metadata = upstream.definition_metadata if upstream is not None else {}
        file = raw_file(dg.AssetSpec(context.asset_key, metadata=metadata))
        assert file is not None
        assert file.declared is not None
        problem = ""
        try:
            project = find_project(file.declared.file.parent)
            return _alone_files(project, file, context).load_input(context)
        except DataPackageError as error:
            problem = str(error)
        raise dg.Failure(problem)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Raw files are delivered, never made."""
        del obj
        raise ProjectError(f"'{context.asset_key.to_user_string()}' is a raw file.")


def _alone_files(project: Project, file: RawFile, context: dg.InputContext) -> "SourceFiles":
    """The IO manager of one raw file, which writes nothing into its project."""
    instance = context.instance
    aside = replace(project, storage=Path(instance.storage_directory(), "data-package"))
    path = file.contract_path
    contracts = {file.name: load_contract(path)} if path and path.is_file() else {}
    files = pinned({file.name: file}, project)
    deliveries = Deliveries(project.root, files, HashCache(aside.places.hashes))
    return SourceFiles(deliveries, Delivered(aside, files, contracts))


def share_of(file: RawFile, wanted: object) -> Share:
    """Which files of a set a partition takes whose function asks for this type."""
    if any(has_place(pattern) for pattern in file.patterns):
        return Share.PLACED
    return Share.NAMED if file.is_several() and wanted is Path else Share.WHOLE


def part_of(context: dg.InputContext) -> Part | None:
    """The partition that is being made, None for what is made as a whole."""
    made = context.step_context.assets_def
    if not context.has_partition_key or made is None or made.partitions_def is None:
        return None
    key = context.partition_key
    if isinstance(key, dg.MultiPartitionKey):
        return Part(str(key), dict(key.keys_by_dimension))
    return Part(key, {"partition": key})


class SourceFiles(dg.IOManager):
    """Passes raw files to functions, as paths or as rows; never writes them."""

    def __init__(self, deliveries: Deliveries, delivered: Delivered) -> None:
        """`deliveries`: the project's raw files; `delivered` reads those that have a contract."""
        self._deliveries = deliveries
        self._delivered = delivered
        self._project = delivered.project

    def load_input(self, context: dg.InputContext) -> object:
        """What the parameter asks for; paths where it has no annotation.

        Raises dg.Failure when the files cannot be passed on.
        """
        name = context.asset_key.to_user_string()
        wanted: object = context.dagster_type.typing_type
        report: ReadingReport | None = None
        try:
            part = part_of(context)
            share = share_of(self._deliveries.files[name], wanted) if part else Share.WHOLE
            paths = self._deliveries.hand_out(name, part, share)
            if frame := frame_of(wanted):
                plain = [Path(path) for path in paths]
                rejects = self._project.places.rejects_of(
                    context.op_def.name, part.name if part is not None else None
                )
                received = Received.for_step(
                    context.step_context, rejects, self._project.relative(rejects)
                )
                return handed(self._delivered.read(name, plain, received), frame)
        except Misread as error:
            problem, report = str(error), error.report
        except DataPackageError as error:
            problem = str(error)
        else:
            file = self._deliveries.files[name]
            declared = file.is_several()
            several = declared if wanted in (None, Any) else get_origin(wanted) is list
            misread = next(filter(None, map(read_as_pattern, map(unwatched, paths))), None)
            if file.newest_per:
                problem = (
                    f"The raw file '{name}' is declared with newest_per=, which needs its rows.\n"
                    "Annotate the parameter as pl.LazyFrame, and give the file a contract."
                )
            elif misread is not None:
                problem = misread
            elif several:
                return paths
            elif len(paths) == 1:
                return paths[0]
            else:
                problem = (
                    f"The raw file '{name}' consists of {len(paths)} files, but the function takes "
                    f"a single Path.\nAnnotate the parameter as list[Path]."
                )
        raise dg.Failure(problem, report.to_metadata() if report is not None else None)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Raw files are delivered, never made."""
        del obj
        raise ProjectError(f"'{context.asset_key.to_user_string()}' is a raw file.")
