"""A table's contract as blocking Dagster asset checks, and their kept results.

A verdict is kept with the hashes of all that it depends on: the table, its contract, the tables
that its foreign keys point to, and the code that judged. Whoever needs it again (the check, the
data package, the status) finds it or computes it, and never takes one that was about something
else.
"""

import functools
import hashlib
import inspect
import json
import warnings
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import TypeAdapter

from data_package.engine.engine_edition import edition
from data_package.engine.errors import BuildError
from data_package.engine.fingerprint import Fingerprinter
from data_package.engine.project import Project
from data_package.engine.reach import reached
from data_package.engine.schema import Contract, ForeignKey, Report, Total, check
from data_package.engine.storage import HashCache, recalled, remember
from data_package.engine.tables import failures, internals
from data_package.engine.tables.row_rules import applied
from data_package.engine.tables.table import Table, TableRule

CONTRACT_CHECK = "contract"
LATE_CHECK = "foreign_keys"
# What can only be checked over the rows of several partitions.
KEYS_CHECK = "contract_keys"
_PLACED = 4
_FENCE = "```"
# Totals, as the metadata of a check keep them.
_STORED = "data-package/totals"
_TOTALS = TypeAdapter(tuple[Total, ...])


class NotBuilt(dg.Failure):
    """A check needs a table that has not been built: `needed`."""

    def __init__(self, checked: str, needed: str) -> None:
        super().__init__(
            f"The contract of '{checked}' cannot be checked: '{needed}' has not been built. "
            "Build it first."
        )
        self.needed = needed


