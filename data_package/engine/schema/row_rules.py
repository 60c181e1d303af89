"""Rules over several fields of a row, which a Table Schema has no words for.

A rule is an expression of Polars that is true for each row that is right. As with CHECK in SQL, a
row is not judged where the expression is null, because a value that it needs is empty.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from data_package.engine.errors import BuildError, did_you_mean
from data_package.engine.schema.checker import FIRST_ROW
from data_package.engine.schema.columns import TEXTS, column
from data_package.engine.schema.contract import Contract
from data_package.engine.schema.report import SHOWN_ROWS, Report, Total, itemise
from data_package.engine.schema.typed import is_missing

# The word of frictionless for an error of this kind.
CODE = "row-constraint"
_ROW, _RIGHT = "row number of a rule", "verdict of a rule"


@dataclass(frozen=True, slots=True)
class Join:
    """Another table, found by fields of a row: `own` in the row, `other` in that table."""

    table: str
    own: tuple[str, ...]
    other: tuple[str, ...]


class Joined:
    """Another table as a rule receives it: the row of it that belongs to the row that is judged."""

    def __init__(self, table: str) -> None:
        """`table`: its name."""
        self._table = table

    def col(self, name: str) -> pl.Expr:
        """The value in one of its columns; null where no row of it belongs to the row."""
        return column(_joined(self._table, name))


@dataclass(frozen=True)
class RowRule:
    """What `row_rule` makes of a function; called, it gives what the function gives."""

    table: str
    function: Callable[..., pl.Expr]
    says: str
    on: tuple[str, ...] = ()

    def __call__(self, *args: Joined, **kwargs: Joined) -> pl.Expr:
        """The rule's expression."""
        return self.function(*args, **kwargs)

    @property
    def name(self) -> str:
        """The rule's name: its function's."""
        return self.function.__name__


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule as it is applied: its name, what it says, its expression, and the tables it needs."""

    name: str
    says: str
    expression: object
    joins: tuple[Join, ...] = ()


def broken_rows(
    frame: pl.DataFrame,
    rule: AppliedRule,
    contract: Contract,
    references: Mapping[str, pl.LazyFrame],
) -> list[int]:
    """Return the places of the rows that break a rule; the rest is as for `with_rule`."""
    unjudged = Report(contract.name, frame.height, (), itemise([]), max(frame.height, 1))
    report = with_rule(unjudged, frame.lazy(), rule, contract, references)
    return [row - FIRST_ROW for row in report.errors["row"].to_list()]


def with_rule(
    report: Report,
    frame: pl.LazyFrame,
    rule: AppliedRule,
    contract: Contract,
    references: Mapping[str, pl.LazyFrame],
) -> Report:
    """Return a report on a table with the rows that break a rule: their numbers, and no values.

    In text columns the contract's missing values count as null. Rows that the rule does not judge
    are counted in `skipped`. `references` holds the tables that rules join.

    Raises BuildError where the rule is not one condition on the rows of this table, PolarsError
    where its expression fails.
    """
    expression = _expression(rule)
    own = frame.collect_schema()
    held = _without_missing(frame, own, contract)
    for join in rule.joins:
        held = _with_partners(held, own, rule, join, references[join.table])
    names = held.collect_schema().names()
    wanted = expression.meta.root_names()
    named = [name for name in wanted if not _is_pattern(name)]
    _check_columns(rule, named, names)
    kinds = held.select(expression).collect_schema().dtypes()
    if kinds != [pl.Boolean()]:
        given = str(kinds[0]) if len(kinds) == 1 else f"{len(kinds)} columns"
        raise BuildError(
            f"The rule '{rule.name}' gives {given} for a row.\n"
            "Return one expression that is true or false for each row."
        )
    # Beside the other columns an expression of another length fails.
    judged = held.with_columns(expression.alias(_RIGHT)).with_row_index(_ROW, FIRST_ROW)
    wrong = ~pl.col(_RIGHT)
    kept = max(report.limit, SHOWN_ROWS)
    count, unknown, rows = (
        judged.select(
            wrong.sum().alias("count"),
            pl.col(_RIGHT).null_count().alias("unknown"),
            pl.col(_ROW).filter(wrong).head(kept).implode().alias("rows"),
        )
        .collect(engine="streaming")
        .row(0)
    )
    if unknown:
        skipped = f"{unknown:,} row{'' if unknown == 1 else 's'} by {rule.name}: a value is empty"
        report = replace(report, skipped=(*report.skipped, skipped))
    if not count:
        return report
    fields = ", ".join(dict.fromkeys(named))
    note = f"breaks the rule '{rule.says}'"
    total = Total(CODE, rule.name, fields or None, count, tuple(rows[:SHOWN_ROWS]), note)
    added = itemise([(total, rows[: report.limit])])
    errors = pl.concat([report.errors, added]).sort("row", nulls_last=False, maintain_order=True)
    return replace(report, totals=(*report.totals, total), errors=errors)


def with_words(contract: Contract, descriptions: Mapping[str, str]) -> Contract:
    """Return a contract that states rules as text, by name, in `rowRules` of its schema.

    The standard allows properties of one's own: https://datapackage.org/standard/table-schema/
    """
    if not descriptions:
        return contract
    rules = [{"name": name, "description": says} for name, says in descriptions.items()]
    schema = {**contract.schema_descriptor, "rowRules": rules}
    return replace(contract, descriptor={**contract.descriptor, "schema": schema})


def words_of(contract: Contract) -> dict[str, str]:
    """Return the rules that a contract states as text, by name."""
    rules = contract.schema_descriptor.get("rowRules")
    stated = [one for one in rules if isinstance(one, dict)] if isinstance(rules, list) else []
    return {str(one.get("name")): str(one.get("description") or "") for one in stated}


def _expression(rule: AppliedRule) -> pl.Expr:
    given = rule.expression
    if not isinstance(given, pl.Expr):
        raise BuildError(
            f"The rule '{rule.name}' returned {type(given).__name__}.\n"
            'Return an expression of Polars, such as pl.col("end") >= pl.col("start").'
        )
    if given.meta.is_literal(allow_aliasing=True):
        raise BuildError(
            f"The rule '{rule.name}' is the same for every row.\n"
            'Return a condition on columns, such as pl.col("end") >= pl.col("start").'
        )
    return given


def _without_missing(frame: pl.LazyFrame, own: pl.Schema, contract: Contract) -> pl.LazyFrame:
    return frame.with_columns(
        pl.when(~is_missing(each, own[each.name])).then(column(each.name)).alias(each.name)
        for each in contract.fields
        if each.missing_values and own.get(each.name) in TEXTS
    )


def _with_partners(
    frame: pl.LazyFrame, own: pl.Schema, rule: AppliedRule, join: Join, other: pl.LazyFrame
) -> pl.LazyFrame:
    """The rows, each with the columns of the row of another table that belongs to it."""
    columns = other.collect_schema().names()
    _check_columns(rule, join.own, own)
    _check_columns(rule, join.other, columns, of=f" of '{join.table}'")
    renamed = {name: _joined(join.table, name) for name in columns}
    if clash := next((name for name in renamed.values() if name in own), None):
        raise BuildError(
            f"The rule '{rule.name}' cannot join '{join.table}', because its own table has a "
            f"column '{clash}'.\nRename that column."
        )
    keys = other.select(pl.struct(map(column, join.other)).alias("key"), *map(column, join.other))
    repeated = keys.filter(
        pl.all_horizontal(column(name).is_not_null() for name in join.other)
    ).select(pl.col("key").is_duplicated().any())
    if repeated.collect(engine="streaming").item():
        raise BuildError(
            f"The rule '{rule.name}' needs one row of '{join.table}' for each row, and several "
            f"have the same {', '.join(join.other)}.\nName all fields of its key in on=."
        )
    return frame.join(
        other.rename(renamed),
        left_on=list(map(column, join.own)),
        right_on=[column(renamed[name]) for name in join.other],
        how="left",
        coalesce=False,
        maintain_order="left",
    )


def _check_columns(
    rule: AppliedRule, wanted: Iterable[str], held: Iterable[str], *, of: str = ""
) -> None:
    known = list(held)
    for name in wanted:
        if name not in known:
            raise BuildError(
                f"The rule '{rule.name}' needs a column{of} that is not there: '{name}'."
                f"{did_you_mean(name, known)}"
            )


def _joined(table: str, name: str) -> str:
    return f"{table}.{name}"


def _is_pattern(name: str) -> bool:
    return name == "*" or (name.startswith("^") and name.endswith("$"))
