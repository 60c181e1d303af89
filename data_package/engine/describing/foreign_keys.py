"""Foreign keys for a first contract: fields whose values are keys of another table."""

from collections.abc import Mapping, Sequence
from typing import cast

import polars as pl

from data_package.engine.schema import Link, link_of
from data_package.engine.schema.contract import Descriptor
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import FINAL, Table


class Keys:
    """The keys of a project's tables, those of tables that are being described among them."""

    def __init__(self, catalogue: Catalogue, tables: Sequence[Table]) -> None:
        """`tables` are being described, and may have no contract yet."""
        self.described = {table.name: table for table in tables}
        self._tables = {table.name: table for table in catalogue.named.values()}
        self._keys: dict[str, str] = {}
        self._refers: dict[str, set[str]] = {}
        self._columns: dict[str, pl.Series] = {}
        self._columns_of: dict[str, list[str]] = {}
        for name, table in self._tables.items():
            if table.contract is not None:
                if len(table.contract.primary_key) == 1:
                    self._keys[name] = table.contract.primary_key[0]
                self._refers[name] = set(table.contract.references)

    def note_key(self, name: str, descriptor: Descriptor) -> None:
        """Know the key that has been inferred for a table without a contract."""
        key = cast("Descriptor", descriptor["schema"]).get("primaryKey")
        if self._tables[name].contract is None and isinstance(key, list) and len(key) == 1:
            self._keys[name] = str(key[0])

    def put_into(
        self, name: str, descriptor: Descriptor
    ) -> tuple[dict[str, object], tuple[str, ...]]:
        """Return a contract with the foreign keys that its table keeps, and notes on others."""
        schema = dict(cast("Descriptor", descriptor["schema"]))
        links = [
            link
            for field in cast("list[Descriptor]", schema["fields"])
            if field["type"] in ("integer", "string")
            and (link := self._link(name, str(field["name"]))) is not None
        ]
        whole = [link for link in links if not link.orphans]
        if whole:
            schema["foreignKeys"] = [link.foreign_key() for link in whole]
            self._refers.setdefault(name, set()).update(link.table for link in whole)
        notes = tuple(f"{name}: {link.note}" for link in links if link.orphans)
        return {**descriptor, "schema": schema}, notes

    def _link(self, name: str, field: str) -> Link | None:
        column = self._column(name, field)
        if column is None:
            return None
        return link_of(field, column, self._targets(name))

    def _targets(self, name: str) -> Mapping[str, tuple[str, pl.Series]]:
        """The keys that a table may refer to, each with its values, by the name of a resource.

        Final tables refer to final tables, since these are published together, and no two tables
        to each other. Tables with the same columns are of one kind, and share keys.
        """
        table = self._tables[name]
        targets: dict[str, tuple[str, pl.Series]] = {}
        for other, key in self._keys.items():
            to = self._tables[other]
            apart = table.group == FINAL and to.group != FINAL
            if other == name or apart or table.resource in self._refers.get(other, ()):
                continue
            if len(self._names(name)) > 1 and self._names(name) == self._names(other):
                continue
            column = self._column(other, key)
            if column is not None:
                targets[to.resource] = (key, column)
        return targets

    def _names(self, name: str) -> list[str]:
        """The columns of a built table; empty if it is not kept as one file."""
        path = self._tables[name].path
        if name not in self._columns_of:
            self._columns_of[name] = list(pl.read_parquet_schema(path)) if path.is_file() else []
        return self._columns_of[name]

    def _column(self, name: str, field: str) -> pl.Series | None:
        """The distinct values of a column of a table as built; None where there is none."""
        table = self._tables[name]
        if not table.is_table or table.partitioned or not table.path.is_file():
            return None
        known = f"{name}\0{field}"
        if known not in self._columns:
            scan = pl.scan_parquet(table.path, glob=False, hive_partitioning=False)
            names = self._names(name)
            if field not in names:
                return None
            distinct = scan.select(pl.nth(names.index(field)).unique())
            self._columns[known] = distinct.collect(engine="streaming").to_series()
        return self._columns[known]
