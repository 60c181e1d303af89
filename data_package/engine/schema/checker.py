"""Judge a table batch by batch: one query answers all row-wise rules, keys are gathered.

Only rules that failed in a batch are looked at again, for their rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from data_package.engine.schema.cells import read_column
from data_package.engine.schema.columns import column
from data_package.engine.schema.constraints import field_rules
from data_package.engine.schema.contract import Contract, Field, ForeignKey
from data_package.engine.schema.findings import Findings, Kind
from data_package.engine.schema.keys import (
    Key,
    Reference,
    Reread,
    Uniqueness,
    declared_keys,
    has_null,
)
from data_package.engine.schema.octets import as_text
from data_package.engine.schema.report import Report, Total
from data_package.engine.schema.rules import Rule
from data_package.engine.schema.types import type_of

DEFAULT_LIMIT = 1000
FIRST_ROW = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive rows with their logical values, one column per field.

    `bad` marks the cells that are not of their field's type (their value is null), `blank` the
    rows with no value at all. `rows` are the rows' numbers where they do not simply follow the
    batch before; `structure` lists what is wrong with rows rather than cells, and `unread` marks
    the rows of which not all cells are known.
    """

    frame: pl.DataFrame
    bad: Mapping[str, pl.Series] = field(default_factory=dict)
    blank: pl.Series | None = None
    rows: pl.Series | None = None
    structure: Sequence[tuple[Kind, pl.Series]] = ()
    unread: pl.Series | None = None


