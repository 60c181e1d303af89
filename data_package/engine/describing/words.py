"""Words for a first contract: of the docstring, and of contracts that columns come from."""

import inspect
from collections.abc import Mapping
from typing import cast

import polars as pl

from data_package.engine.lineage.column_lineage import Ref, TableLineage
from data_package.engine.lineage.tables import lineage_of_tables
from data_package.engine.schema import Contract, Field
from data_package.engine.schema.contract import Descriptor
from data_package.engine.schema.literals import logical
from data_package.engine.staleness.survey import in_order
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table


class KnownWords:
    """What the project already says about the columns of its tables."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lineage: Mapping[str, TableLineage] | None = None
        self._contracts: dict[str, Contract] = {
            name: table.contract
            for name, table in catalogue.named.items()
            if table.contract is not None
        } | dict(catalogue.delivered.contracts)

    def put_into(self, name: str, descriptor: Descriptor) -> dict[str, object]:
        """Return the contract of a table with the words that are known for it."""
        table = self._catalogue.named[name]
        schema = dict(cast("Descriptor", descriptor["schema"]))
        schema["fields"] = [
            self._field(table, field) for field in cast("list[Descriptor]", schema["fields"])
        ]
        return {**descriptor, "description": _opening(table), "schema": schema}

    def _field(self, table: Table, field: Descriptor) -> dict[str, object]:
        source = self._source((table.name, str(field["name"])))
        if source is None:
            return dict(field)
        made = {**field, "title": source.title, "description": source.description}
        if source.type == field["type"] and self._keeps_categories(table, field, source):
            for key in ("categories", "categoriesOrdered"):
                if key in source.descriptor:
                    made[key] = source.descriptor[key]
            if source.vocabulary is not None:
                made["categories"] = source.vocabulary.named_from(table.contract_path.parent)
        return made

    def _keeps_categories(self, table: Table, field: Descriptor, source: Field) -> bool:
        """Whether each value of a column is a category of the field that it comes from."""
        if not source.categories or table.partitioned:
            return False
        allowed = {logical(source, value) for value in source.categories}
        scan = pl.scan_parquet(table.path, glob=False, hive_partitioning=False)
        place = scan.collect_schema().names().index(str(field["name"]))
        column = scan.select(pl.nth(place)).collect().to_series()
        if not (column.dtype.is_integer() or column.dtype in (pl.String, pl.Categorical, pl.Enum)):
            return False
        held = column.drop_nulls().unique()
        return set(held.to_list()) <= allowed

    def _source(self, column: Ref) -> Field | None:
        """The field with words that a column is a copy of, however far back."""
        seen = {column}
        while True:
            lineage = self._of(column[0])
            if lineage is None or column[1] not in lineage.copies:
                return None
            (column,) = lineage.columns[column[1]]
            if column in seen:
                return None
            seen.add(column)
            contract = self._contracts.get(column[0])
            known = contract is not None and column[1] in {one.name for one in contract.fields}
            field = contract.field(column[1]) if contract is not None and known else None
            if field is not None and (field.title or field.description or field.categories):
                return field

    def _of(self, name: str) -> TableLineage | None:
        if not self._contracts:
            return None
        if self._lineage is None:
            self._lineage = lineage_of_tables(self._catalogue, in_order(self._catalogue))
        return self._lineage.get(name)


def _opening(table: Table) -> str:
    """The first paragraph of the docstring of a table's function."""
    text = inspect.getdoc(table.function) if table.function is not None else None
    return " ".join((text or "").partition("\n\n")[0].split())
