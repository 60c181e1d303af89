"""The result of a build, table by table, gathered from Dagster's events as they happen."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

import dagster as dg

from data_package.engine.errors import some
from data_package.engine.notebook import NamedParts, html_line, html_table, html_text
from data_package.engine.schema import Total
from data_package.engine.sources.reading_report import ReadingReport, together
from data_package.engine.states import Status
from data_package.engine.tables import internals
from data_package.engine.tables import io_manager as facts
from data_package.engine.tables.asset_notes import LEFT_OUT, Kept
from data_package.engine.tables.checks import as_text, totals_of
from data_package.engine.tables.table import Table, in_lists

Number = TypeVar("Number", int, float)

# What fails at once often fails for one reason, and the whole must fit a screen.
_EXPLAINED_IN_FULL = 3
_NAMED = 12


@dataclass(frozen=True)
class CheckResult:
    """One asset check; `description` names rules, fields, counts and rows, never a value.

    `totals` has the same as data where it is the check of a contract. `warns` is for one that did
    not pass and, by its severity, fails nothing.
    """

    name: str
    passed: bool
    description: str = ""
    warns: bool = False
    totals: tuple[Total, ...] = ()


@dataclass
class TableResult:
    """What a build did with one table.

    `kept` is `table`, `file`, or `nothing` where the engine keeps no file of it.
    `reading` has what was wrong in raw files that were read by their contracts, also where that
    kept the table from being made: for each file with errors its name, its rows, and the rule,
    field, count and rows of what was wrong; None where no such file was read.
    `uses` has what its function was seen to use besides its inputs, each with its place in the
    code; `hook_errors` the errors of Dagster hooks after its function ran, which fail nothing.
    `partitions` are those that the build looked at, of a partitioned table; its own figures are
    theirs together.
    """

    name: str
    group: str
    status: Status = Status.WAITING
    rows: int | None = None
    columns: int | None = None
    size_bytes: int | None = None
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    checks: list[CheckResult] = field(default_factory=list)
    checks_planned: int = 0
    error: str | None = None
    place: str = ""
    reading: ReadingReport | None = None
    kept: str = Kept.TABLE
    uses: list[str] = field(default_factory=list)
    hook_errors: list[str] = field(default_factory=list)
    partitions: list["TableResult"] = field(default_factory=list)

    @property
    def each(self) -> list["TableResult"]:
        """The partitions and what is of the table as a whole, or the table alone."""
        return [*self.partitions, self]

    @property
    def own_failed_checks(self) -> list[CheckResult]:
        """The checks of the table as a whole that did not pass and should have."""
        return [check for check in self.checks if not check.passed and not check.warns]

    @property
    def failed_checks(self) -> list[CheckResult]:
        """The checks that did not pass and should have."""
        return [check for one in self.each for check in one.own_failed_checks]

    @property
    def warnings(self) -> list[CheckResult]:
        """The checks that did not pass and only warn."""
        return [check for one in self.each for check in one.checks if check.warns]

    @property
    def checks_expected(self) -> int:
        """How many checks were to be made, of the partitions too."""
        return sum(one.checks_planned for one in self.each)

    @property
    def checks_made(self) -> int:
        """How many checks were made, of the partitions too."""
        return sum(len(one.checks) for one in self.each)

    def together(self) -> "TableResult":
        """With the figures of the partitions; the table itself where it has none."""
        if not self.partitions:
            return self
        states = {one.status for one in self.partitions}
        return replace(
            self,
            status=next(state for state in Status if state in states),
            rows=_total(one.rows for one in self.partitions),
            columns=next((c for one in self.partitions if (c := one.columns) is not None), None),
            size_bytes=_total(one.size_bytes for one in self.partitions),
            seconds=_total(one.seconds for one in self.partitions),
            peak_memory_bytes=max(
                (b for one in self.partitions if (b := one.peak_memory_bytes) is not None),
                default=None,
            ),
            reading=together(one.reading for one in self.partitions),
        )

    @property
    def raw_file_errors(self) -> int | None:
        """How many errors its raw files had; None where none was read by its contract."""
        return self.reading.error_count if self.reading is not None else None

    @property
    def raw_file_report(self) -> str:
        """What was wrong in its raw files, as text without a value."""
        return self.reading.render() if self.reading is not None else ""

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        facts = asdict(replace(self, reading=None, partitions=[]))
        del facts["reading"]
        return {
            **facts,
            "partitions": [one.to_dict() for one in self.partitions],
            "raw_file_errors": self.raw_file_errors,
            "raw_file_report": self.raw_file_report,
            "raw_files": [asdict(file) for file in self.reading.files] if self.reading else [],
            "deliveries": [asdict(d) for d in self.reading.deliveries] if self.reading else [],
        }

    @property
    def outcome(self) -> Status:
        """What the build did with it and its checks: what was not checked is not called built."""
        if self.failed_checks:
            return Status.FAILED
        done = self.status in (Status.BUILT, Status.CHECKED, Status.NOT_YIELDED)
        lacking = self.checks_made < self.checks_expected
        return Status.NOT_CHECKED if done and lacking else self.status

    @property
    def ok(self) -> bool:
        """Built, and every check passed."""
        return self.outcome.is_good


@dataclass(frozen=True, repr=False)
class BuildResult(NamedParts[TableResult]):
    """What a build did: a collection of the results of its tables. It is true when all is well.

    Attributes:
        tables: every table that was stale, in the order of lists: raw, intermediate, other groups
            and final. One whose inputs did not change is `fresh`: it was not run
            after all.
        fresh: how many tables were fresh from the start.
        package: the data package's facts when it was part of the build.
        seconds: from the start of the command or the call.
        moved: the tables and partitions that were put in another place and not run: each with
            `table`, `partition`, its name `before`, and where its file was, `from`.
        unpublished: whether there is a data package that was not selected, so that it may not be
            made of these tables.
    """

    tables: tuple[TableResult, ...]
    package: TableResult | None
    seconds: float
    package_path: str | None
    fresh: int = 0
    run_id: str | None = None
    moved: tuple[Mapping[str, object], ...] = ()
    unpublished: bool = False

    @property
    def ok(self) -> bool:
        """Everything was built and every check passed."""
        everything = [*self.tables, *([self.package] if self.package else [])]
        return all(table.ok for table in everything)

    @property
    def parts(self) -> Sequence[TableResult]:
        """The results of the tables, in the order of lists."""
        return self.tables

    def __bool__(self) -> bool:
        """Whether everything was built and every check passed."""
        return self.ok

    def __str__(self) -> str:
        """What became of how many tables, and what failed."""
        counts = Counter(table.outcome for table in self.tables)
        words = [f"{counts[state]} {state}" for state in Status if counts[state]]
        words.append(f"{self.fresh} fresh from the start")
        if self.package is not None:
            words.append(f"data package {self.package.outcome}")
        first = f"{', '.join(words)}, {self.seconds:.1f} s"
        return "\n\n".join(filter(None, (first, "" if self.ok else self.explain())))

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        rows = [
            (
                table.name,
                table.group,
                str(table.outcome),
                "" if table.rows is None else f"{table.rows:,}",
                "" if table.columns is None else str(table.columns),
                "" if table.seconds is None else f"{table.seconds:.1f} s",
                f"{len(table.failed_checks)} failed" if table.failed_checks else "",
            )
            for table in self.tables
        ]
        heads = ("table", "group", "state", "rows", "columns", "time", "checks")
        fresh = f"{self.fresh} fresh from the start, {self.seconds:.1f} s"
        why = "" if self.ok else html_text(self.explain())
        return html_table(heads, rows) + html_line(fresh) + why

    def without(self, name: object) -> str:
        """What to say of a table that the build left alone."""
        return f"{name!r} was not part of this build: it was fresh, or is not a table"

    def explain(self) -> str:
        """What failed, where, what was therefore not built, and what to do; no value of any row."""
        everything = [*self.tables, *([self.package] if self.package else [])]
        tables_with: dict[str, list[str]] = {}
        for table in (one for whole in everything for one in whole.each):
            if not table.ok and (text := _explain(table)):
                tables_with.setdefault(text, []).append(table.name)
        lines = list(tables_with)[:_EXPLAINED_IN_FULL]
        if more := [
            name for text in list(tables_with)[_EXPLAINED_IN_FULL:] for name in tables_with[text]
        ]:
            lines.append(
                f"These failed as well: {some(more, _NAMED)}. Build one of them to read why."
            )
        if lost := _not_built(self.tables):
            every = [one for table in self.tables for one in table.each]
            absent = [one.name for one in every if one.status is Status.NOT_YIELDED]
            if absent:
                lines.append(f"Not yielded this time: {some(absent, _NAMED)}.")
            lines.append(f"Not built because of it: {some(lost, _NAMED)}.")
        if self.package is not None and not self.package.ok:
            lines.append("Nothing is published; a data package published before is unchanged.")
        return "\n\n".join(lines)

    def accepted(self) -> str:
        """What was wrong in raw files and did not keep their tables from being made."""
        return "\n\n".join(
            f"{one.name} was built from a raw file with errors:\n{_indent(one.raw_file_report)}"
            for table in self.tables
            for one in table.partitions or [table]
            if one.status is Status.BUILT and one.raw_file_report
        )

    def deliveries(self) -> str:
        """What each of several deliveries brought to the tables that were built."""
        return "\n\n".join(
            f"{one.name} has the newest row of each {', '.join(found[0].keys)}:\n"
            f"{_indent(chr(10).join(delivery.render() for delivery in found))}"
            for table in self.tables
            for one in table.partitions or [table]
            if one.status is Status.BUILT
            and one.reading is not None
            and (found := one.reading.deliveries)
        )

    def warnings(self) -> str:
        """What checks warn of, and which hooks failed: both keep nothing from being built."""
        lines = [
            f"{table.name}: its check '{check.name}' warns"
            f"{':' if check.description else '.'}{_below(check.description)}"
            for whole in self.tables
            for table in whole.each
            for check in table.checks
            if check.warns
        ]
        # A hook of a function of several tables is reported once.
        lines += dict.fromkeys(
            f"A hook failed: {error}"
            for whole in self.tables
            for table in whole.each
            for error in table.hook_errors
        )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """The same facts for `json.dumps`."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "package": self.package_path,
            "unpublished": self.unpublished,
            "fresh": self.fresh,
            "moved": list(self.moved),
            "tables": [table.to_dict() for table in self.tables],
        }

    def to_json(self) -> str:
        """The same facts as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def _not_built(tables: Sequence[TableResult]) -> list[str]:
    """The tables that were not built, and those partitions of the others that were not."""
    lost = []
    for table in tables:
        parts = [one.name for one in table.partitions if one.status is Status.NOT_BUILT]
        whole = len(parts) == len(table.partitions)
        if table.status is Status.NOT_BUILT and whole:
            lost.append(table.name)
        else:
            lost += parts
    return lost


def _total(values: Iterable[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None


def _explain(table: TableResult) -> str:
    lines = []
    if table.status is Status.FAILED and not table.partitions:
        at = f" ({table.place})" if table.place else ""
        lines.append(f"{table.name} failed{at}:\n{_indent(table.error or '')}")
    for check in table.own_failed_checks:
        said = check.description or "the check did not pass."
        lines.append(f"{table.name} does not pass its check '{check.name}':\n{_indent(said)}")
    return "\n".join(lines)


def _below(text: str) -> str:
    return f"\n{_indent(text)}" if text else ""


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


@dataclass(frozen=True)
class Step:
    """What one step of a run makes, and of which partition."""

    assets: tuple[dg.AssetKey, ...]
    checks: tuple[dg.AssetCheckKey, ...]
    part: str | None = None

    @classmethod
    def of(cls, made: Iterable[dg.AssetKey | dg.AssetCheckKey], part: str | None = None) -> "Step":
        """A step that makes these tables and checks."""
        keys = list(made)
        return cls(
            tuple(key for key in keys if isinstance(key, dg.AssetKey)),
            tuple(key for key in keys if isinstance(key, dg.AssetCheckKey)),
            part,
        )


_NO_STEP = Step((), ())


class Tally:
    """Keeps the state of a build up to date while its events come in."""

    def __init__(
        self,
        steps: Mapping[str, Step],
        tables: Mapping[dg.AssetKey, Table],
        package: dg.AssetKey,
    ) -> None:
        """`steps`: what each step makes, in order; `package`: the asset that publishes."""
        self.results: dict[dg.AssetKey, TableResult] = {}
        self.finished_steps = 0
        self.needless: set[str] = set()
        self.steps = len(steps)
        # Of those that a cluster runs, in its words.
        self.queued: Mapping[str, str] = {}
        self._steps = steps
        self._parts: dict[tuple[dg.AssetKey, str], TableResult] = {}
        self._running: dict[str, list[str]] = {}
        self._package = package
        self._tables = tables
        self._order = [table.key for table in in_lists(tables)]
        for step in steps.values():
            for key in step.assets:
                self._add(key, step.part, tables.get(key), Status.WAITING)
        for step in steps.values():
            for check in step.checks:
                # A fresh table whose contract has changed is checked and not run.
                table = tables.get(check.asset_key)
                self._add(check.asset_key, step.part, table, Status.CHECKED)
                self.result(check.asset_key, step.part).checks_planned += 1

    def _add(self, key: dg.AssetKey, part: str | None, table: Table | None, status: Status) -> None:
        group, place = (table.group, table.place) if table else ("", "")
        if key not in self.results:
            self.results[key] = TableResult(key.to_user_string(), group, status, place=place)
        if part is not None and table is not None and (key, part) not in self._parts:
            one = TableResult(table.labelled(part), group, status, place=place)
            self._parts[key, part] = one
            self.results[key].partitions.append(one)

    def result(self, key: dg.AssetKey, part: str | None) -> TableResult:
        """What is known of a partition; of the table where it has none."""
        found = self._parts.get((key, part)) if part is not None else None
        return found or self.results[key]

    def hear(self, event: dg.DagsterEvent) -> None:
        """Take in one event."""
        name = event.step_key or ""
        step = self._steps.get(name, _NO_STEP)
        match event.event_type:
            case dg.DagsterEventType.STEP_START:
                self._running[name] = [self.result(k, step.part).name for k in step.assets]
                self._set(step, Status.RUNNING)
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                self._built(event)
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                self._checked(event, step)
            case dg.DagsterEventType.STEP_FAILURE:
                self._finished(name)
                self._failed(event, step)
            case dg.DagsterEventType.STEP_SKIPPED:
                self._finished(name)
                self._skipped(name, step)
            case dg.DagsterEventType.STEP_SUCCESS:
                self._finished(name)
                self._left_out(step)
            case dg.DagsterEventType.HOOK_ERRORED:
                self._hook_failed(event, step)
            case _:
                pass

    def end(self) -> None:
        """Whatever still waits or runs when the run is over was not built."""
        for result in [*self.results.values(), *self._parts.values()]:
            if result.status in (Status.WAITING, Status.RUNNING):
                result.status = Status.NOT_BUILT
            elif result.status is Status.CHECKED and len(result.checks) < result.checks_planned:
                result.status = Status.NOT_CHECKED

    @property
    def tables(self) -> Sequence[TableResult]:
        """The tables, without the data package, in the order of lists."""
        made = {key: one.together() for key, one in self.results.items() if key != self._package}
        return [*(made.pop(key) for key in self._order if key in made), *made.values()]

    @property
    def package(self) -> TableResult | None:
        """The data package, when it is part of the build."""
        return self.results.get(self._package)

    @property
    def running(self) -> list[str]:
        """The names of what runs now."""
        return [name for names in self._running.values() for name in names]

    def _finished(self, step: str) -> None:
        self.finished_steps += 1
        self._running.pop(step, None)

    def _skipped(self, name: str, step: Step) -> None:
        needless = name in self.needless
        self._set(step, Status.FRESH if needless else Status.NOT_BUILT)
        for check in step.checks if needless else ():
            # It passed on just these tables and this contract before.
            result = self.result(check.asset_key, step.part)
            result.checks.append(CheckResult(check.name, passed=True))

    def _left_out(self, step: Step) -> None:
        """What a function need not yield, and has not, is fresh; with a contract it is missing."""
        for key in step.assets:
            result, table = self.result(key, step.part), self._tables.get(key)
            if result.status is Status.RUNNING and table is not None:
                wanted = table.kept in (Kept.TABLE, Kept.FILE)
                result.status = Status.FAILED if wanted else Status.NOT_YIELDED
                result.kept = Kept.NOTHING
                result.error = LEFT_OUT

    def _hook_failed(self, event: dg.DagsterEvent, step: Step) -> None:
        file, line, message = internals.hook_error(event)
        for key in step.assets:
            result, table = self.result(key, step.part), self._tables.get(key)
            place = f"{table.project.relative(file)}:{line} " if table and file else ""
            result.hook_errors.append(f"{place}{message}")

    def _set(self, step: Step, status: Status) -> None:
        for key in step.assets:
            self.result(key, step.part).status = status

    def _built(self, event: dg.DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        if materialization.asset_key not in self.results:
            return
        result = self.result(materialization.asset_key, materialization.partition)
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        result.status = Status.BUILT
        if facts.COLUMNS not in metadata:
            result.kept = Kept.FILE if facts.HASH in metadata else Kept.NOTHING
        result.rows = _whole(metadata.get(facts.ROWS, metadata.get(facts.PARTITION_ROWS)))
        result.size_bytes = _whole(metadata.get(facts.SIZE))
        result.peak_memory_bytes = _whole(metadata.get(facts.PEAK_MEMORY))
        result.reading = ReadingReport.from_metadata(materialization.metadata)
        seconds = metadata.get(facts.SECONDS)
        result.seconds = seconds if isinstance(seconds, float) else None
        schema = metadata.get(facts.COLUMNS)
        result.columns = len(schema.columns) if isinstance(schema, dg.TableSchema) else None

    def _checked(self, event: dg.DagsterEvent, step: Step) -> None:
        evaluation = event.asset_check_evaluation_data
        if evaluation.asset_key in self.results:
            result = self.result(evaluation.asset_key, evaluation.partition or step.part)
            warns = not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.WARN
            said = as_text(evaluation.description or "")
            totals = totals_of(evaluation.metadata)
            check = CheckResult(evaluation.check_name, evaluation.passed, said, warns, totals)
            result.checks.append(check)

    def _failed(self, event: dg.DagsterEvent, step: Step) -> None:
        if internals.was_interrupted(event):
            return
        words = internals.failure_message(event)
        reading = ReadingReport.from_metadata(internals.failure_metadata(event))
        for key in step.assets:
            result = self.result(key, step.part)
            # A function of several tables may have written some before it failed.
            if result.status is not Status.BUILT:
                result.status = Status.FAILED
                result.error = words
                result.reading = reading
        for check in step.checks:
            result = self.result(check.asset_key, step.part)
            # A blocking check that does not pass is in its evaluation and fails its step too.
            if not any(c.name == check.name for c in result.checks):
                result.checks.append(CheckResult(check.name, passed=False, description=words))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