class Checker:
    """The state of one check: what was found, and the keys left to compare at the end."""

    def __init__(
        self,
        contract: Contract,
        dtypes: Mapping[str, pl.DataType],
        references: Mapping[str, pl.DataFrame | pl.LazyFrame],
        limit: int,
        *,
        first_row: int = FIRST_ROW,
        looks_again: bool = True,
    ) -> None:
        self._contract = contract
        self._next_row = first_row
        self._first_row = first_row
        self._findings = Findings(limit)
        self._field_order = {each.name: i for i, each in enumerate(contract.fields)}
        self._height = 0
        self._row_numbers: list[pl.Series] | None = None
        self._skipped: list[str] = []
        self._rules = list(_ordered_rules(contract, dtypes))
        bounded = [
            rule for _, rule in self._rules if rule.screen and rule.screen.extreme != "nulls"
        ]
        self._screened = list(dict.fromkeys(rule.field for rule in bounded))
        key_order = 100 * (len(contract.fields) + 1)
        self._uniqueness = [
            (
                Uniqueness(key, contract, dtypes, double=not looks_again),
                _repeat_kind(key, key_order + i),
            )
            for i, key in enumerate(declared_keys(contract, dtypes))
        ]
        self._references = list(self._foreign_keys(dtypes, references, key_order + 500))

    @property
    def rules(self) -> int:
        """How many rules need to see the rows."""
        return len(self._rules) + len(self._uniqueness) + len(self._references)

    def note(self, kind: Kind, rows: Sequence[int]) -> None:
        """Count what is wrong with rows that are not among those to be judged, by their numbers."""
        if rows:
            self._findings.add(kind, len(rows), pl.Series(rows, dtype=pl.Int64))

    def take(self, batch: Batch) -> None:
        """Judge the next batch."""
        numbers = self._number(batch)
        for kind, positions in batch.structure:
            self._add(kind, len(positions), positions, numbers)
        for name, bad in batch.bad.items():
            kind = self._type_kind(self._contract.field(name))
            self._add(kind, int(bad.sum() or 0), bad.arg_true(), numbers)
        self._judge_rows(batch.frame, batch, numbers)
        self._gather_keys(batch.frame)
        self._height += batch.frame.height

    def finish(self, table_level: Sequence[Total], reread: Reread | None = None) -> Report:
        """Compare the keys and return the report, what concerns the whole table first.

        `reread` gives the values of some fields in the rows that a mask selects; it is needed
        when the checker can read the rows again.
        """
        for uniqueness, kind in self._uniqueness:
            self._add_positions(kind, uniqueness.repeats(reread))
        for reference, kind in self._references:
            self._add_positions(kind, reference.dangling())
        return self._findings.report(
            name=self._contract.name,
            rows_checked=self._height,
            table_level=table_level,
            skipped=self._skipped,
        )

    def _judge_rows(self, frame: pl.DataFrame, batch: Batch, numbers: "_Numbers") -> None:
        violations = [(kind, _in_batch(rule, batch)) for kind, rule in self._suspects(frame)]
        for uniqueness, kind in self._uniqueness:
            if kind.rule == "primaryKey":
                null = has_null(uniqueness.key.fields)
                violations.append((_null_kind(kind), _without(null, batch.unread)))
        if not violations:
            return
        counts = frame.select(
            violation.sum().alias(str(i)) for i, (_, violation) in enumerate(violations)
        ).row(0)
        for count, (kind, violation) in zip(counts, violations, strict=True):
            if count:
                where = violation.arg_true().head(max(1, self._findings.room(kind)))
                self._add(kind, count, frame.select(where.alias("at"))["at"], numbers)

    def _suspects(self, frame: pl.DataFrame) -> list[tuple[Kind, Rule]]:
        """Return the rules that some row may break: the extremes of columns clear most of them."""
        schema = frame.schema
        temporal = [name for name in self._screened if schema[name].is_temporal()]
        if temporal:
            frame = frame.with_columns(column(name).to_physical() for name in temporal)
        has_nan = {
            name: bool(frame[name].is_nan().any())
            for name in self._screened
            if schema[name].is_float()
        }
        return [
            (kind, rule)
            for kind, rule in self._rules
            if rule.screen is None
            or (has_nan.get(rule.field) and rule.screen.extreme != "nulls")
            or not rule.screen.clears(rule.screen.measure(frame[rule.field]))
        ]

    def _gather_keys(self, frame: pl.DataFrame) -> None:
        expressions = [
            expression.alias(f"key {i} {j}")
            for i, (uniqueness, _) in enumerate(self._uniqueness)
            for j, expression in enumerate(uniqueness.expressions)
        ]
        for i, (reference, _) in enumerate(self._references):
            expressions.append(reference.expression.alias(f"own {i}"))
            if reference.is_self:
                expressions.append(reference.target_expression.alias(f"target {i}"))
        if not expressions:
            return
        prints = frame.select(expressions)
        for i, (uniqueness, _) in enumerate(self._uniqueness):
            count = len(uniqueness.expressions)
            uniqueness.take([prints[f"key {i} {j}"] for j in range(count)])
        for i, (reference, _) in enumerate(self._references):
            targets = prints[f"target {i}"] if reference.is_self else None
            reference.take(prints[f"own {i}"], targets)

    def _foreign_keys(
        self,
        dtypes: Mapping[str, pl.DataType],
        references: Mapping[str, pl.DataFrame | pl.LazyFrame],
        order: int,
    ) -> Iterator[tuple[Reference, Kind]]:
        for i, key in enumerate(self._contract.foreign_keys):
            label = ", ".join(key.fields)
            if not key.fields or any(name not in dtypes for name in key.fields):
                continue
            target: pl.DataFrame | None = None
            columns: Mapping[str, pl.DataType] = dtypes
            if key.resource is not None and key.resource != self._contract.name:
                if key.resource not in references:
                    what = f"foreign key of {label}: the table {key.resource!r} was not given"
                    self._skipped.append(what)
                    continue
                columns = references[key.resource].collect_schema()
                own = [self._contract.field(name) for name in key.fields]
                target = _target_keys(references[key.resource], key.reference_fields, own)
                comparable = True
            else:
                comparable = self._same_kinds(key)
            where = key.resource or "the table itself"
            note = f"not found in {where} ({', '.join(key.reference_fields)})"
            absent = [name for name in key.reference_fields if name not in columns]
            if absent:
                # Nothing can be found in a field that is not there.
                held = zip(key.reference_fields, key.fields, strict=True)
                target = pl.DataFrame(schema={other: dtypes[name] for other, name in held})
                note += f", which has no field {absent[0]}"
            reference = Reference(
                key.fields, target, key.reference_fields, dtypes, comparable=comparable
            )
            if not reference.comparable:
                note += ", which holds another type"
            yield reference, Kind("foreign-key", "foreignKeys", label, note, order + i)

    def _same_kinds(self, key: ForeignKey) -> bool:
        types = {each.name: _kind(each) for each in self._contract.fields}
        pairs = zip(key.fields, key.reference_fields, strict=False)
        return all(types.get(own) == types.get(other, types.get(own)) for own, other in pairs)

    def _type_kind(self, each: Field) -> Kind:
        note = f"not a value of type {each.type}"
        if each.format != "default":
            note += f" ({each.format})"
        return Kind("type-error", "type", each.name, note, 100 * self._field_order[each.name])

    def _number(self, batch: Batch) -> "_Numbers":
        height = batch.frame.height
        first = self._next_row
        follows = batch.rows is None or (height and batch.rows[0] == first)
        dense = batch.rows is None or (height and batch.rows[-1] - batch.rows[0] == height - 1)
        if not (follows and dense) and self._row_numbers is None:
            self._row_numbers = [pl.int_range(self._first_row, first, eager=True)]
        rows = batch.rows
        self._next_row = first + height if rows is None or not height else int(rows[-1]) + 1
        if self._row_numbers is None:
            return _Numbers(first, None)
        listed = pl.int_range(first, first + height, eager=True) if rows is None else rows
        self._row_numbers.append(listed.cast(pl.Int64))
        return _Numbers(first, self._row_numbers[-1])

    def _add(self, kind: Kind, count: int, positions: pl.Series, numbers: "_Numbers") -> None:
        if count:
            kept = positions.head(max(0, self._findings.room(kind)))
            self._findings.add(kind, count, numbers.of(kept))

    def _add_positions(self, kind: Kind, positions: pl.Series) -> None:
        every = pl.concat(self._row_numbers) if self._row_numbers is not None else None
        self._add(kind, len(positions), positions, _Numbers(self._first_row, every))


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The row numbers of positions: consecutive from `first`, or listed."""

    first: int
    listed: pl.Series | None

    def of(self, positions: pl.Series) -> pl.Series:
        if self.listed is not None:
            return self.listed.gather(positions)
        return positions.cast(pl.Int64) + self.first


def _ordered_rules(
    contract: Contract, dtypes: Mapping[str, pl.DataType]
) -> Iterator[tuple[Kind, Rule]]:
    for position, each in enumerate(contract.fields):
        if each.name in dtypes:
            rules = field_rules(each, dtypes[each.name], required=each.required)
            for i, rule in enumerate(rules, start=1):
                order = 100 * position + i
                yield Kind(rule.code, rule.rule, rule.field, rule.note, order), rule


def _in_batch(rule: Rule, batch: Batch) -> pl.Expr:
    violation = rule.violation()
    if rule.rule == "required":
        violation = _without(violation, batch.bad.get(rule.field))
    return _without(_without(violation, batch.blank), batch.unread)


def _without(violation: pl.Expr, excused: pl.Series | None) -> pl.Expr:
    return violation if excused is None else violation & ~pl.lit(excused)


def _repeat_kind(key: Key, order: int) -> Kind:
    note = "the same as in an earlier row"
    return Kind(key.code, key.rule, ", ".join(key.fields), note, order)


def _null_kind(kind: Kind) -> Kind:
    note = "empty, where the primary key needs a value"
    return Kind(kind.code, kind.rule, kind.field, note, kind.order - 1)


def _target_keys(
    table: pl.DataFrame | pl.LazyFrame, names: Sequence[str], own: Sequence[Field]
) -> pl.DataFrame | None:
    """Return the distinct keys of the table that is referred to, None when it lacks a field.

    What is text in both tables but has another type is read by the field.
    """
    schema = table.collect_schema()
    if any(name not in schema for name in names):
        return None
    keys = table.lazy().select(map(column, names)).unique().collect(engine="streaming")
    keys = keys.select(
        as_text(pl.nth(at), schema[name]).alias(name) for at, name in enumerate(names)
    )
    lexical = [
        read_column(each, keys[name]).values
        for name, each in zip(names, own, strict=True)
        if type_of(each).lexical and schema[name] == pl.String
    ]
    return keys.with_columns(lexical)


def _kind(each: Field) -> str:
    """Return which types have values in common: a month is never equal to a number."""
    return type_of(each).family or each.type
