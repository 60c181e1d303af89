"""Proof of reproducibility: every table is built again, and its content compared with the lock.

Each table, and each partition, is built from the inputs that the lock records, so only its own code
can be the cause of a difference. Nothing in the project is changed.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import dagster as dg

from data_package.engine.project import Project
from data_package.engine.runs.aside import scratch_folder, unbound_assets
from data_package.engine.runs.build_lock import building
from data_package.engine.staleness.assess import CauseKind, changed_libraries
from data_package.engine.staleness.lock import lock_of, read_lock
from data_package.engine.staleness.plan import Request, asked_parts, select_tables, with_inputs
from data_package.engine.staleness.survey import in_order, present_of, survey
from data_package.engine.storage import sweep
from data_package.engine.tables.asset_tables import TABLES_MANAGER
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.loading import Loaded, load_project
from data_package.engine.tables.table import Table
from data_package.engine.verification.rebuild import Attempt, Rebuilder, Unit, Watch
from data_package.engine.verification.rebuild_difference import (
    Reason,
    ReasonKind,
    explain_difference,
)

# A table can be rebuilt as in the lock although its file is missing or changed, or a library has
# another version; with other code or other inputs it cannot.
_NO_OBSTACLE = {
    CauseKind.MISSING,
    CauseKind.CHANGED_OUTSIDE,
    CauseKind.LIBRARY,
    CauseKind.UPSTREAM,
}


class Rebuilt(StrEnum):
    """How a rebuilt table compares with the lock.

    A skipped table could have been compared, so its result is unknown; a table that is not kept
    here leaves nothing to compare.
    """

    EQUAL = "equal"
    DIFFERS = "differs"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_KEPT = "not kept here"


@dataclass(frozen=True)
class Verified:
    """One table, or one partition, built again.

    `words` say why it failed or was skipped, `reasons` why it differs; no value of any row.
    """

    name: str
    group: str
    place: str
    verdict: Rebuilt
    reasons: tuple[Reason, ...] = ()
    words: str = ""
    partition: str | None = None

    @property
    def label(self) -> str:
        """The label of a partition: `visits[2024]`."""
        return self.name if self.partition is None else f"{self.name}[{self.partition}]"

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "name": self.name,
            **({} if self.partition is None else {"partition": self.partition}),
            "group": self.group,
            "place": self.place,
            "verdict": str(self.verdict),
            "reasons": [{"kind": str(r.kind), "words": r.words} for r in self.reasons],
            "words": self.words,
        }


@dataclass(frozen=True)
class Verification:
    """All requested tables and partitions, each after its inputs."""

    tables: tuple[Verified, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Something was rebuilt, and everything that can be compared matches the lock."""
        compared = len(self.tables) - self.count(Rebuilt.NOT_KEPT)
        return self.count(Rebuilt.EQUAL) == compared > 0

    def count(self, verdict: Rebuilt) -> int:
        """How many tables and partitions have a verdict."""
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
    partitions: tuple[str, ...] = (),
    threads: int = 1,
    watch: Watch | None = None,
    report: Callable[[str], object] = lambda _: None,
) -> Verification:
    """Build the selected tables and what they need again, and compare.

    `partitions` are keys, and ranges of them, as in `build`. `watch` gets the state of a run before
    it starts, and returns a callback for each change; `report` is called with notes for the user.

    Raises ProjectError when the project, the lock or the selection is wrong.
    """
    began = time.monotonic()
    with building(project, report), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sweep(project.storage)
        lock_of(project).check_written()
        lock = read_lock(project)
        loaded = load_project(project)
        catalogue = catalogue_of(project)
        job = loaded.definitions.resolve_implicit_global_asset_job_def()
        request = Request(tuple(select), partitions=partitions)
        chosen = _chosen(request, job, catalogue)
        states = survey(catalogue, lock)
        rebuilder = Rebuilder(loaded, catalogue, lock, states, threads, watch)
        unfit = _unfit(chosen, rebuilder)
        with scratch_folder(project, "verify") as folder:
            fit = [(table, part) for table, part in chosen if (table.key, part) not in unfit]
            first, second = _build_twice(rebuilder, fit, folder)
            tables = tuple(
                _judge(rebuilder, table, part, unfit, first, second) for table, part in chosen
            )
        catalogue.hashes.save()
    return Verification(tables, time.monotonic() - began)


def _chosen(
    request: Request, job: dg.JobDefinition, catalogue: Catalogue
) -> list[tuple[Table, str | None]]:
    """The selected tables and partitions, and everything they need, inputs first."""
    asked = select_tables(request.select, job) & catalogue.tables.keys()
    needed = with_inputs(asked_parts(request, asked, catalogue), catalogue)
    return [(table, part) for table in in_order(catalogue) for part in needed.get(table.key, ())]


