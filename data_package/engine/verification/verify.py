"""Proof of reproducibility: every table is built again, and its content held against the lock.

Each table is built from the inputs that the lock names, so a table that does not come out as it
was is the only one to blame. Nothing that the project keeps is touched.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import dagster as dg

from data_package.engine.project import Project
from data_package.engine.runs.aside import IO_MANAGER_KEY, scratch_folder, unbound_assets
from data_package.engine.runs.guard import building
from data_package.engine.staleness.assess import CauseKind, changed_libraries
from data_package.engine.staleness.lock import lock_of, read_lock
from data_package.engine.staleness.plan import select_tables
from data_package.engine.staleness.survey import TableState, in_order, present_of, survey
from data_package.engine.storage import sweep
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.loading import Loaded, load_project
from data_package.engine.tables.table import Table
from data_package.engine.verification.difference import Reason, explain_difference
from data_package.engine.verification.rebuild import Attempt, Rebuilder, Watch

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
        lock_of(project).check_written()
        lock = read_lock(project)
        loaded = load_project(project)
        catalogue = catalogue_of(project)
        job = loaded.definitions.resolve_implicit_global_asset_job_def()
        chosen = _with_inputs(select_tables(select, job), catalogue)
        states = survey(catalogue, lock)
        unfit = _unfit(chosen, loaded, states)
        rebuilder = Rebuilder(loaded, catalogue, lock, states, threads, watch)
        with scratch_folder(project, "verify") as folder:
            fit = [table for table in chosen if table.key not in unfit]
            first, second = _build_twice(rebuilder, fit, folder)
            tables = tuple(_judge(rebuilder, table, unfit, first, second) for table in chosen)
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


def _unfit(
    chosen: Sequence[Table], loaded: Loaded, states: dict[str, TableState]
) -> dict[dg.AssetKey, str]:
    """Tables that cannot be built as the lock says, and why."""
    unfit: dict[dg.AssetKey, str] = {}
    without_file: set[dg.AssetKey] = set()
    for table in chosen:
        state = states[table.name]
        causes = [cause for cause in state.causes if cause.kind not in _NO_OBSTACLE]
        stale = [key for key in table.inputs.values() if key in unfit and key not in without_file]
        if table.partitioned:
            unfit[table.key] = "it is partitioned, and the lock does not hold partitions"
        elif causes:
            unfit[table.key] = f"{causes[0]}; build it first"
        elif not table.is_table and not table.files():
            without_file.add(table.key)
            unfit[table.key] = "it keeps no file here that could be compared"
        elif stale:
            unfit[table.key] = f"its input {stale[0].to_user_string()} is skipped"
    for assets in unbound_assets(loaded):
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


def _build_twice(
    rebuilder: Rebuilder, chosen: Sequence[Table], folder: Path
) -> tuple[Attempt, Attempt]:
    """All tables, and once more those that are not as the lock says, to see if they repeat."""
    first, second = Attempt(folder / "first"), Attempt(folder / "second")
    todo = {table.key for table in chosen}
    while todo:
        before = len(first.tried)
        rebuilder.run(todo, first)
        todo -= first.tried
        # A table that failed holds back its readers; the next round takes its stored file.
        if len(first.tried) == before:
            break
    for table in chosen:
        if table.key in first.written and not rebuilder.is_as_locked(table, first):
            rebuilder.run({table.key}, second, like=first)
    return first, second


def _judge(
    rebuilder: Rebuilder,
    table: Table,
    unfit: dict[dg.AssetKey, str],
    first: Attempt,
    second: Attempt,
) -> Verified:
    key = table.key

    def verdict(what: Verdict, words: str = "", reasons: Sequence[Reason] = ()) -> Verified:
        return Verified(table.name, table.group, table.place, what, tuple(reasons), words)

    if key in unfit:
        return verdict(Verdict.SKIPPED, unfit[key])
    if key in first.starved:
        return verdict(Verdict.SKIPPED, first.starved[key])
    if key in first.failed or key not in first.written:
        return verdict(Verdict.FAILED, first.failed.get(key, "It was not run."))
    if rebuilder.is_as_locked(table, first):
        return verdict(Verdict.EQUAL)
    present = present_of(table, rebuilder.catalogue, rebuilder.lock)
    reasons = explain_difference(
        table,
        made=first.path(table),
        again=second.path(table) if key in second.written else None,
        kept=table.path if rebuilder.is_intact(table) else None,
        libraries=[
            what
            for what, _ in changed_libraries(rebuilder.lock.tables[table.name], present.libraries)
        ],
    )
    return verdict(Verdict.DIFFERS, reasons=reasons)