@dataclass(frozen=True)
class TableCheck:
    """One asset check of a table: its name, and the part of the contract and the rules it covers.

    `by_partition` distinguishes a check of each partition from one of the whole table.
    """

    table: Table
    name: str
    contract: Contract
    blocking: bool
    by_partition: bool = False
    rules: tuple[TableRule, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        """The other tables that are needed, each once."""
        joined = (join.table for rule in self.rules for join in rule.joins)
        return tuple(dict.fromkeys([*self.contract.references, *joined]))

    @property
    def parts(self) -> tuple[str | None, ...]:
        """What is checked as a unit: the keys of partitions, or None for the whole table."""
        return self.table.parts if self.by_partition else (None,)

    @property
    def key(self) -> dg.AssetCheckKey:
        """Dagster's key of the check."""
        return dg.AssetCheckKey(self.table.key, self.name)


@dataclass(frozen=True)
class OwnCheck:
    """A check that the user wrote, in a separate function.

    Attributes:
        fingerprint: the digest of what its function does.
        takes: the names of the assets that it receives, beside the one that it is about.
        by_partition: whether it is made of each partition, and not of the whole table.
    """

    key: dg.AssetCheckKey
    fingerprint: str
    takes: tuple[str, ...]
    by_partition: bool = False


class CheckReports:
    """Contract checks that have been made, each kept with the hashes of what it checked."""

    def __init__(self, project: Project, tables: Mapping[str, Table], hashes: HashCache) -> None:
        """`tables`: all of the project, by name."""
        self._folder = project.places.verdicts
        self._tables = tables
        self._hashes = hashes

    def of(self, item: TableCheck, part: str | None = None) -> Report:
        """The report on the table, or a partition, as it is now; kept where nothing changed.

        Raises NotBuilt when a table that it needs has not been built.
        """
        known = self.known(item, part)
        if known is not None:
            return known
        basis = self._basis(item, part)
        report = self._make(item, part)
        verdict = {"basis": basis, "report": report.to_dict()}
        remember(self.path(item, part), json.dumps(verdict, indent=1))
        return report

    def known(self, item: TableCheck, part: str | None = None) -> Report | None:
        """The report on the table, or a partition, as it is now, if the check has been made."""
        nothing: tuple[str, Report | None] = ("", None)
        basis, report = recalled(self.path(item, part), _verdict, nothing)
        with suppress(dg.Failure):
            if report is not None and basis == self._basis(item, part):
                return report
        return None

    def key_of(self, name: str) -> dg.AssetKey:
        """The key of a table that a foreign key names."""
        return self._tables[name].key

    def mapping_of(self, name: str) -> dg.PartitionMapping | None:
        """A foreign key is checked against all rows of the table that it names."""
        return dg.AllPartitionMapping() if self._tables[name].partitioned else None

    def is_good(self, item: TableCheck, part: str | None = None) -> bool:
        """Whether it is known that nothing is wrong: unknown is not good."""
        known = self.known(item, part)
        return known is not None and known.ok

    def path(self, item: TableCheck, part: str | None = None) -> Path:
        """Where a verdict is kept."""
        name = f"{item.table.resource}.{item.name}"
        if part is None or item.table.partitions is None:
            return self._folder / f"{name}.json"
        return self._folder / name / item.table.partitions.file(part).with_suffix(".json")

    def _basis(self, item: TableCheck, part: str | None) -> str:
        parts = [edition(__name__).digest(), item.contract.validation_digest()]
        parts += [f"{rule.name}={rule.fingerprint} {rule.says} {rule.joins}" for rule in item.rules]
        parts += self._content(item, item.table, part)
        for name in item.references:
            parts += self._content(item, self._tables[name], None)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _content(self, item: TableCheck, table: Table, part: str | None) -> Iterator[str]:
        """A table's file; of a partitioned table, the partitions that have been built."""
        parts = [p for p in (table.parts if part is None else (part,)) if table.file(p).is_file()]
        if not parts:
            raise NotBuilt(item.table.labelled(part), table.labelled(part))
        for each in parts:
            file = table.file(each)
            # The names too: a partition under another key makes another table.
            yield f"{file.name if each is None else each}={self._hashes.hash(file)}"

    def _make(self, item: TableCheck, part: str | None) -> Report:
        scan = item.table.scan(part)
        references = {name: self._tables[name].scan() for name in item.references}
        report = check(scan, item.contract, references=references)
        contract = item.table.contract or item.contract
        report = applied(report, scan, item.table, contract, item.rules, references)
        if part is not None:
            return replace(report, name=item.table.labelled(part))
        return report if report.ok else _with_places(report, item.table)


def _with_places(report: Report, table: Table) -> Report:
    """A report on a partitioned table that names the partitions of the rows."""
    if not table.partitioned:
        return report
    parts = [part for part in table.parts if table.file(part).is_file()]
    heights = [int(table.scan(part).select(pl.len()).collect().item()) for part in parts]
    ends = list(accumulate(heights))

    def placed(total: Total) -> Total:
        # Rows are counted as in a text file, whose first line holds the names.
        at = [(row, bisect_left(ends, row - 1)) for row in total.rows[:_PLACED]]
        where = [f"row {row} is row {row - ends[n] + heights[n]} of {parts[n]}" for row, n in at]
        return replace(total, note=f"{total.note}; {', '.join(where)}") if where else total

    return replace(report, totals=tuple(map(placed, report.totals)))


def _verdict(document: Mapping[str, Any]) -> tuple[str, Report | None]:
    return str(document["basis"]), Report.from_dict(document["report"])


def plan_checks(tables: Mapping[str, Table]) -> list[TableCheck]:
    """Which checks each table gets.

    A blocking check holds back the tables that use its table. A foreign key to a table that is
    itself made from this one cannot do that without waiting for itself, so it becomes a second
    check that holds back only the data package. So does a rule that joins such a table.
    """
    readers: dict[str, set[str]] = {f"table {name}": {f"check {name}"} for name in tables}
    for name, table in tables.items():
        for wanted in table.inputs.values():
            if (needed := wanted.to_user_string()) in tables:
                readers.setdefault(f"check {needed}", set()).add(f"table {name}")

    def following(one: str) -> Collection[str]:
        return readers.get(one, ())

    planned = []
    for name, table in sorted(tables.items()):
        if table.contract is None and not table.rules:
            continue

        def waits_for(others: Collection[str], name: str = name) -> bool:
            """Whether a check that needs other tables would wait for itself; else it is noted."""
            behind = reached([f"check {name}"], following) if others else set()
            if any(f"table {other}" in behind for other in others):
                return True
            for other in others:
                readers[f"table {other}"].add(f"check {name}")
            return False

        contract = table.contract or _any_table(name)
        early: list[ForeignKey] = []
        late: list[ForeignKey] = []
        for key in contract.foreign_keys:
            other = key.resource
            elsewhere = [other] if other and other != name else []
            (late if waits_for(elsewhere) else early).append(key)
        early_rules: list[TableRule] = []
        late_rules: list[TableRule] = []
        for rule in table.rules:
            others = {join.table for join in rule.joins}
            (late_rules if waits_for(others) else early_rules).append(rule)
        across = _across_partitions(contract) if table.partitioned else None
        if across is not None:
            early = [key for key in early if key.resource and key.resource != name]
            planned.append(TableCheck(table, KEYS_CHECK, across, blocking=True))
        planned.append(_part(table, CONTRACT_CHECK, contract, early, early_rules, blocking=True))
        if late or late_rules:
            bare = _bare(contract)
            planned.append(_part(table, LATE_CHECK, bare, late, late_rules, blocking=False))
    return planned


def asset_check(
    item: TableCheck,
    verdicts: CheckReports,
    project: Project,
    as_of: Callable[[dg.AssetCheckExecutionContext, TableCheck], tuple[CheckReports, TableCheck]],
) -> dg.AssetChecksDefinition:
    """The Dagster asset check of a contract; `as_of` gives a run's own view of the table."""
    table = item.table

    with warnings.catch_warnings():
        # Partitions of checks are a preview in Dagster; without them, the result of the partition
        # that was checked last would be shown as the table's.
        warnings.simplefilter("ignore", dg.PreviewWarning)

        @dg.asset_check(
            asset=table.key,
            name=item.name,
            blocking=item.blocking,
            description=_describe(item),
            additional_deps=[
                dg.AssetDep(verdicts.key_of(name), partition_mapping=verdicts.mapping_of(name))
                for name in item.references
            ],
            partitions_def=table.partitions.definition
            if table.partitions is not None and item.by_partition
            else None,
        )
        def contract(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
            run = context.op_execution_context
            asked = (run.partition_key,) if run.has_partition_key else item.parts
            parts = asked if item.by_partition else (None,)
            known, as_run = as_of(context, item)
            return _result([known.of(as_run, part) for part in parts])

    return guarded(contract, table.name, project)


def _across_partitions(contract: Contract) -> Contract | None:
    """What is checked over the rows of all partitions together; None where nothing is."""
    to_itself = tuple(k for k in contract.foreign_keys if k.resource in (None, contract.name))
    unique = any(field.unique for field in contract.fields)
    if not (contract.primary_key or contract.unique_keys or unique or to_itself):
        return None
    fields = [
        replace(field, constraints={"unique": True} if field.unique else {}, categories=None)
        for field in contract.fields
    ]
    return replace(contract, fields=tuple(fields), foreign_keys=to_itself)


def own_checks(
    definition: dg.AssetChecksDefinition, fingerprinter: Fingerprinter
) -> Iterator[OwnCheck]:
    """The checks in a user's definition."""
    function = internals.function_of(definition)
    fingerprint = fingerprinter.fingerprint(function).digest if function else ""
    takes = tuple(sorted(key.to_user_string() for key in definition.keys_by_input_name.values()))
    parted = definition.partitions_def is not None
    for key in definition.check_keys:
        yield OwnCheck(key, fingerprint, takes, parted)


def guarded(
    definition: dg.AssetChecksDefinition, name: str, project: Project
) -> dg.AssetChecksDefinition:
    """The same check, with exceptions that quote no value."""
    function = internals.function_of(definition)
    if function is None:
        return definition
    return internals.check_with_function(
        definition, failures.value_free(_with_result(function, name), name=name, project=project)
    )


def _with_result(function: Callable[..., object], name: str) -> Callable[..., object]:
    """The same function, which fails where Dagster would take no result for a success."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return function
    if inspect.iscoroutinefunction(function):
        return function

    @functools.wraps(function)
    def judged(*args: object, **kwargs: object) -> object:
        result = function(*args, **kwargs)
        if isinstance(result, str) or not isinstance(result, dg.AssetCheckResult | Iterable):
            raise BuildError(
                f"The check '{name}' returned {type(result).__name__}, which is not a result.\n"
                "Return dg.AssetCheckResult(passed=…)."
            )
        return result

    return judged


def _part(
    table: Table,
    name: str,
    contract: Contract,
    keys: Sequence[ForeignKey],
    rules: Sequence[TableRule],
    *,
    blocking: bool,
) -> TableCheck:
    part = replace(contract, foreign_keys=tuple(keys))
    parted = table.partitioned
    return TableCheck(table, name, part, blocking, by_partition=parted, rules=tuple(rules))


def _any_table(name: str) -> Contract:
    """The contract of a table that has rules and no contract: any columns."""
    return Contract(name, {}, fields=(), fields_match="subset")


def _bare(contract: Contract) -> Contract:
    """The same table without anything to check."""
    return replace(
        contract,
        fields=tuple(replace(field, constraints={}, categories=None) for field in contract.fields),
        primary_key=(),
        unique_keys=(),
    )


def _result(reports: Sequence[Report]) -> dg.AssetCheckResult:
    totals = [total for report in reports for total in report.totals]
    records = [
        dg.TableRecord(
            {
                "rule": total.rule,
                "field": total.field or "",
                "count": total.count,
                "rows": ", ".join(map(str, total.rows)),
            }
        )
        for total in totals
    ]
    metadata: dict[str, dg.MetadataValue] = {
        "rows_checked": dg.MetadataValue.int(sum(report.rows_checked for report in reports)),
        "errors": dg.MetadataValue.int(sum(total.count for total in totals)),
    }
    if records:
        metadata["by_rule"] = dg.MetadataValue.table(records)
        metadata[_STORED] = dg.MetadataValue.json(_TOTALS.dump_python(tuple(totals), mode="json"))
    return dg.AssetCheckResult(
        passed=not totals,
        severity=dg.AssetCheckSeverity.ERROR,
        description=as_markdown("\n".join(r.render() for r in reports if not r.ok)) or None,
        metadata=metadata,
    )


def totals_of(metadata: Mapping[str, dg.MetadataValue]) -> tuple[Total, ...]:
    """What the check of a contract found, from its metadata."""
    stored = metadata.get(_STORED)
    return _TOTALS.validate_python(stored.value) if stored is not None else ()


def as_markdown(report: str) -> str:
    """A report as Dagster's pages keep its lines, and every sign in them."""
    return f"{_FENCE}\n{report}\n{_FENCE}" if report else ""


def as_text(description: str) -> str:
    """What `as_markdown` was given; of any other description, the same."""
    fenced = description.startswith(f"{_FENCE}\n") and description.endswith(f"\n{_FENCE}")
    return description[len(_FENCE) + 1 : -len(_FENCE) - 1] if fenced else description


def _describe(item: TableCheck) -> str:
    place = item.table.project.relative(item.contract.path or item.table.name)
    rules = "".join(f"\n\n{rule.name}: {rule.says}" for rule in item.rules)
    if item.name == KEYS_CHECK:
        return f"The keys in {place} hold through all partitions."
    if not item.blocking:
        return f"The foreign keys in {place} that point to tables made from this one hold." + rules
    if item.contract.path is None:
        return f"The rows of the table satisfy its rules.{rules}"
    return f"The table satisfies its contract, {place}.{rules}"
