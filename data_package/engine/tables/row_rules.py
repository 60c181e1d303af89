"""Rules of rows that a user writes beside a table: found, bound to their tables, and applied.

The rows are judged by `schema.row_rules`. A rule belongs to the check of a contract: its
fingerprint decides whether that check is made again, and never whether its table is.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import dagster as dg
import polars as pl

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.fingerprint import Fingerprinter
from data_package.engine.project import Project
from data_package.engine.schema import Contract, Report
from data_package.engine.schema.row_rules import AppliedRule, Join, Joined, RowRule, with_rule
from data_package.engine.tables import failures
from data_package.engine.tables.first_sentence import first_sentence
from data_package.engine.tables.table import Table, TableRule, place_of

__all__ = ["Joined", "RowRule", "applied", "row_rule", "with_rules"]


def row_rule(
    table: str, *, on: str | Sequence[str] = ()
) -> Callable[[Callable[..., pl.Expr]], RowRule]:
    """Declare a rule that each row of a table must satisfy.

    The function returns an expression that is true for each row that is right; a row for which it
    is null is not judged. It is checked with the table's contract and, like it, holds back the
    tables that use the table, and the data package. Its name and the first sentence of its
    docstring are shown in reports and in the data dictionary.

    A parameter is the name of another table; each row gets the row of it that a foreign key of
    the table's contract points to, or that has the same values in the fields `on`.

    >>> @row_rule("adverse_events")
    ... def end_not_before_start() -> pl.Expr:
    ...     '''An event does not end before it starts.'''
    ...     return pl.col("end") >= pl.col("start")
    >>> @row_rule("visits", on="subject")
    ... def within_the_study(subjects: Joined) -> pl.Expr:
    ...     '''A visit lies within the time of its subject in the study.'''
    ...     return pl.col("day").is_between(subjects.col("first_day"), subjects.col("last_day"))

    Args:
        table: the name of the table.
        on: the fields, with the same names in both tables, by which another table is joined.

    Raises ProjectError where it is not given the name of a table, or a function.
    """
    if not isinstance(table, str):
        raise ProjectError(
            '@row_rule needs the name of a table.\nWrite @row_rule("visits") above the function.'
        )
    fields = (on,) if isinstance(on, str) else tuple(on)

    def declare(function: Callable[..., pl.Expr]) -> RowRule:
        if not inspect.isfunction(function):
            raise ProjectError(
                f'@row_rule("{table}") is above {type(function).__name__}, and not a function.\n'
                "Write it above a function that returns an expression of Polars."
            )
        says = first_sentence(function.__doc__) or function.__name__.replace("_", " ")
        return RowRule(table, function, says, fields)

    return declare


def with_rules(
    tables: Mapping[dg.AssetKey, Table],
    rules: Iterable[RowRule],
    fingerprinter: Fingerprinter,
    project: Project,
) -> dict[dg.AssetKey, Table]:
    """The tables, each with its rules in the order of their names.

    Raises ProjectError for a rule about no table, or about what cannot be joined to it.
    """
    by_name = {table.resource: table for table in tables.values()}
    by_name |= {table.name: table for table in tables.values()}
    bound: dict[dg.AssetKey, dict[str, TableRule]] = {}
    for rule in rules:
        place = place_of(rule.function, project) or rule.name
        table = _table(rule.table, by_name, f"{place}: the rule '{rule.name}'")
        others = bound.setdefault(table.key, {})
        if rule.name in others:
            raise ProjectError(
                f"{place}: '{table.name}' has another rule with the name '{rule.name}'.\n"
                "Give one of them another name."
            )
        others[rule.name] = TableRule(
            name=rule.name,
            says=rule.says,
            function=rule.function,
            joins=tuple(_joins(rule, table, by_name, place)),
            fingerprint=fingerprinter.fingerprint(rule.function).digest,
        )
    return {
        key: replace(table, rules=tuple(rule for _, rule in sorted(bound[key].items())))
        if key in bound
        else table
        for key, table in tables.items()
    }


def applied(
    report: Report,
    frame: pl.LazyFrame,
    table: Table,
    contract: Contract,
    rules: Iterable[TableRule],
    references: Mapping[str, pl.LazyFrame],
) -> Report:
    """A report on a table with what its rules find. Raises dg.Failure where one cannot be applied.

    The message quotes no value.
    """
    failure: BaseException | None = None
    for rule in rules:
        try:
            expression = rule.function(**{join.table: Joined(join.table) for join in rule.joins})
            made = AppliedRule(rule.name, rule.says, expression, rule.joins)
            report = with_rule(report, frame, made, contract, references)
        except failures.INTERRUPTIONS as error:
            failure = failures.wordless(error)
        except BaseException as error:  # noqa: BLE001 (a user's function may raise anything)
            described = failures.describe(
                error,
                name=table.name,
                project=table.project,
                function=rule.function,
                inputs={table.name: frame},
            )
            place = place_of(rule.function, table.project)
            failure = dg.Failure(
                f"The rule '{rule.name}' of '{table.name}', {place}, cannot be applied.\n"
                f"{described.description}"
            )
        if failure is not None:
            raise failure
    return report


def _table(name: str, by_name: Mapping[str, Table], who: str) -> Table:
    table = by_name.get(name)
    if table is None:
        raise ProjectError(
            f"{who} is about '{name}', and no table here has that name."
            f"{did_you_mean(name, by_name)}"
        )
    if not table.is_table:
        raise ProjectError(f"{who} is about '{name}', which is not a table.")
    return table


def _joins(rule: RowRule, table: Table, by_name: Mapping[str, Table], place: str) -> Iterable[Join]:
    who = f"{place}: the rule '{rule.name}'"
    names = list(inspect.signature(rule.function).parameters)
    if rule.on and not names:
        raise ProjectError(
            f"{who} has on=, and no parameter that names the table to join.\n"
            "Give its function that table as a parameter, or remove on=."
        )
    for name in names:
        other = _table(name, by_name, who)
        if other is table:
            raise ProjectError(
                f"{who} takes '{name}', its own table.\nWrite pl.col(…) for its columns."
            )
        if rule.on:
            yield Join(name, rule.on, rule.on)
            continue
        keys = table.contract.foreign_keys if table.contract is not None else ()
        known = [key for key in keys if key.resource == other.resource]
        if len(known) != 1:
            many = "has several foreign keys" if known else "has no foreign key"
            raise ProjectError(
                f"{who}: the contract of '{table.name}' {many} to '{name}'.\n"
                f'Name the fields to join on: @row_rule("{rule.table}", on=["…"])'
            )
        yield Join(name, known[0].fields, known[0].reference_fields)
