"""Proof of reproducibility: every table is built again, and its content held against the lock.

Each table is built from the inputs that the lock names, so a table that does not come out as it
was is the only one to blame. Nothing that the project keeps is touched.
"""

import dataclasses
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from pathlib import Path
from types import FrameType

import dagster as dg

from data_package.engine.build import executor
from data_package.engine.build.aside import (
    IO_MANAGER_KEY,
    definitions_aside,
    passing_instance,
    unbound_assets,
)
from data_package.engine.build.difference import Reason, explain_difference
from data_package.engine.build.guard import building
from data_package.engine.build.loading import Loaded, load_project
from data_package.engine.build.lock import Lock, LockFile, read_lock
from data_package.engine.build.plan import select_tables
from data_package.engine.build.record import Recorder
from data_package.engine.build.result import Status, Tally
from data_package.engine.build.staleness import CauseKind, changed_libraries
from data_package.engine.build.survey import TableState, in_order, present_of, survey
from data_package.engine.errors import BuildError
from data_package.engine.project import Project
from data_package.engine.storage import (
    PRIVATE_FOLDER,
    HashCache,
    make_private_folder,
    remove,
    sweep,
    temporary_beside,
)
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.io_manager import ParquetTables, Written
from data_package.engine.tables.table import PACKAGE, Table

Watch = Callable[[Tally], AbstractContextManager[Callable[[], None]]]

# A file that is gone or not ours, or another version of a library, does not keep a table from
# being built as the lock says; other code or other inputs do.
_NO_OBSTACLE = {
    CauseKind.MISSING,
    CauseKind.CHANGED_OUTSIDE,
    CauseKind.LIBRARY,
    CauseKind.UPSTREAM,
}


class Verdict(StrEnum):
    """What came of building a table again."""

    EQUAL = "equal"
    DIFFERS = "differs"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Verified:
    """One table, built again.

    `words` say why it failed or was skipped, `reasons` why it differs; no value of any row.
    """

    name: str
    group: str
    place: str
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    words: str = ""

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "name": self.name,
            "group": self.group,
            "place": self.place,
            "verdict": str(self.verdict),
            "reasons": [{"kind": str(r.kind), "words": r.words} for r in self.reasons],
            "words": self.words,
        }


