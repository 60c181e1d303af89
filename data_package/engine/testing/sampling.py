"""Generated rows that satisfy a contract."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.schema import Contract, Field
from data_package.engine.schema.cells import logical_dtype
from data_package.engine.schema.contract import ForeignKey
from data_package.engine.schema.types import type_of
from data_package.engine.testing.contracts import contract_of
from data_package.engine.testing.values import Maker, maker

_EMPTY_SHARE = 0.1
_ROUNDS = 100


def sample(
    contract: str | Path | Contract,
    rows: int = 20,
    seed: int = 0,
    *,
    project: Project | None = None,
) -> pl.DataFrame:
    """Generate rows that satisfy a contract: types, constraints, patterns, keys, foreign keys.

    `contract` is the name of a table or a raw file of the project, a path or a Contract. The same
    seed gives the same rows, and foreign keys point into `sample` of the table that they name with
    the same `rows` and `seed`. Fields that are not required are empty in about a tenth of the rows.

    >>> sample("subjects", rows=50, seed=1)  # doctest: +SKIP

    Returns a frame with the contract's fields, with the types of a file that is read. Raises
    ProjectError for a contract that so many rows cannot satisfy, or that no rows can be generated
    for.
    """
    return _Sampler(rows, seed, project).table(contract_of(contract, project))


class _Sampler:
    def __init__(self, rows: int, seed: int, project: Project | None) -> None:
        self._rows = rows
        self._seed = seed
        self._project = project
        self._done: dict[str, pl.DataFrame] = {}
        self._under_way: list[str] = []

    def table(self, contract: Contract) -> pl.DataFrame:
        if contract.name not in self._done:
            self._under_way.append(contract.name)
            self._done[contract.name] = self._made(contract)
            self._under_way.pop()
        return self._done[contract.name]

    def _made(self, contract: Contract) -> pl.DataFrame:
        chance = random.Random(f"{self._seed}/{contract.name}")  # noqa: S311
        makers = {each.name: maker(each, chance) for each in contract.fields}
        links = [key for key in contract.foreign_keys if key.resource != contract.name]
        referred = {key: self._keys(key) for key in links if key.resource}
        rows = _Rows(contract, makers, referred, chance)
        made = [rows.next() for _ in range(self._rows)]
        for key in contract.foreign_keys:
            if key.resource in (None, "", contract.name):
                _refer_to_itself(made, key, chance)
        return pl.DataFrame(
            {each.name: [row[each.name] for row in made] for each in contract.fields},
            schema={each.name: _dtype(each) for each in contract.fields},
        )

    def _keys(self, key: ForeignKey) -> list[tuple[object, ...]]:
        assert key.resource is not None
        if key.resource in self._under_way:
            raise ProjectError(
                f"The foreign keys of {' and '.join(self._under_way)} are circular, so no rows "
                "can be generated for them."
            )
        frame = self.table(contract_of(key.resource, self._project))
        return frame.select(key.reference_fields).drop_nulls().unique(maintain_order=True).rows()


class _Rows:
    """Rows one by one, without repeating a unique value."""

    def __init__(
        self,
        contract: Contract,
        makers: Mapping[str, Maker],
        referred: Mapping[ForeignKey, Sequence[tuple[object, ...]]],
        chance: random.Random,
    ) -> None:
        self._contract = contract
        self._makers = makers
        self._referred = referred
        self._chance = chance
        self._keys = [
            *([contract.primary_key] if contract.primary_key else []),
            *contract.unique_keys,
            *((each.name,) for each in contract.fields if each.unique),
        ]
        self._seen: list[set[tuple[object, ...]]] = [set() for _ in self._keys]

    def next(self) -> dict[str, object]:
        for _ in range(_ROUNDS):
            row = self._any()
            keys = [tuple(row[name] for name in names) for names in self._keys]
            taken = (
                key in seen and None not in key for key, seen in zip(keys, self._seen, strict=True)
            )
            if not any(taken):
                for key, seen in zip(keys, self._seen, strict=True):
                    seen.add(key)
                return row
        raise ProjectError(
            f"{self._contract.name}: the contract allows too few different keys for so many rows.\n"
            "Ask for fewer rows."
        )

    def _any(self) -> dict[str, object]:
        row = {each.name: self._value(each) for each in self._contract.fields}
        for key, values in self._referred.items():
            if values and not (key.fields and self._may_be_empty(key)):
                row |= dict(zip(key.fields, self._chance.choice(values), strict=True))
            else:
                row |= dict.fromkeys(key.fields)
        return row

    def _value(self, each: Field) -> object:
        needed = each.required or each.name in self._contract.primary_key or each.unique
        if not needed and self._chance.random() < _EMPTY_SHARE:
            return None
        return self._makers[each.name]()

    def _may_be_empty(self, key: ForeignKey) -> bool:
        fields = [self._contract.field(name) for name in key.fields]
        needed = any(each.required or each.name in self._contract.primary_key for each in fields)
        return not needed and self._chance.random() < _EMPTY_SHARE


def _dtype(field: Field) -> pl.DataType:
    return pl.String() if type_of(field).lexical else logical_dtype(field)


def _refer_to_itself(rows: list[dict[str, object]], key: ForeignKey, chance: random.Random) -> None:
    """Let each row refer to an existing one."""
    keys = [tuple(row[name] for name in key.reference_fields) for row in rows]
    for row in rows:
        row |= dict(zip(key.fields, chance.choice(keys), strict=True))
