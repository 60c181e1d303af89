"""Tables built from small deliveries that a test gives: nothing in the project is read or changed.

The project's own functions run, on raw files that are written for the purpose; everything lies in
temporary storage.
"""

import dataclasses
import io
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from data_package.engine import schema
from data_package.engine.errors import BuildError, ProjectError, did_you_mean
from data_package.engine.places import TABLE_SUFFIX
from data_package.engine.project import Project, find_project
from data_package.engine.runs.aside import definitions_aside, unbound_assets
from data_package.engine.runs.executor import OUR_LOGGER
from data_package.engine.sources.assets import FILES_MANAGER, SourceFiles
from data_package.engine.sources.delivered import Delivered
from data_package.engine.sources.files import Deliveries, RawFile
from data_package.engine.storage import HashCache, write_private
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.loading import dagster_quiet, load_project
from data_package.engine.tables.table import Table
from data_package.engine.tables.trial import catalogue_aside
from data_package.engine.testing.written import delivery

if TYPE_CHECKING:
    from data_package.engine.tables.loading import Loaded


def build_table(
    name: str,
    deliveries: Mapping[str, object],
    *,
    partition: str | None = None,
    project: Path | None = None,
) -> pl.DataFrame:
    r"""Build a table, and all that it needs, from small deliveries; returns its rows.

    >>> build_table("subjects", {"admissions": "id,age\\n1,50\n"})  # doctest: +SKIP

    Args:
        name: the table's name.
        deliveries: what is delivered, by the name of the raw file: its text, its bytes, the path of
            a file, or rows such as those of `sample`, which are written as its contract says. For
            a raw file of several files, a mapping of such contents by file name.
        partition: the partition to build, of a partitioned table.
        project: a folder of the project; by default the working directory.

    Raises:
        ProjectError: there is no such table, or a raw file that it needs is not given.
        AssertionError: a table breaks its contract; the message is the report, without values.
        Exception: what the function of a table raised.
    """
    return build_tables([name], deliveries, partition=partition, project=project)[name]


def build_tables(
    names: Iterable[str],
    deliveries: Mapping[str, object],
    *,
    partition: str | None = None,
    project: Path | None = None,
) -> dict[str, pl.DataFrame]:
    """Build the tables of these `names` at once; returns their rows by name.

    `deliveries`, `partition` and `project` are those of `build_table`. Raises the same errors.
    """
    here = find_project(project)
    with dagster_quiet(verbose=False), tempfile.TemporaryDirectory() as folder:
        loaded = load_project(here)
        catalogue = catalogue_of(here)
        wanted = [_table(name, catalogue) for name in names]
        needed = _needed(wanted, catalogue)
        files = _files(needed, catalogue, deliveries, Path(folder, "deliveries"))
        with dg.DagsterInstance.ephemeral(tempdir=folder) as instance:
            job = _job(loaded, catalogue, files, here, Path(folder))
            keys = {table.key for table in needed}
            job.get_subset(asset_selection=keys, asset_check_selection=set()).execute_in_process(
                instance=instance, run_config=OUR_LOGGER, partition_key=partition
            )
            made = catalogue_aside(catalogue, instance).tables
            rows = {table.resource: _rows(made[table.key], partition) for table in needed}
    _keep(needed, rows)
    return {table.name: rows[table.resource] for table in wanted}


def _table(name: str, catalogue: Catalogue) -> Table:
    table = catalogue.named.get(name)
    if table is None:
        raise ProjectError(f"There is no table '{name}'.{did_you_mean(name, catalogue.named)}")
    return table


def _needed(wanted: Sequence[Table], catalogue: Catalogue) -> list[Table]:
    """The tables and all tables that they are made from."""
    found: dict[dg.AssetKey, Table] = {}
    waiting = list(wanted)
    while waiting:
        table = waiting.pop()
        if table.key not in found:
            found[table.key] = table
            waiting += [
                catalogue.tables[key] for key in table.inputs.values() if key in catalogue.tables
            ]
    return list(found.values())


