"""Trial runs, which keep nothing in the project: those of tests, or of an ephemeral instance.

`dg.materialize` and `execute_in_process` record no events, and leave the project's tables and lock
alone too: what such a run makes goes to the temporary storage of its instance, and what it does
not make is read from the project.
"""

import dataclasses
import inspect
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import dagster as dg
import polars as pl

from data_package.engine.project import Project
from data_package.engine.sources.delivered import Delivered
from data_package.engine.sources.frames import handed, is_frame, to_polars
from data_package.engine.storage import HashCache
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.checks import CheckReports, TableCheck
from data_package.engine.tables.io_manager import ParquetTables, frame_wanted
from data_package.engine.tables.table import Table

if TYPE_CHECKING:
    from upath import UPath

KEPT = "data-package/kept"
"""The tag of a run in an ephemeral instance whose tables the project keeps nevertheless."""

_PARQUET = b"PAR1"


def is_trial(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> bool:
    """Whether a run must not change the project."""
    return instance.is_ephemeral and tags.get(KEPT) != "true"


def catalogue_aside(catalogue: Catalogue, instance: dg.DagsterInstance) -> Catalogue:
    """The catalogue of a project as a trial run sees it, with the tables it has made so far."""
    project = dataclasses.replace(
        catalogue.project, storage=Path(instance.storage_directory(), "data-package")
    )
    tables = {key: _now(table, project) for key, table in catalogue.tables.items()}
    hashes = HashCache(project.places.hashes)
    return dataclasses.replace(
        catalogue,
        project=project,
        tables=tables,
        delivered=Delivered(project, catalogue.delivered.files, catalogue.delivered.contracts),
        verdicts=CheckReports(
            project, {table.resource: table for table in tables.values()}, hashes
        ),
        hashes=hashes,
    )


def checked_as_of(
    context: dg.AssetCheckExecutionContext, item: TableCheck, catalogue: Catalogue
) -> tuple[CheckReports, TableCheck]:
    """The kept results and the check of a table, as the run sees them."""
    if not is_trial(context.instance, context.run.tags):
        return catalogue.verdicts, item
    aside = catalogue_aside(catalogue, context.instance)
    return aside.verdicts, dataclasses.replace(item, table=aside.tables[item.table.key])


def by_run(
    kept: dg.IOManager, trial: Callable[[dg.DagsterInstance], dg.IOManager]
) -> dg.IOManagerDefinition:
    """An IO manager of the project, replaced by another in trial runs."""

    def choose(context: dg.InitResourceContext) -> dg.IOManager:
        instance, tags = context.instance, context.run.tags if context.run else {}
        return trial(instance) if instance and is_trial(instance, tags) else kept

    # What Dagster's page of resources shows.
    choose.__name__ = type(kept).__name__
    return dg.IOManagerDefinition(choose, description=inspect.getdoc(kept))


class TrialTables(dg.IOManager):
    """Writes a trial run's tables elsewhere, and reads those or else the project's."""

    def __init__(self, catalogue: Catalogue, kept: ParquetTables, folder: Project) -> None:
        """`kept` reads the tables of the project; `folder` is where a trial's own tables go."""
        self._kept = kept
        self._catalogue = dataclasses.replace(
            catalogue,
            project=folder,
            tables={k: _moved(table, folder) for k, table in catalogue.tables.items()},
            hashes=HashCache(folder.places.hashes),
        )
        self._made = ParquetTables.of(self._catalogue, lambda *_: None)

    @classmethod
    def of(
        cls, catalogue: Catalogue, kept: ParquetTables, instance: dg.DagsterInstance
    ) -> "TrialTables":
        """The IO manager of a trial run in an instance."""
        return cls(catalogue, kept, catalogue_aside(catalogue, instance).project)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write into the temporary storage."""
        self._made.handle_output(context, obj)

    def load_input(self, context: dg.InputContext) -> object:
        """The table made by runs in this instance; else the project's."""
        table = self._catalogue.tables.get(context.asset_key)
        there = table is not None and (table.files() or table.noted)
        return (self._made if there else self._kept).load_input(context)


class LooseTables(dg.UPathIOManager):
    """Keeps the values of a run without a project: frames as Parquet, anything else pickled.

    A frame arrives as its parameter asks for it, as in a project.
    """

    extension: ClassVar[str | None] = ""  # type: ignore[misc]

    def dump_to_path(self, context: dg.OutputContext, obj: object, path: "UPath") -> None:
        """Write a value."""
        del context
        if is_frame(obj):
            to_polars(obj).lazy().sink_parquet(str(path))
        else:
            path.write_bytes(pickle.dumps(obj))

    def load_from_path(self, context: dg.InputContext, path: "UPath") -> Any:
        """Read a value."""
        with path.open("rb") as file:
            is_table = file.read(len(_PARQUET)) == _PARQUET
        if is_table:
            scan = pl.scan_parquet(str(path), glob=False, hive_partitioning=False)
            return handed(scan, frame_wanted(context))
        return pickle.loads(path.read_bytes())  # noqa: S301 (this process has just written it)


@dg.io_manager(description="Keeps frames as Parquet, and all else pickled, in temporary storage.")
def loose_tables(context: dg.InitResourceContext) -> LooseTables:
    """The IO manager of `dg.materialize` outside a project."""
    from upath import UPath

    assert context.instance is not None
    return LooseTables(UPath(context.instance.storage_directory()))


def _moved(table: Table, project: Project) -> Table:
    return dataclasses.replace(
        table, project=dataclasses.replace(table.project, storage=project.storage)
    )


def _now(table: Table, project: Project) -> Table:
    moved = _moved(table, project)
    return moved if moved.files() or moved.noted else table
