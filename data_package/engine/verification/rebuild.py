"""Tables built again as the lock says: from the inputs that it names, into another folder.

Nothing that the project keeps is touched. What the outcome means is said in `verify`.
"""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

import dagster as dg

from data_package.engine.errors import BuildError
from data_package.engine.runs import executor
from data_package.engine.runs.aside import (
    IO_MANAGER_KEY,
    definitions_aside,
    passing_instance,
    unbound_assets,
)
from data_package.engine.runs.result import Step, Tally
from data_package.engine.staleness.assess import CauseKind
from data_package.engine.staleness.lock import Lock, LockFile
from data_package.engine.staleness.record import Recorder
from data_package.engine.staleness.survey import TableState
from data_package.engine.states import Status
from data_package.engine.storage import HashCache, make_private_folder
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.io_manager import ParquetTables, Written
from data_package.engine.tables.loading import Loaded
from data_package.engine.tables.table import PACKAGE, Table

Watch = Callable[[Tally], AbstractContextManager[Callable[[], None]]]


class Source(Enum):
    """Where an input can be had as the lock names it."""

    STORED = auto()
    MADE = auto()
    NONE = auto()


@dataclass
class Attempt:
    """One building of some tables: where they went, and what came of each."""

    folder: Path
    written: dict[dg.AssetKey, Written] = field(default_factory=dict)
    failed: dict[dg.AssetKey, str] = field(default_factory=dict)
    starved: dict[dg.AssetKey, str] = field(default_factory=dict)

    @property
    def tried(self) -> set[dg.AssetKey]:
        """The tables of which something came, whatever it was."""
        return self.written.keys() | self.failed.keys() | self.starved.keys()

    def path(self, table: Table) -> Path:
        """Where a table went."""
        return _moved(table, self.folder).path


