"""Generated rows that satisfy a contract."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from data_package.engine import schema
from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.schema import Contract, Field
from data_package.engine.schema.columns import column
from data_package.engine.schema.contract import ForeignKey
from data_package.engine.schema.row_rules import AppliedRule, broken_rows
from data_package.engine.schema.types import type_of
from data_package.engine.testing.contracts import contract_of
from data_package.engine.testing.pool import Pool, column_dtype
from data_package.engine.testing.rules import rules_of

_EMPTY_SHARE = 0.1
_ROUNDS = 1000
# So many rows are drawn for each row that satisfies the rules, and so many at once.
_TRIES = 500
_BATCH = 2_000
# So many rules are named where no rows satisfy them.
_NAMED = 3

Row = dict[str, object]


def sample(
    contract: str | Path | Contract,
    rows: int = 20,
    seed: int = 0,
    *,
    project: Project | Path | None = None,
) -> pl.DataFrame:
    """Generate rows that satisfy a contract: types, constraints, patterns, keys, foreign keys.

    `contract` is the name of a table or a raw file of the project, a path or a Contract. Of a
    table given by its name the rows satisfy its row rules too. The same
    seed gives the same rows, and foreign keys point into `sample` of the table that they name with
    the same `rows` and `seed`. Fields that are not required are empty in about a tenth of the rows.

    >>> sample("subjects", rows=50, seed=1)  # doctest: +SKIP

    Returns a frame with the contract's fields, with the types of a file that is read. Raises
    ProjectError, which names the reason, for a contract that so many rows cannot satisfy, or that
    no rows can be generated for.
    """
    rules = (lambda each: rules_of(each, project)) if isinstance(contract, str) else _no_rules
    return Sampler(rows, seed, project, rules=rules).table(contract_of(contract, project))


def _no_rules(_contract: Contract) -> Sequence[AppliedRule]:
    return ()


class Sampler:
    """Tables that belong together: foreign keys point into the tables that they name."""

    def __init__(
        self,
        rows: int,
        seed: int,
        project: Project | Path | None = None,
        known: Mapping[str, Contract] | None = None,
        rules: Callable[[Contract], Sequence[AppliedRule]] = _no_rules,
    ) -> None:
        """`known`: contracts by name, before those that are found in the project.

        `rules`: what gives the row rules of the table of a contract.
        """
        self._rows = rows
        self._seed = seed
        self._project = project
        self._known = known or {}
        self._rules = rules
        self._done: dict[str, pl.DataFrame] = {}
        self._under_way: list[str] = []

    def table(self, contract: Contract) -> pl.DataFrame:
        """The rows of one table; raises ProjectError, see `sample`."""
        if contract.name not in self._done:
            self._under_way.append(contract.name)
            self._done[contract.name] = self._made(contract)
            self._under_way.pop()
        return self._done[contract.name]

    def _made(self, contract: Contract) -> pl.DataFrame:
        chance = random.Random(f"{self._seed}/{contract.name}")  # noqa: S311
        referred = {name: self._referred(name) for name in contract.references}
        rows = _Rows(contract, {each.name: Pool(each, chance) for each in contract.fields}, chance)
        for key in contract.foreign_keys:
            rows.link(key, *referred.get(key.resource or "", (None, contract)))
        frame = self._drawn(rows, contract)
        _judge(frame, contract, {name: target for name, (target, _) in referred.items()})
        return frame

    def _drawn(self, rows: "_Rows", contract: Contract) -> pl.DataFrame:
        """The rows; those that break a rule are drawn again, within bounds."""
        rules = self._rules(contract)
        names = dict.fromkeys(join.table for rule in rules for join in rule.joins)
        partners = {name: self._referred(name)[0].lazy() for name in names}
        made: list[Row] = []
        broken: Counter[str] = Counter()
        tries = 0
        while len(made) < self._rows:
            if rules and tries >= _TRIES * (1 + len(made)):
                often = ", ".join(f"'{name}'" for name, _ in broken.most_common(_NAMED))
                raise ProjectError(
                    f"{contract.name}: of {tries:,} rows that were made up, {len(made):,} satisfy "
                    f"its row rules; most often broken: {often}.\n"
                    "Write a few rows by hand, or let the contract say more of what is allowed."
                )
            # A row that refers to another row of its table must not lose it.
            most = 1 if rules and rows.refers_to_itself else _BATCH
            batch = [rows.next() for _ in range(min(self._rows - len(made), most))]
            tries += len(batch)
            frame = _frame(batch, contract)
            wrong: set[int] = set()
            for rule in rules:
                places = _broken(frame, rule, contract, partners)
                broken[rule.name] += len(places)
                wrong.update(places)
            for at, row in enumerate(batch):
                if at in wrong:
                    rows.forget(row)
                else:
                    made.append(row)
        return _frame(made, contract)

    def _referred(self, name: str) -> tuple[pl.DataFrame, Contract]:
        if name in self._under_way:
            raise ProjectError(
                f"The foreign keys of {' and '.join(self._under_way)} are circular, so no rows "
                "can be generated for them."
            )
        contract = self._known.get(name) or contract_of(name, self._project)
        return self.table(contract), contract


def _broken(
    frame: pl.DataFrame, rule: AppliedRule, contract: Contract, partners: Mapping[str, pl.LazyFrame]
) -> list[int]:
    try:
        return broken_rows(frame, rule, contract, partners)
    except pl.exceptions.PolarsError as error:
        problem = f"the rule '{rule.name}' cannot be applied: {type(error).__name__}."
    raise ProjectError(f"{contract.name}: {problem}\nCorrect it, and build the table.")


def _frame(rows: Sequence[Row], contract: Contract) -> pl.DataFrame:
    return pl.DataFrame(
        {each.name: [row[each.name] for row in rows] for each in contract.fields},
        schema={each.name: column_dtype(each) for each in contract.fields},
    )


def _judge(frame: pl.DataFrame, contract: Contract, others: Mapping[str, pl.DataFrame]) -> None:
    """Raise ProjectError when rows do not satisfy their contract after all."""
    report = schema.check(frame, contract, references=others)
    if not report.ok:
        broken = dict.fromkeys(f"{each.field or 'rows'} ({each.rule})" for each in report.totals)
        raise ProjectError(
            f"{contract.name}: no rows were found that satisfy {', '.join(broken)}.\n"
            "Write a few rows by hand, or loosen the contract."
        )


class _Link:
    """What a foreign key of a row may be: the keys of another table, or of the rows before."""

    def __init__(
        self,
        key: ForeignKey,
        values: Sequence[tuple[object, ...]],
        *,
        own: bool,
        may_be_empty: bool,
        in_key: bool,
    ) -> None:
        self.key = key
        self.values = list(values)
        self.own = own
        self.may_be_empty = may_be_empty
        self.in_key = in_key
        self._deck: list[tuple[object, ...]] = []

    def pick(self, fixed: Row, chance: random.Random) -> tuple[object, ...] | None:
        """A key to refer to, which agrees with what is fixed; None where there is none."""
        at = [place for place, name in enumerate(self.key.fields) if name in fixed]
        if at:
            fits = [v for v in self.values if all(v[i] == fixed[self.key.fields[i]] for i in at)]
            return chance.choice(fits) if fits else None
        if not self.values:
            return None
        if not self.in_key:
            return chance.choice(self.values)
        # Each in turn: a table with one row for each of another needs every one.
        if not self._deck:
            self._deck = chance.sample(self.values, len(self.values))
        return self._deck.pop()

    def give_back(self, key: tuple[object, ...]) -> None:
        """Let a key be picked again, after the others."""
        if self.in_key and not self.own and None not in key:
            self._deck.insert(0, key)


class _Rows:
    """Rows one by one, without repeating a unique value."""

    def __init__(
        self, contract: Contract, pools: Mapping[str, Pool], chance: random.Random
    ) -> None:
        self._contract = contract
        self._pools = pools
        self._chance = chance
        self._keys = [
            *([contract.primary_key] if contract.primary_key else []),
            *contract.unique_keys,
            *((each.name,) for each in contract.fields if each.unique),
        ]
        self._seen: list[set[tuple[object, ...]]] = [set() for _ in self._keys]
        self._links: list[_Link] = []

    def link(self, key: ForeignKey, target: pl.DataFrame | None, contract: Contract) -> None:
        """Let a foreign key point into a table: `target`, None for the table itself."""
        own = [self._contract.field(name) for name in key.fields]
        others = [contract.field(name) for name in key.reference_fields]
        alike = all(_family(one) == _family(other) for one, other in zip(own, others, strict=True))
        values: list[tuple[object, ...]] = []
        if target is not None and alike:
            keys = (
                target.select(column(name) for name in key.reference_fields)
                .drop_nulls()
                .unique(maintain_order=True)
            )
            values = [row for row in keys.rows() if self._may_hold(key, others, row)]
        self._links.append(
            _Link(
                key,
                values,
                own=target is None and alike,
                may_be_empty=not any(map(self._is_needed, own)),
                in_key=any(set(key.fields) & set(names) for names in self._keys),
            )
        )

    def next(self) -> Row:
        """One more row; raises ProjectError when no row is found that repeats nothing."""
        reason = ""
        for _ in range(_ROUNDS):
            row = self._any()
            if isinstance(row, _Link):
                target = row.key.resource or self._contract.name
                reason = f"no row of {target} can be referred to by {', '.join(row.key.fields)}."
                if not (row.own or row.values):
                    break
                continue
            if not any(value is not None for value in row.values()):
                # A row without a value cannot be delivered.
                continue
            keys = [self._key(row, names) for names in self._keys]
            taken = (
                key in seen and None not in key for key, seen in zip(keys, self._seen, strict=True)
            )
            if not any(taken):
                for key, seen in zip(keys, self._seen, strict=True):
                    seen.add(key)
                self._offer(row)
                return row
        few = "the contract allows too few different keys for so many rows.\nAsk for fewer rows."
        raise ProjectError(f"{self._contract.name}: {reason or few}")

    @property
    def refers_to_itself(self) -> bool:
        """Whether a row may refer to another one of its table."""
        return any(link.own for link in self._links)

    def forget(self, row: Row) -> None:
        """Take the last row, or one that none refers to, as not drawn."""
        for names, seen in zip(self._keys, self._seen, strict=True):
            seen.discard(self._key(row, names))
        for link in self._links:
            link.give_back(tuple(row[name] for name in link.key.fields))
            if link.own:
                value = tuple(row[name] for name in link.key.reference_fields)
                link.values = [each for each in link.values if each != value]

    def _key(self, row: Row, names: Sequence[str]) -> tuple[object, ...]:
        return tuple(self._pools[name].meaning(row[name]) for name in names)

    def _offer(self, row: Row) -> None:
        """Let later rows refer to this one, where the table refers to itself."""
        for link in self._links:
            if link.own:
                value = tuple(row[name] for name in link.key.reference_fields)
                others = [self._contract.field(name) for name in link.key.reference_fields]
                if None not in value and self._may_hold(link.key, others, value):
                    link.values.append(value)

    def _may_hold(self, key: ForeignKey, others: Sequence[Field], row: Sequence[object]) -> bool:
        cells = zip(key.fields, others, row, strict=True)
        return all(self._pools[name].may_hold(other, value) for name, other, value in cells)

    def _any(self) -> "Row | _Link":
        """A row, or the foreign key that had nothing to refer to."""
        row = {each.name: self._value(each) for each in self._contract.fields}
        fixed: Row = {}
        for link in self._links:
            referring = self._referring(link, row, fixed)
            if referring is None:
                return link
            fixed |= referring
            row |= fixed
        return row

    def _referring(self, link: _Link, row: Row, fixed: Row) -> Row | None:
        """The values of a foreign key in a row, of which some are fixed by another one."""
        names, others = link.key.fields, link.key.reference_fields
        if link.own and names == others:
            return {}
        # A key is empty as a whole: where one of its fields has a value, all of them have.
        may_be_empty = link.may_be_empty and all(fixed.get(name) is None for name in names)
        if may_be_empty and self._chance.random() < _EMPTY_SHARE:
            return dict.fromkeys(names)
        # The first row refers to itself; so must others where no two rows may refer to one.
        itself = {name: row[other] for name, other in zip(names, others, strict=True)}
        may_be_itself = link.own and not fixed.keys() & set(names)
        if may_be_itself and link.in_key and self._chance.random() < 1 / 2:
            return itself
        picked = link.pick(fixed, self._chance)
        if picked is not None:
            return dict(zip(names, picked, strict=True))
        if may_be_empty:
            return dict.fromkeys(names)
        return itself if may_be_itself else None

    def _value(self, each: Field) -> object:
        if not self._is_needed(each) and self._chance.random() < _EMPTY_SHARE:
            return None
        return self._pools[each.name].next()

    def _is_needed(self, each: Field) -> bool:
        return each.required or each.name in self._contract.primary_key or each.unique


def _family(field: Field) -> tuple[str, pl.DataType]:
    return type_of(field).family or field.type, column_dtype(field)
