"""What came of a build, table by table, gathered from Dagster's events as they happen."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from html import escape

import dagster as dg

from data_package.engine.tables import internals
from data_package.engine.tables import io_manager as facts
from data_package.engine.tables.made import Kept
from data_package.engine.tables.table import Table

# What fails at once often fails for one reason, and the whole must fit a screen.
_TOLD_IN_FULL = 3
_NAMED = 12


class Status(StrEnum):
    """What a build did with a table."""

    WAITING = "waiting"
    RUNNING = "running"
    BUILT = "built"
    FAILED = "failed"
    NOT_BUILT = "not built"
    FRESH = "fresh"
    CHECKED = "checked"


@dataclass(frozen=True)
class CheckResult:
    """One asset check; `description` names rules, fields, counts and rows, never a value.

    `warns` is for one that did not pass and, by its severity, fails nothing.
    """

    name: str
    passed: bool
    description: str = ""
    warns: bool = False


@dataclass
class TableResult:
    """What a build did with one table.

    `kept` is `table`, `file`, or `nothing` where the engine keeps no file of it.
    `raw_file_errors` counts what was wrong in raw files that were read by their contracts, and
    `raw_file_report` says it, without a value.
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
    raw_file_errors: int | None = None
    raw_file_report: str = ""
    kept: str = Kept.TABLE

    @property
    def failed_checks(self) -> list[CheckResult]:
        """The checks that did not pass and should have."""
        return [check for check in self.checks if not check.passed and not check.warns]

    @property
    def warnings(self) -> list[CheckResult]:
        """The checks that did not pass and only warn."""
        return [check for check in self.checks if check.warns]

    @property
    def ok(self) -> bool:
        """Built, and every check passed."""
        done = (Status.BUILT, Status.FRESH, Status.CHECKED)
        return self.status in done and not self.failed_checks


