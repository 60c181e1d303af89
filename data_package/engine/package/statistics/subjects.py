"""Who a row is about: the column of each table that identifies subjects, from the contracts' keys.

A package has one table of subjects. The other tables reach it by their foreign keys, directly or
through further tables; a table that does not reach it counts each of its rows as a subject.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.schema import Contract, ForeignKey
from data_package.engine.schema.columns import column

SUBJECT = "__subject__"
_NONE = "none"


@dataclass(frozen=True)
class Subjects:
    """The subjects of a package.

    Attributes:
        key: the table and field that identify subjects, None where every row is a subject.
        undecided: the fields that might be the key, if the contracts leave it open. Nothing is
            counted then: a table of sites must not be taken for one of people, nor the reverse.
    """

    contracts: Mapping[str, Contract]
    key: tuple[str, str] | None = None
    undecided: tuple[str, ...] = ()

    def column(self, table: str) -> str | None:
        """The field of a table that holds the subject, None where it has no such field."""
        return self._column(table, frozenset())

    def is_one_row_each(self, table: str) -> bool:
        """Whether no subject has two rows in a table."""
        if self.key is None or not self.reaches(table):
            return True
        contract, own = self.contracts[table], self.column(table)
        if own is None:
            return False
        unique = [contract.primary_key, *contract.unique_keys]
        return (own,) in unique or contract.field(own).unique

    def reaches(self, table: str) -> bool:
        """Whether the rows of a table belong to subjects."""
        return self.column(table) is not None or self._hop(table, frozenset()) is not None

    def rows(self, table: str, paths: Mapping[str, Path]) -> pl.LazyFrame:
        """The rows of a table, with the subject as a separate column where there is one."""
        frame = _scan(paths[table])
        if self.is_one_row_each(table):
            return frame
        return self._with_subject(frame, table, paths, frozenset())

    def _column(self, table: str, seen: frozenset[str]) -> str | None:
        if self.key is None or table in seen or table not in self.contracts:
            return None
        if table == self.key[0]:
            return self.key[1]
        for key in self.contracts[table].foreign_keys:
            wanted = self._column(key.resource or table, seen | {table})
            if wanted is not None and wanted in key.reference_fields:
                return key.fields[key.reference_fields.index(wanted)]
        return None

    def _hop(self, table: str, seen: frozenset[str]) -> ForeignKey | None:
        """The first foreign key that leads to a table whose rows belong to subjects."""
        if self.key is None or table not in self.contracts:
            return None
        for key in self.contracts[table].foreign_keys:
            other = key.resource or table
            if other in seen | {table}:
                continue
            if self.column(other) is not None or self._hop(other, seen | {table}) is not None:
                return key
        return None

    def _with_subject(
        self, frame: pl.LazyFrame, table: str, paths: Mapping[str, Path], seen: frozenset[str]
    ) -> pl.LazyFrame:
        own = self.column(table)
        if own is not None:
            return frame.with_columns(column(own).alias(SUBJECT))
        hop = self._hop(table, seen)
        assert hop is not None
        assert hop.resource is not None
        other = self._with_subject(_scan(paths[hop.resource]), hop.resource, paths, seen | {table})
        keys = [f"__key_{at}__" for at in range(len(hop.fields))]
        wanted = [
            column(name).alias(key) for name, key in zip(hop.reference_fields, keys, strict=True)
        ]
        found = other.select(*wanted, SUBJECT).unique(keys, keep="any")
        return frame.join(
            found, left_on=[column(name) for name in hop.fields], right_on=keys, how="left"
        )


def subjects_of(contracts: Mapping[str, Contract], setting: str | None) -> Subjects:
    """The subjects of the tables that have these contracts.

    Raises ProjectError when the setting `subject` names a field that does not exist.
    """
    if setting == _NONE:
        return Subjects(contracts)
    if setting is not None:
        return Subjects(contracts, _named(contracts, setting))
    found = sorted(
        {
            (str(key.resource), key.reference_fields[0])
            for contract in contracts.values()
            for key in contract.foreign_keys
            if key.resource is not None
            and key.resource in contracts
            and key.resource != contract.name
            and len(key.reference_fields) == 1
            and not contracts[key.resource].references
        }
    )
    if len(found) > 1:
        return Subjects(contracts, undecided=tuple(f"{table}.{field}" for table, field in found))
    return Subjects(contracts, found[0] if found else None)


def _named(contracts: Mapping[str, Contract], setting: str) -> tuple[str, str]:
    table, _, field = setting.rpartition(".")
    fields = [f"{name}.{each.name}" for name, one in contracts.items() for each in one.fields]
    if setting not in fields:
        raise ProjectError(
            f"pyproject.toml: [tool.data-package] subject names {setting!r}, but no final table "
            f"has that field.{did_you_mean(setting, fields)}\n"
            'Write "table.field", or "none" where every row is a subject.'
        )
    return table, field


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)