@dataclass(frozen=True)
class Rebuilder:
    """Builds tables of a project again."""

    loaded: Loaded
    catalogue: Catalogue
    lock: Lock
    states: dict[str, TableState]
    threads: int
    watch: Watch | None

    def run(self, keys: set[dg.AssetKey], attempt: Attempt, like: Attempt | None = None) -> None:
        """Build some tables into the attempt's folder, in one run.

        An input that is not stored as the lock says is the one that the attempt `like` made; by
        default, that is the attempt itself.
        """
        make_private_folder(attempt.folder)

        def source(key: dg.AssetKey) -> Source:
            return self._source(key, like or attempt)

        job = self._job(attempt, source).get_subset(asset_selection=self._whole(keys))
        made = internals.entities_of_steps(job)
        steps = {node: Step.of(entities) for node, entities in made.items()}
        tally = Tally(steps, self.catalogue.tables, PACKAGE)
        with passing_instance() as instance:
            try:
                internals.run_job(
                    self.loaded.module,
                    self.loaded.attribute,
                    job,
                    instance,
                    executor.OUR_LOGGER,
                    self._watched(tally),
                )
            except internals.RunError as error:
                raise BuildError(
                    f"Dagster ended the run with {error}, and no table is to blame.\n"
                    "Nothing in the project was changed. Try `data-package build --force -v`."
                ) from None
        self._note_failures(tally, attempt, source)

    def is_intact(self, table: Table) -> bool:
        """Whether the stored file of a table is the one that the lock names."""
        kinds = {cause.kind for cause in self.states[table.name].causes}
        return not kinds & {CauseKind.MISSING, CauseKind.CHANGED_OUTSIDE}

    def is_as_locked(self, table: Table, attempt: Attempt) -> bool:
        """Whether an attempt made a table just as the lock names it."""
        made, entry = attempt.written.get(table.key), self.lock.tables.get(table.name)
        return made is not None and entry is not None and made.sha256 == entry.data_version

    def _source(self, key: dg.AssetKey, attempt: Attempt) -> Source:
        table = self.catalogue.tables.get(key)
        if table is None or self.is_intact(table):
            return Source.STORED
        return Source.MADE if self.is_as_locked(table, attempt) else Source.NONE

    def _job(self, attempt: Attempt, source: Callable[[dg.AssetKey], Source]) -> dg.JobDefinition:
        """The job of the whole project, with its tables going to the attempt's folder."""
        scratch = self._scratch(attempt)

        def note(table: Table, facts: Written, _part: str | None) -> None:
            attempt.written[table.key] = facts

        tables = _Tables(
            kept=ParquetTables.of(self.catalogue, lambda *_: None),
            made=ParquetTables.of(scratch, note),
            source=source,
        )
        definitions = definitions_aside(
            self.loaded,
            unbound_assets(self.loaded),
            {IO_MANAGER_KEY: dg.IOManagerDefinition.hardcoded_io_manager(tables)},
            executor.in_process(Recorder(scratch, LockFile(scratch.project))),
        )
        return definitions.resolve_implicit_global_asset_job_def()

    def _scratch(self, attempt: Attempt) -> Catalogue:
        """The catalogue of the project whose storage is the attempt's folder."""
        project = dataclasses.replace(self.catalogue.project, storage=attempt.folder)
        return dataclasses.replace(
            self.catalogue,
            project=project,
            tables={k: _moved(t, attempt.folder) for k, t in self.catalogue.tables.items()},
            hashes=HashCache(project.places.hashes),
        )

    def _whole(self, keys: set[dg.AssetKey]) -> set[dg.AssetKey]:
        """The tables with those that the same functions make: a function runs as a whole."""
        whole = set(keys)
        for assets in unbound_assets(self.loaded):
            if isinstance(assets, dg.AssetsDefinition) and assets.keys & keys:
                whole |= assets.keys
        return whole

    def _watched(self, tally: Tally) -> Callable[[str], AbstractContextManager[None]]:
        """What goes on around a run: its events are counted, and shown to whoever watches."""

        @contextmanager
        def prepare(run_id: str) -> Iterator[None]:
            with self.watch(tally) if self.watch else nullcontext(lambda: None) as changed:

                def hear(event: dg.DagsterEvent) -> None:
                    tally.hear(event)
                    changed()

                plan = executor.Plan(hear, lambda _: False, threads=self.threads)
                with executor.planned(run_id, plan):
                    yield

        return prepare

    def _note_failures(
        self, tally: Tally, attempt: Attempt, source: Callable[[dg.AssetKey], Source]
    ) -> None:
        """Tell the tables that failed by themselves from those whose input was not there."""
        for key, result in tally.results.items():
            if result.status is not Status.FAILED or key not in self.catalogue.tables:
                continue
            inputs = self.catalogue.tables[key].inputs.values()
            missing = [i.to_user_string() for i in inputs if source(i) is Source.NONE]
            if missing:
                attempt.starved[key] = (
                    f"its input {missing[0]} is not as the lock says, neither in storage nor built "
                    "again"
                )
            else:
                attempt.failed[key] = result.error or ""


class _Tables(dg.IOManager):
    """Writes into the scratch folder, and hands out inputs as the lock names them."""

    def __init__(
        self,
        *,
        kept: ParquetTables,
        made: ParquetTables,
        source: Callable[[dg.AssetKey], Source],
    ) -> None:
        self._kept = kept
        self._made = made
        self._source = source

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write into the scratch folder."""
        self._made.handle_output(context, obj)

    def load_input(self, context: dg.InputContext) -> object:
        """The stored table, or the one made in the scratch folder."""
        match self._source(context.asset_key):
            case Source.STORED:
                return self._kept.load_input(context)
            case Source.MADE:
                return self._made.load_input(context)
            case Source.NONE:
                raise dg.Failure("An input is not there.", allow_retries=False)


def _moved(table: Table, folder: Path) -> Table:
    return dataclasses.replace(table, project=dataclasses.replace(table.project, storage=folder))