@dataclass(frozen=True)
class BuildResult:
    """What a build did.

    Attributes:
        tables: every table that was stale, in the order of the run. One whose inputs came out as
            they were is `fresh`: it was not run after all.
        fresh: how many tables were fresh from the start.
        package: the data package's facts when it was part of the build.
        seconds: from the start of the command or the call.
    """

    tables: tuple[TableResult, ...]
    package: TableResult | None
    seconds: float
    package_path: str | None
    fresh: int = 0
    run_id: str | None = None

    @property
    def ok(self) -> bool:
        """Everything was built and every check passed."""
        everything = [*self.tables, *([self.package] if self.package else [])]
        return all(table.ok for table in everything)

    def __iter__(self) -> Iterator[TableResult]:
        """The results of the tables, in the order of the run."""
        return iter(self.tables)

    def __contains__(self, name: object) -> bool:
        """Whether a table was part of the build, by its name."""
        return any(table.name == name for table in self.tables)

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        rows = [
            (
                table.name,
                table.group,
                str(table.status),
                "" if table.rows is None else f"{table.rows:,}",
                "" if table.columns is None else str(table.columns),
                "" if table.seconds is None else f"{table.seconds:.1f} s",
                f"{len(table.failed_checks)} failed" if table.failed_checks else "",
            )
            for table in self.tables
        ]
        heads = ("table", "group", "state", "rows", "columns", "time", "checks")
        lines = [_row("th", heads), *(_row("td", row) for row in rows)]
        fresh = f"{self.fresh} fresh from the start, {self.seconds:.1f} s"
        why = "" if self.ok else f"<pre>{escape(self.explain())}</pre>"
        return f"<table>{''.join(lines)}</table><p>{escape(fresh)}</p>{why}"

    def __getitem__(self, name: str) -> TableResult:
        """The result of one table. Raises KeyError for one that the build left alone."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"'{name}' was not part of this build: it was fresh, or is no table")

    def explain(self) -> str:
        """What failed, where, what was therefore not built, and what to do; no value of any row."""
        everything = [*self.tables, *([self.package] if self.package else [])]
        told: dict[str, list[str]] = {}
        for table in everything:
            if not table.ok and (text := _explain(table)):
                told.setdefault(text, []).append(table.name)
        lines = list(told)[:_TOLD_IN_FULL]
        if more := [name for text in list(told)[_TOLD_IN_FULL:] for name in told[text]]:
            lines.append(f"These failed as well: {_some(more)}. Build one of them to read why.")
        if lost := [t.name for t in self.tables if t.status is Status.NOT_BUILT]:
            lines.append(f"Not built because of it: {_some(lost)}.")
        if self.package is not None and not self.package.ok:
            lines.append("Nothing is published; a data package published before is unchanged.")
        return "\n\n".join(lines)

    def accepted(self) -> str:
        """What was wrong in raw files and did not keep their tables from being made."""
        return "\n\n".join(
            f"{table.name} was made all the same:\n{_indent(table.raw_file_report)}"
            for table in self.tables
            if table.raw_file_report
        )

    def warnings(self) -> str:
        """What checks warn of that keep nothing from being built."""
        return "\n".join(
            f"{table.name}: its check '{check.name}' warns"
            f"{':' if check.description else '.'}{_below(check.description)}"
            for table in self.tables
            for check in table.warnings
        )

    def to_dict(self) -> dict[str, object]:
        """The same facts for `json.dumps`."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "package": self.package_path,
            "fresh": self.fresh,
            "tables": [asdict(table) for table in self.tables],
        }

    def to_json(self) -> str:
        """The same facts as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def _row(kind: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{escape(cell)}</{kind}>' for cell in cells)}</tr>"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _explain(table: TableResult) -> str:
    lines = []
    if table.status is Status.FAILED:
        at = f" ({table.place})" if table.place else ""
        lines.append(f"{table.name} failed{at}:\n{_indent(table.error or '')}")
    for check in table.failed_checks:
        said = check.description or "the check did not pass."
        lines.append(f"{table.name} does not pass its check '{check.name}':\n{_indent(said)}")
    return "\n".join(lines)


def _below(text: str) -> str:
    return f"\n{_indent(text)}" if text else ""


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


class Tally:
    """Keeps the state of a build up to date while its events come in."""

    def __init__(
        self,
        steps: Mapping[str, Sequence[dg.AssetKey | dg.AssetCheckKey]],
        tables: Mapping[dg.AssetKey, Table],
        package: dg.AssetKey,
    ) -> None:
        """`steps`: what each step makes, in order; `package`: the asset that publishes."""
        self.results: dict[dg.AssetKey, TableResult] = {}
        self.finished_steps = 0
        self.needless: set[str] = set()
        self.steps = 0
        self._assets_of_step: dict[str, list[dg.AssetKey]] = {}
        self._checks_of_step: dict[str, list[dg.AssetCheckKey]] = {}
        self._package = package
        for step, entities in steps.items():
            self.steps += 1
            made = [key for key in entities if isinstance(key, dg.AssetKey)]
            self._assets_of_step[step] = made
            self._checks_of_step[step] = [k for k in entities if isinstance(k, dg.AssetCheckKey)]
            for key in made:
                self._add(key, tables.get(key), Status.WAITING)
        for checks in self._checks_of_step.values():
            for check in checks:
                if check.asset_key not in self.results:
                    # A fresh table whose contract has changed is checked and not run.
                    self._add(check.asset_key, tables.get(check.asset_key), Status.CHECKED)
                self.results[check.asset_key].checks_planned += 1

    def _add(self, key: dg.AssetKey, table: Table | None, status: Status) -> None:
        self.results[key] = TableResult(
            name=key.to_user_string(),
            group=table.group if table else "",
            status=status,
            place=table.place if table else "",
        )

    def hear(self, event: dg.DagsterEvent) -> None:
        """Take in one event."""
        step = event.step_key or ""
        match event.event_type:
            case dg.DagsterEventType.STEP_START:
                self._set(step, Status.RUNNING)
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                self._built(event)
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                self._checked(event)
            case dg.DagsterEventType.STEP_FAILURE:
                self.finished_steps += 1
                self._failed(event, step)
            case dg.DagsterEventType.STEP_SKIPPED:
                self.finished_steps += 1
                self._skipped(step)
            case dg.DagsterEventType.STEP_SUCCESS:
                self.finished_steps += 1
            case _:
                pass

    def end(self) -> None:
        """Whatever still waits or runs when the run is over was not built."""
        for result in self.results.values():
            if result.status in (Status.WAITING, Status.RUNNING):
                result.status = Status.NOT_BUILT

    @property
    def tables(self) -> Sequence[TableResult]:
        """The tables, without the data package."""
        return [result for key, result in self.results.items() if key != self._package]

    @property
    def package(self) -> TableResult | None:
        """The data package, when it is part of the build."""
        return self.results.get(self._package)

    @property
    def running(self) -> list[str]:
        """The names of what runs now."""
        return [r.name for r in self.results.values() if r.status is Status.RUNNING]

    def _skipped(self, step: str) -> None:
        self._set(step, Status.FRESH if step in self.needless else Status.NOT_BUILT)
        for check in self._checks_of_step.get(step, ()) if step in self.needless else ():
            if check.asset_key in self.results:
                # It passed on just these tables and this contract before.
                self.results[check.asset_key].checks.append(CheckResult(check.name, passed=True))

    def _set(self, step: str, status: Status) -> None:
        for key in self._assets_of_step.get(step, ()):
            self.results[key].status = status

    def _built(self, event: dg.DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        result = self.results.get(materialization.asset_key)
        if result is None:
            return
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        result.status = Status.BUILT
        if facts.COLUMNS not in metadata:
            result.kept = Kept.FILE if facts.HASH in metadata else Kept.NOTHING
        result.rows = _whole(metadata.get(facts.ROWS, metadata.get(facts.PARTITION_ROWS)))
        result.size_bytes = _whole(metadata.get(facts.SIZE))
        result.peak_memory_bytes = _whole(metadata.get(facts.PEAK_MEMORY))
        result.raw_file_errors = _whole(metadata.get(facts.READ_ERRORS))
        result.raw_file_report = str(metadata.get(facts.READ_REPORT) or "")
        seconds = metadata.get(facts.SECONDS)
        result.seconds = seconds if isinstance(seconds, float) else None
        schema = metadata.get(facts.COLUMNS)
        result.columns = len(schema.columns) if isinstance(schema, dg.TableSchema) else None

    def _checked(self, event: dg.DagsterEvent) -> None:
        evaluation = event.asset_check_evaluation_data
        result = self.results.get(evaluation.asset_key)
        if result is not None:
            warns = not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.WARN
            check = CheckResult(
                evaluation.check_name, evaluation.passed, evaluation.description or "", warns
            )
            result.checks.append(check)

    def _failed(self, event: dg.DagsterEvent, step: str) -> None:
        if internals.was_interrupted(event):
            return
        words = internals.failure_message(event)
        for key in self._assets_of_step.get(step, ()):
            # A function of several tables may have written some before it failed.
            if self.results[key].status is not Status.BUILT:
                self.results[key].status = Status.FAILED
                self.results[key].error = words
        for check in self._checks_of_step.get(step, ()):
            result = self.results.get(check.asset_key)
            # A blocking check that does not pass is told by its evaluation and fails its step too.
            if result and not any(c.name == check.name for c in result.checks):
                result.checks.append(CheckResult(check.name, passed=False, description=words))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