@dataclass(frozen=True)
class Verification:
    """All tables that were asked for, each after its inputs."""

    tables: tuple[Verified, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Some table was built again, and each that was came out as the lock says."""
        return self.count(Verdict.EQUAL) > 0 and not (
            self.count(Verdict.DIFFERS) or self.count(Verdict.FAILED)
        )

    def count(self, verdict: Verdict) -> int:
        """How many tables have a verdict."""
        return sum(table.verdict is verdict for table in self.tables)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "tables": [table.to_dict() for table in self.tables],
        }


def verify(
    select: Sequence[str],
    project: Project,
    *,
    threads: int = 1,
    watch: Watch | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Verification:
    """Build the selected tables and what they need again, and compare.

    `watch` gets the state of a run before it starts, and gives what to call on each change; `say`
    gets what is worth a line.

    Raises ProjectError when the project, the lock or the selection is wrong.
    """
    began = time.monotonic()
    with building(project, say), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sweep(project.storage)
        lock = read_lock(project)
        loaded = load_project(project)
        catalogue = catalogue_of(project)
        job = loaded.definitions.resolve_implicit_global_asset_job_def()
        chosen = _with_inputs(select_tables(select, job), catalogue)
        states = survey(catalogue, lock)
        with _scratch_folder(project) as folder:
            workshop = _Workshop(loaded, catalogue, lock, states, folder, threads, watch)
            tables = tuple(workshop.verify(chosen))
        catalogue.hashes.save()
    return Verification(tables, time.monotonic() - began)


def _with_inputs(chosen: set[dg.AssetKey], catalogue: Catalogue) -> list[Table]:
    """The selected tables and all that they need, inputs first."""
    order = in_order(catalogue)
    needed = set(chosen)
    for table in reversed(order):
        if table.key in needed:
            needed.update(table.inputs.values())
    return [table for table in order if table.key in needed]


class _Source(Enum):
    """Where an input can be had as the lock names it."""

    STORED = auto()
    MADE = auto()
    NONE = auto()


@dataclass
class _Attempt:
    """One building of some tables: where they went, and what came of each."""

    folder: Path
    written: dict[dg.AssetKey, Written] = field(default_factory=dict)
    failed: dict[dg.AssetKey, str] = field(default_factory=dict)
    starved: dict[dg.AssetKey, str] = field(default_factory=dict)

    def path(self, table: Table) -> Path:
        """Where a table went."""
        return _moved(table, self.folder).path


@dataclass(frozen=True)
class _Workshop:
    """Where tables are built again."""

    loaded: Loaded
    catalogue: Catalogue
    lock: Lock
    states: dict[str, TableState]
    folder: Path
    threads: int
    watch: Watch | None

    def verify(self, chosen: Sequence[Table]) -> Iterator[Verified]:
        """Build and judge the tables."""
        skipped = self._unfit(chosen)
        todo = {table.key for table in chosen} - skipped.keys()
        first = _Attempt(self.folder / "first")
        while todo:
            done = len(first.written) + len(first.failed) + len(first.starved)
            self._run(todo, first)
            todo -= first.written.keys() | first.failed.keys() | first.starved.keys()
            # A table that failed holds back its readers; the next round takes its stored file.
            if len(first.written) + len(first.failed) + len(first.starved) == done:
                break
        second = _Attempt(self.folder / "second")
        different = {
            table.key
            for table in chosen
            if table.key in first.written and not self._is_as_locked(table, first)
        }
        for key in different:
            self._run({key}, second, like=first)
        for table in chosen:
            yield self._judge(table, skipped, first, second)

    def _unfit(self, chosen: Sequence[Table]) -> dict[dg.AssetKey, str]:
        """Tables that cannot be built as the lock says, and why."""
        unfit: dict[dg.AssetKey, str] = {}
        for table in chosen:
            state = self.states[table.name]
            causes = [cause for cause in state.causes if cause.kind not in _NO_OBSTACLE]
            stale = [key for key in table.inputs.values() if key in unfit]
            if table.partitioned:
                unfit[table.key] = "it is partitioned, and the lock does not hold partitions"
            elif causes:
                unfit[table.key] = f"{causes[0]}; build it first"
            elif stale:
                unfit[table.key] = f"its input {stale[0].to_user_string()} is skipped"
        for assets in unbound_assets(self.loaded):
            if not isinstance(assets, dg.AssetsDefinition) or not assets.is_executable:
                continue
            others = [
                key
                for key in assets.keys
                if assets.get_io_manager_key_for_asset_key(key) != IO_MANAGER_KEY
            ]
            for key in assets.keys if others else ():
                unfit.setdefault(key, "it is made together with something kept elsewhere")
        return unfit

    def _run(self, keys: set[dg.AssetKey], attempt: _Attempt, like: _Attempt | None = None) -> None:
        """Build some tables into the attempt's folder, in one run."""
        make_private_folder(attempt.folder)
        scratch = self._scratch(attempt)
        recorder = Recorder(scratch, LockFile(scratch.project))

        def source(key: dg.AssetKey) -> _Source:
            return self._source(key, like or attempt)

        tables = _Tables(
            kept=ParquetTables.of(self.catalogue, lambda *_: None),
            made=ParquetTables.of(
                scratch, lambda table, facts: attempt.written.update({table.key: facts})
            ),
            source=source,
        )
        resource = dg.IOManagerDefinition.hardcoded_io_manager(tables)
        definitions = definitions_aside(
            self.loaded,
            unbound_assets(self.loaded),
            {IO_MANAGER_KEY: resource},
            executor.in_process(recorder),
        )
        job = definitions.resolve_implicit_global_asset_job_def()
        chosen = job.get_subset(asset_selection=self._whole(keys))
        tally = Tally(internals.entities_of_steps(chosen), self.catalogue.tables, PACKAGE)

        @contextmanager
        def prepare(run_id: str) -> Iterator[None]:
            with self.watch(tally) if self.watch else nullcontext(lambda: None) as changed:

                def hear(event: dg.DagsterEvent) -> None:
                    tally.hear(event)
                    changed()

                plan = executor.Plan(hear, lambda _: False, self.threads)
                with executor.planned(run_id, plan):
                    yield

        with passing_instance() as instance:
            try:
                internals.run_job(
                    self.loaded.module,
                    self.loaded.attribute,
                    chosen,
                    instance,
                    executor.OUR_LOGGER,
                    prepare,
                )
            except internals.RunError as error:
                raise BuildError(
                    f"Dagster ended the run with {error}, and no table is to blame.\n"
                    "Nothing in the project was changed. Try `data-package build --force -v`."
                ) from None
        for key, result in tally.results.items():
            if result.status is not Status.FAILED or key not in self.catalogue.tables:
                continue
            inputs = self.catalogue.tables[key].inputs.values()
            missing = [i.to_user_string() for i in inputs if source(i) is _Source.NONE]
            if missing:
                attempt.starved[key] = (
                    f"its input {missing[0]} is not as the lock says, neither in storage nor built "
                    "again"
                )
            else:
                attempt.failed[key] = result.error or ""

    def _whole(self, keys: set[dg.AssetKey]) -> set[dg.AssetKey]:
        """The tables with those that the same functions make: a function runs as a whole."""
        whole = set(keys)
        for assets in unbound_assets(self.loaded):
            if isinstance(assets, dg.AssetsDefinition) and assets.keys & keys:
                whole |= assets.keys
        return whole

    def _scratch(self, attempt: _Attempt) -> Catalogue:
        """The catalogue of the project whose storage is the attempt's folder."""
        project = dataclasses.replace(self.catalogue.project, storage=attempt.folder)
        return dataclasses.replace(
            self.catalogue,
            project=project,
            tables={k: _moved(t, attempt.folder) for k, t in self.catalogue.tables.items()},
            hashes=HashCache(project.state / "hashes.json"),
        )

    def _source(self, key: dg.AssetKey, attempt: _Attempt) -> _Source:
        table = self.catalogue.tables.get(key)
        if table is None or self._is_intact(table):
            return _Source.STORED
        return _Source.MADE if self._is_as_locked(table, attempt) else _Source.NONE

    def _is_intact(self, table: Table) -> bool:
        kinds = {cause.kind for cause in self.states[table.name].causes}
        return not kinds & {CauseKind.MISSING, CauseKind.CHANGED_OUTSIDE}

    def _is_as_locked(self, table: Table, attempt: _Attempt) -> bool:
        made, entry = attempt.written.get(table.key), self.lock.tables.get(table.name)
        return made is not None and entry is not None and made.sha256 == entry.data_version

    def _judge(
        self, table: Table, skipped: dict[dg.AssetKey, str], first: _Attempt, second: _Attempt
    ) -> Verified:
        key = table.key

        def verdict(what: Verdict, words: str = "", reasons: Sequence[Reason] = ()) -> Verified:
            return Verified(table.name, table.group, table.place, what, tuple(reasons), words)

        if key in skipped:
            return verdict(Verdict.SKIPPED, skipped[key])
        if key in first.starved:
            return verdict(Verdict.SKIPPED, first.starved[key])
        if key in first.failed or key not in first.written:
            return verdict(Verdict.FAILED, first.failed.get(key, "It was not run."))
        if self._is_as_locked(table, first):
            return verdict(Verdict.EQUAL)
        present = present_of(table, self.catalogue, self.lock)
        reasons = explain_difference(
            table,
            made=first.path(table),
            again=second.path(table) if key in second.written else None,
            kept=table.path if self._is_intact(table) else None,
            libraries=[
                what for what, _ in changed_libraries(self.lock.tables[table.name], present)
            ],
        )
        return verdict(Verdict.DIFFERS, reasons=reasons)


class _Tables(dg.IOManager):
    """Writes into the scratch folder, and hands out inputs as the lock names them."""

    def __init__(
        self,
        *,
        kept: ParquetTables,
        made: ParquetTables,
        source: Callable[[dg.AssetKey], _Source],
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
            case _Source.STORED:
                return self._kept.load_input(context)
            case _Source.MADE:
                return self._made.load_input(context)
            case _Source.NONE:
                raise dg.Failure("An input is not there.", allow_retries=False)


def _moved(table: Table, folder: Path) -> Table:
    return dataclasses.replace(table, project=dataclasses.replace(table.project, storage=folder))


@contextmanager
def _scratch_folder(project: Project) -> Iterator[Path]:
    """A private folder that is gone afterwards, however that comes.

    A signal that ends the process removes it too; what a kill leaves is swept by the next command.
    """
    folder = temporary_beside(make_private_folder(project.storage) / "verify")
    folder.mkdir(mode=PRIVATE_FOLDER)
    folder.chmod(PRIVATE_FOLDER)

    def end(number: int, _frame: FrameType | None) -> None:
        remove(folder)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = {}
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_IGN:
                # Started by `nohup`, which is meant to last.
                continue
            try:
                before[number] = signal.signal(number, end)
            except ValueError:
                # Not in the main thread, where signals cannot be taken.
                break
        yield folder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        remove(folder)
