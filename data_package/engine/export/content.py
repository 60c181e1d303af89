"""What is exported: the tables of a data package, from its descriptor and its files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

import polars as pl

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.schema.contract import Contract, ForeignKey
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.versions.edition import Edition

_IN_CASE = ": their names differ in case only"
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_FAULTS_SHOWN = 12
_MOST_LETTERS = 80


@dataclass(frozen=True)
class ExportedTable:
    """A table to export.

    Attributes:
        path: its Parquet file.
        columns: the columns of the file and their types.
        rows: how many it has.
    """

    name: str
    contract: Contract
    path: Path
    columns: Mapping[str, pl.DataType]
    rows: int

    def scan(self) -> pl.LazyFrame:
        """Its rows."""
        return pl.scan_parquet(self.path, glob=False, hive_partitioning=False)

    def count(self, conditions: Mapping[str, pl.Expr]) -> dict[str, int]:
        """The number of rows in which each condition holds, without those that hold nowhere."""
        if not conditions or not self.rows:
            return {}
        sums = [holds.sum().alias(name) for name, holds in conditions.items()]
        row = self.scan().select(sums).collect(engine="streaming").row(0, named=True)
        return {name: int(count) for name, count in row.items() if count}


@dataclass(frozen=True)
class ExportedPackage:
    """A data package to export.

    Attributes:
        document: its descriptor.
        tables: its tables, each after those that its foreign keys point to, as far as possible.
        notes: messages about the export.
    """

    document: Mapping[str, object]
    tables: Sequence[ExportedTable]
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, edition: Edition) -> "ExportedPackage":
        """The content of an opened data package.

        Raises ProjectError when it has no tables, or lacks files that it names.
        """
        found: dict[str, ExportedTable] = {}
        notes = []
        for name, one in edition.tables.items():
            path = one.file()
            if path is None:
                notes.append(f"{name} is left out: it has no Parquet file.")
                continue
            if one.unread:
                notes.append(f"{name}: {one.unread}.")
            try:
                scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
                columns = dict(scan.collect_schema())
                rows = int(scan.select(pl.len()).collect().item())
            except (OSError, *DAMAGED) as error:
                raise BuildError(
                    f"The table {name} cannot be read from {path}: {type(error).__name__}."
                ) from None
            found[name] = ExportedTable(name, one.contract, path, columns, rows)
        if not found:
            raise ProjectError(f"{edition.label} has no table that could be exported.")
        return cls(edition.document, _ordered(found), notes)

    def refuse_names(
        self, form: str, *, reserved: str | None = None, most_columns: int | None = None
    ) -> None:
        """Raise BuildError when a database cannot hold tables or fields of these names.

        Args:
            form: the name of the database.
            reserved: the prefix of names that belong to the database.
            most_columns: the most columns that a table may have.
        """
        names = [table.name for table in self.tables]
        faults = [f"the tables {a!r} and {b!r}{_IN_CASE}" for a, b in same_but_for_case(names)]
        for table in self.tables:
            faults += [
                f"the fields {a!r} and {b!r} of {table.name!r}{_IN_CASE}"
                for a, b in same_but_for_case(table.columns)
            ]
            if any(not name or "\0" in name for name in (table.name, *table.columns)):
                faults.append(f"{table.name!r}: a name is empty, or contains the character NUL")
            if reserved and table.name.lower().startswith(reserved):
                faults.append(f"the table {table.name!r}: names in {reserved}… belong to {form}")
            if not table.columns:
                faults.append(f"{table.name!r}: it has no fields")
            if most_columns is not None and len(table.columns) > most_columns:
                count = f"{len(table.columns):,} fields; {form} holds {most_columns:,}"
                faults.append(f"{table.name!r}: it has {count}")
        refuse(form, faults)

    def keys_to(self, table: ExportedTable) -> list[ForeignKey]:
        """The foreign keys of a table that a database can declare.

        The target must be in the export and unique, and of the same types; others are noted.
        """
        kept = []
        by_name = {one.name: one for one in self.tables}
        for key in table.contract.foreign_keys:
            target = by_name.get(key.resource or table.name)
            why = _hindrance(table, key, target)
            if why:
                there = key.resource or table.name
                self.notes.append(
                    f"{table.name}: the foreign key {', '.join(key.fields)} → {there} is not "
                    f"declared: {why}."
                )
            else:
                kept.append(key)
        return kept


def refuse(form: str, faults: Sequence[str], others: str = "csv or xlsx") -> None:
    """Raise BuildError if a format cannot hold the package; `others` name formats that can."""
    if not faults:
        return
    listed = "\n".join(f"  - {fault}" for fault in faults[:_FAULTS_SHOWN])
    more = len(faults) - _FAULTS_SHOWN
    raise BuildError(
        f"{form} cannot hold the package, and nothing was written:\n{listed}\n"
        + (f"  … and {more:,} more\n" if more > 0 else "")
        + f"Change them, or export to {others} instead."
    )


def values(count: int, what: str = "value") -> str:
    """A number of things, in words."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def file_name(name: str, ending: str, taken: set[str]) -> str:
    """A safe file name for a table, unique in the folder even where case does not count."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in name).lstrip(".")
    safe = plain[:_MOST_LETTERS] or "table"
    made, number = f"{safe}{ending}", 1
    while made.lower() in taken:
        number += 1
        made = f"{safe}-{number}{ending}"
    taken.add(made.lower())
    return made


def same_but_for_case(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ in the case of A to Z only, which databases do not distinguish."""
    first: dict[str, str] = {}
    return [
        (first[low], name)
        for name in names
        if first.setdefault(low := name.translate(_LOWER), name) != name
    ]


def unique_keys(table: ExportedTable) -> list[tuple[str, ...]]:
    """The unique keys besides the primary one; their fields are all in the table."""
    single = [(one.name,) for one in table.contract.fields if one.unique]
    found = dict.fromkeys([*single, *table.contract.unique_keys])
    return [
        key
        for key in found
        if key and key != table.contract.primary_key and all(name in table.columns for name in key)
    ]


def primary_key(table: ExportedTable) -> tuple[str, ...]:
    """The fields of the primary key, empty where not all of them are in the table."""
    key = table.contract.primary_key
    return key if all(name in table.columns for name in key) else ()


def _hindrance(table: ExportedTable, key: ForeignKey, target: ExportedTable | None) -> str:
    if target is None:
        return "there is no such table in the export"
    if not all(name in table.columns for name in key.fields):
        return "a field of it is missing"
    if key.reference_fields not in [primary_key(target), *unique_keys(target)]:
        return "its target is not declared unique"
    pairs = zip(key.fields, key.reference_fields, strict=False)
    if any(_family(table.columns[a]) != _family(target.columns[b]) for a, b in pairs):
        return "its target has another type"
    return ""


def _family(dtype: pl.DataType) -> object:
    return pl.String() if dtype in (pl.String, pl.Categorical, pl.Enum) else dtype


def _ordered(tables: Mapping[str, ExportedTable]) -> list[ExportedTable]:
    """Each table after its targets; tables in a cycle in the order of the package."""
    done: dict[str, ExportedTable] = {}
    waiting = dict(tables)
    while waiting:
        ready = [
            name
            for name, one in waiting.items()
            if not any(target in waiting for target in one.contract.references)
        ]
        for name in ready or [next(iter(waiting))]:
            done[name] = waiting.pop(name)
    return list(done.values())