def _unfit(
    chosen: Sequence[tuple[Table, str | None]], rebuilder: Rebuilder
) -> dict[Unit, tuple[Rebuilt, str]]:
    """What cannot be rebuilt as in the lock, and why."""
    catalogue = rebuilder.catalogue
    together = _made_with_others(rebuilder.loaded)
    unfit: dict[Unit, tuple[Rebuilt, str]] = {}
    for table, part in chosen:
        causes = [c for c in rebuilder.state(table, part).causes if c.kind not in _NO_OBSTACLE]
        skipped = [
            other.labelled(taken)
            for other in filter(None, map(catalogue.tables.get, table.inputs.values()))
            for taken in catalogue.parts_taken(table, other, part)
            if unfit.get((other.key, taken), (None,))[0] is Rebuilt.SKIPPED
        ]
        if causes:
            found = Rebuilt.SKIPPED, f"{causes[0]}; build it first"
        elif not table.is_table and not table.files():
            found = Rebuilt.NOT_KEPT, "it has no file here that could be compared"
        elif table.key in together:
            found = Rebuilt.NOT_KEPT, "it is made together with something that is kept elsewhere"
        elif skipped:
            found = Rebuilt.SKIPPED, f"its input {skipped[0]} is skipped"
        else:
            continue
        unfit[table.key, part] = found
    return unfit


def _made_with_others(loaded: Loaded) -> set[dg.AssetKey]:
    """The tables whose function also makes something that another IO manager keeps."""
    return {
        key
        for assets in unbound_assets(loaded)
        if isinstance(assets, dg.AssetsDefinition) and assets.is_executable
        if any(assets.get_io_manager_key_for_asset_key(k) != TABLES_MANAGER for k in assets.keys)
        for key in assets.keys
    }


def _build_twice(
    rebuilder: Rebuilder, chosen: Sequence[tuple[Table, str | None]], folder: Path
) -> tuple[Attempt, Attempt]:
    """Rebuild everything, and once more what differs from the lock, to see if it repeats."""
    first, second = Attempt(folder / "first"), Attempt(folder / "second")
    todo = {(table.key, part) for table, part in chosen}
    while todo:
        before = len(first.tried)
        rebuilder.run(todo, first)
        todo -= first.tried
        # A failed table blocks the tables that use it; the next round uses its stored file.
        if len(first.tried) == before:
            break
    differs: dict[dg.AssetKey, set[Unit]] = {}
    for table, part in chosen:
        unit = table.key, part
        if unit in first.written and not rebuilder.is_as_locked(table, part, first):
            differs.setdefault(table.key, set()).add(unit)
    for units in differs.values():
        rebuilder.run(units, second, like=first)
    return first, second


def _judge(
    rebuilder: Rebuilder,
    table: Table,
    part: str | None,
    unfit: Mapping[Unit, tuple[Rebuilt, str]],
    first: Attempt,
    second: Attempt,
) -> Verified:
    unit = table.key, part

    def verdict(what: Rebuilt, words: str = "", reasons: Sequence[Reason] = ()) -> Verified:
        return Verified(
            table.name, table.group, table.place, what, tuple(reasons), words, partition=part
        )

    if unit in unfit:
        return verdict(*unfit[unit])
    if unit in first.starved:
        return verdict(Rebuilt.SKIPPED, first.starved[unit])
    if unit in first.failed or unit not in first.written:
        return verdict(Rebuilt.FAILED, first.failed.get(unit, "It was not run."))
    if rebuilder.is_as_locked(table, part, first):
        if not (wrong := rebuilder.wrong_facts(table, part, first)):
            return verdict(Rebuilt.EQUAL)
        words = (
            f"its content is as in the lock file, which is wrong about its {' and '.join(wrong)}. "
            f"Write it anew: data-package accept {table.name}"
        )
        return verdict(Rebuilt.DIFFERS, reasons=[Reason(ReasonKind.RECORD, words)])
    present = present_of(table, rebuilder.catalogue, rebuilder.lock, part)
    entry = rebuilder.lock.entry(table.name, part)
    changed = changed_libraries(entry, present.libraries) if entry else []
    reasons = explain_difference(
        table,
        made=first.path(table, part),
        again=second.path(table, part) if unit in second.written else None,
        kept=table.file(part) if rebuilder.is_intact(table, part) else None,
        libraries=[what for what, _ in changed],
    )
    return verdict(Rebuilt.DIFFERS, reasons=reasons)
