"""Tables built again from the inputs that the lock records, into another folder.

Nothing in the project is changed. `verify` judges the outcome.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

import dagster as dg

from data_package.engine.errors import BuildError
from data_package.engine.runs import executor
from data_package.engine.runs.aside import (
    definitions_aside,
    passing_instance,
    unbound_assets,
)
from data_package.engine.runs.expansion import Waits, step_key
from data_package.engine.runs.result import Step, Tally
from data_package.engine.staleness.assess import CauseKind
from data_package.engine.staleness.lock import Lock, LockFile
from data_package.engine.staleness.recorder import Recorder
from data_package.engine.staleness.survey import TableState
from data_package.engine.states import Status
from data_package.engine.storage import HashCache, make_private_folder
from data_package.engine.tables import internals
from data_package.engine.tables.asset_tables import TABLES_MANAGER
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.io_manager import ParquetTables, WrittenTable
from data_package.engine.tables.loading import Loaded
from data_package.engine.tables.table import PACKAGE, Table

Watch = Callable[[Tally], AbstractContextManager[Callable[[], None]]]
# A table, or one of its partitions.
Unit = tuple[dg.AssetKey, str | None]


class InputSource(Enum):
    """Where an input is available as the lock records it."""

    STORED = auto()
    MADE = auto()
    NONE = auto()


SourceOf = Callable[[dg.AssetKey, str | None], InputSource]


@dataclass
class Attempt:
    """One rebuilding of some tables and partitions: where they are, and how each ended."""

    folder: Path
    written: dict[Unit, WrittenTable] = field(default_factory=dict)
    failed: dict[Unit, str] = field(default_factory=dict)
    starved: dict[Unit, str] = field(default_factory=dict)

    @property
    def tried(self) -> set[Unit]:
        """What was built, failed, or lacked an input."""
        return self.written.keys() | self.failed.keys() | self.starved.keys()

    def path(self, table: Table, part: str | None) -> Path:
        """The rebuilt file of a table, or of a partition of it."""
        return _moved(table, self.folder).file(part)


@dataclass(frozen=True)
class Rebuilder:
    """Builds tables of a project again."""

    loaded: Loaded
    catalogue: Catalogue
    lock: Lock
    states: dict[str, TableState]
    threads: int
    watch: Watch | None

    def run(self, units: set[Unit], attempt: Attempt, like: Attempt | None = None) -> None:
        """Build some tables and partitions into the attempt's folder, in one run.

        An input that is not stored as the lock records it is taken from the attempt `like`; by
        default, from the attempt itself. Raises BuildError when Dagster ends the run.
        """
        make_private_folder(attempt.folder)

        def source(key: dg.AssetKey, part: str | None) -> InputSource:
            return self._source(key, part, like or attempt)

        keys = self._whole({key for key, _ in units})
        job = self._job(attempt, source).get_subset(asset_selection=keys)
        made = {
            node: [key for key in entities if isinstance(key, dg.AssetKey)]
            for node, entities in internals.entities_of_steps(job).items()
        }
        parts = {node: found for node, of in made.items() if (found := self._parts(of, units))}
        steps = {
            step_key(node, part): Step.of(entities, part)
            for node, entities in made.items()
            for part in parts.get(node, (None,))
        }
        tally = Tally(steps, self.catalogue.tables, PACKAGE)

        def waits(node: str, part: str | None, before: str) -> Sequence[str]:
            if before not in parts:
                return (before,)
            return [step_key(before, key) for key in self._taken(made[node], part, made[before])]

        with passing_instance() as instance:
            try:
                internals.run_job(
                    self.loaded.module,
                    self.loaded.attribute,
                    job,
                    instance,
                    executor.OUR_LOGGER,
                    self._watched(tally, parts, waits),
                )
            except internals.RunError as error:
                raise BuildError(
                    f"Dagster ended the run with {error}, which no table caused.\n"
                    "Nothing in the project was changed. Try `data-package build --force -v`."
                ) from None
        self._note_failures(steps, tally, attempt, source)

    def _parts(self, made: Iterable[dg.AssetKey], units: set[Unit]) -> tuple[str, ...]:
        """The partitions that a step is carried out for; empty for a step that has none."""
        keys = set(made)
        wanted = {part for key, part in units if key in keys}
        parts = next((t.parts for key in keys if (t := self.catalogue.tables.get(key))), ())
        return tuple(part for part in parts if part is not None and part in wanted)

    def _taken(
        self, made: Iterable[dg.AssetKey], part: str | None, before: Iterable[dg.AssetKey]
    ) -> set[str]:
        """The partitions of an earlier step's tables that a step takes."""
        tables = self.catalogue.tables
        return {
            taken
            for reader in filter(None, (tables.get(key) for key in made))
            for source in filter(None, (tables.get(key) for key in before))
            if source.key in reader.inputs.values()
            for taken in self.catalogue.taken(reader, source, part)
        }

    def state(self, table: Table, part: str | None) -> TableState:
        """The state of a table, or of a partition of it."""
        state = self.states[table.name]
        return next((one for one in state.parts if one.partition == part), state)

    def is_intact(self, table: Table, part: str | None) -> bool:
        """Whether the stored file of a table, or of a partition, is the one in the lock."""
        kinds = {cause.kind for cause in self.state(table, part).causes}
        lost = {CauseKind.NEVER_BUILT, CauseKind.MISSING, CauseKind.CHANGED_OUTSIDE}
        return not kinds & lost

    def is_as_locked(self, table: Table, part: str | None, attempt: Attempt) -> bool:
        """Whether an attempt made a table, or a partition, exactly as the lock records it."""
        made = attempt.written.get((table.key, part))
        entry = self.lock.entry(table.name, part)
        return made is not None and entry is not None and made.sha256 == entry.data_version

    def wrong_facts(self, table: Table, part: str | None, attempt: Attempt) -> list[str]:
        """What the lock says wrongly of a table whose content is as it records: `rows`, `bytes`."""
        made, entry = attempt.written[table.key, part], self.lock.entry(table.name, part)
        if entry is None:
            return []
        facts = {
            "rows": made.rows == entry.rows,
            "columns": made.columns == entry.columns,
            "bytes": made.size_bytes == entry.size_bytes,
        }
        return [name for name, is_right in facts.items() if not is_right]

    def _source(self, key: dg.AssetKey, part: str | None, attempt: Attempt) -> InputSource:
        table = self.catalogue.tables.get(key)
        if table is None or self.is_intact(table, part):
            return InputSource.STORED
        return InputSource.MADE if self.is_as_locked(table, part, attempt) else InputSource.NONE

    def _job(self, attempt: Attempt, source: SourceOf) -> dg.JobDefinition:
        """The job of the whole project, with its tables going to the attempt's folder."""
        scratch = self._scratch(attempt)

        def note(table: Table, facts: WrittenTable, part: str | None) -> None:
            attempt.written[table.key, part] = facts

        def place(table: Table, part: str | None) -> Path:
            stored = source(table.key, part) is InputSource.STORED
            return table.file(part) if stored else attempt.path(table, part)

        tables = _Tables(
            kept=ParquetTables.of(self.catalogue, lambda *_: None, place=place),
            made=ParquetTables.of(scratch, note),
            source=source,
        )
        definitions = definitions_aside(
            self.loaded,
            unbound_assets(self.loaded),
            {TABLES_MANAGER: dg.IOManagerDefinition.hardcoded_io_manager(tables)},
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
        """The tables, with all others that the same functions make: a function runs as a whole."""
        whole = set(keys)
        for assets in unbound_assets(self.loaded):
            if isinstance(assets, dg.AssetsDefinition) and assets.keys & keys:
                whole |= assets.keys
        return whole

    def _watched(
        self, tally: Tally, parts: Mapping[str, Sequence[str]], waits: Waits
    ) -> Callable[[str], AbstractContextManager[None]]:
        """The context of a run: its events are counted, and passed to the progress display."""

        @contextmanager
        def prepare(run_id: str) -> Iterator[None]:
            with self.watch(tally) if self.watch else nullcontext(lambda: None) as changed:

                def on_event(event: dg.DagsterEvent) -> None:
                    tally.hear(event)
                    changed()

                plan = executor.Plan(on_event, lambda _: False, parts, waits, self.threads)
                with executor.planned(run_id, plan):
                    yield

        return prepare

    def _note_failures(
        self, steps: Mapping[str, Step], tally: Tally, attempt: Attempt, source: SourceOf
    ) -> None:
        """Separate tables that failed from tables that lacked an input."""
        for key, part in ((key, step.part) for step in steps.values() for key in step.assets):
            result, table = tally.result(key, part), self.catalogue.tables.get(key)
            if result.status is not Status.FAILED or table is None:
                continue
            if missing := self._missing(table, part, source):
                attempt.starved[key, part] = (
                    f"its input {missing[0]} is not as in the lock, neither in storage nor built "
                    "again"
                )
            else:
                attempt.failed[key, part] = result.error or ""

    def _missing(self, table: Table, part: str | None, source: SourceOf) -> list[str]:
        """The names of the inputs of a table, or of a partition, that are not available."""
        return [
            other.labelled(taken)
            for other in filter(None, map(self.catalogue.tables.get, table.inputs.values()))
            for taken in self.catalogue.parts_taken(table, other, part)
            if source(other.key, taken) is InputSource.NONE
        ]


class _Tables(dg.IOManager):
    """Writes into the scratch folder, and loads inputs as the lock records them."""

    def __init__(
        self,
        *,
        kept: ParquetTables,
        made: ParquetTables,
        source: SourceOf,
    ) -> None:
        self._kept = kept
        self._made = made
        self._source = source

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write into the scratch folder."""
        self._made.handle_output(context, obj)

    def load_input(self, context: dg.InputContext) -> object:
        """The stored table, or the one made in the scratch folder; partitions one by one."""
        parts = context.asset_partition_keys if context.has_asset_partitions else (None,)
        found = {self._source(context.asset_key, part) for part in parts}
        if InputSource.NONE in found:
            raise dg.Failure("An input is missing.", allow_retries=False)
        if context.has_asset_partitions or found == {InputSource.STORED}:
            return self._kept.load_input(context)
        return self._made.load_input(context)


def _moved(table: Table, folder: Path) -> Table:
    return dataclasses.replace(table, project=dataclasses.replace(table.project, storage=folder))