def _files(
    needed: Sequence[Table],
    catalogue: Catalogue,
    deliveries: Mapping[str, object],
    folder: Path,
) -> dict[str, RawFile]:
    """The raw files of a project; those that are needed have the given content."""
    known = catalogue.deliveries.files
    names = {key.to_user_string() for table in needed for key in table.inputs.values()}
    for name in deliveries:
        if name not in known:
            raise ProjectError(f"There is no raw file '{name}'.{did_you_mean(name, known)}")
    if lacking := sorted((names & known.keys()) - deliveries.keys()):
        listed = ", ".join(f'"{name}": …' for name in lacking)
        raise ProjectError(f"Raw files that are needed are not given. Add to deliveries: {listed}")
    return {
        name: _written(file, deliveries[name], catalogue, folder / name)
        if name in deliveries
        else file
        for name, file in known.items()
    }


def _written(
    file: RawFile,
    given: object,
    catalogue: Catalogue,
    folder: Path,
) -> RawFile:
    folder.mkdir(parents=True)
    several = given if isinstance(given, Mapping) else {_name(file): given}
    for name, content in several.items():
        path = folder / Path(name).name
        if isinstance(content, Path):
            path.symlink_to(content.resolve())
        else:
            write_private(path, _bytes(file, content, catalogue, name), synced=False)
    # A raw file of several files stays one: what a function receives depends on it.
    patterns = tuple(str(folder / Path(name).name) for name in several)
    if file.is_several():
        patterns = (f"{folder}/*",)
    return dataclasses.replace(file, patterns=patterns, package=None, snapshot=None)


def _bytes(file: RawFile, content: object, catalogue: Catalogue, name: str) -> bytes:
    contract = catalogue.delivered.contracts.get(file.name)
    if isinstance(content, pl.DataFrame):
        if file.snapshot is not None:
            written = io.BytesIO()
            content.write_parquet(written)
            return written.getvalue()
        if contract is None:
            raise ProjectError(
                f"'{file.name}' has no contract that says how rows are written. Give its text."
            )
        return delivery(content, contract, name)
    if isinstance(content, str):
        _, encoding = catalogue.delivered.written(file.name)
        return content.encode(encoding or "utf-8")
    if isinstance(content, bytes):
        return content
    raise ProjectError(
        f"'{file.name}': {type(content).__name__} is not a delivery. Give its text, bytes, a Path "
        "or a pl.DataFrame."
    )


def _name(file: RawFile) -> str:
    """The name of a file as it is delivered, where it is declared with a pattern, one that fits."""
    if file.snapshot is not None:
        return f"{file.name}{TABLE_SUFFIX}"
    return Path(file.globs[0]).name.replace("*", "1").replace("?", "1").strip("[]") or file.name


def _job(
    loaded: "Loaded",
    catalogue: Catalogue,
    files: Mapping[str, RawFile],
    here: Project,
    folder: Path,
) -> dg.JobDefinition:
    aside = dataclasses.replace(here, storage=folder / "state")
    read = SourceFiles(
        Deliveries(here.root, files, HashCache(aside.places.hashes)),
        Delivered(aside, files, catalogue.delivered.contracts),
    )
    manager = dg.IOManagerDefinition.hardcoded_io_manager(read)
    changed = definitions_aside(loaded, unbound_assets(loaded), {FILES_MANAGER: manager})
    return changed.resolve_implicit_global_asset_job_def()


def _rows(table: Table, partition: str | None) -> pl.DataFrame:
    files = table.files()
    if not files:
        raise BuildError(f"'{table.name}' was not made, or is not a table.")
    path = table.file(partition) if table.partitioned and partition is not None else files[0]
    return pl.read_parquet(path, glob=False, hive_partitioning=False)


def _keep(tables: Sequence[Table], rows: Mapping[str, pl.DataFrame]) -> None:
    """Raise AssertionError when a table breaks its contract."""
    for table in tables:
        if table.contract is not None:
            report = schema.check(rows[table.resource], table.contract, references=rows)
            assert report.ok, f"\n{report.render()}"
