"""A table's columns as Dagster shows them, with the titles and rules of its contract."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from data_package.engine.schema import Contract, Field
from data_package.engine.tables import failures
from data_package.engine.tables.table import Table

# How many codes of a list are shown: every materialization keeps the text in its event.
_SHOWN = 50


def declared_columns(contract: Contract) -> dg.TableSchema:
    """The columns that a contract declares, before there is a file."""
    return dg.TableSchema(
        columns=[_column(field.name, field.type, field, contract) for field in contract.fields],
        constraints=_table_rules(contract),
    )


def written_columns(table: Table | None, schema: Mapping[str, pl.DataType]) -> dg.TableSchema:
    """The columns of a file, with the contract's descriptions where it has any."""
    contract = table.contract if table is not None else None
    fields = {field.name: field for field in contract.fields} if contract is not None else {}
    return dg.TableSchema(
        columns=[
            _column(name, failures.type_name(dtype), fields.get(name), contract)
            for name, dtype in schema.items()
        ],
        constraints=_table_rules(contract) if contract is not None else None,
    )


def _column(name: str, kind: str, field: Field | None, contract: Contract | None) -> dg.TableColumn:
    if field is None or contract is None:
        return dg.TableColumn(name=name, type=kind)
    rules = {k: v for k, v in field.constraints.items() if k not in ("required", "unique")}
    in_key = name in contract.primary_key
    return dg.TableColumn(
        name=name,
        type=kind,
        description=field.description,
        constraints=dg.TableColumnConstraints(
            nullable=not (in_key or field.constraints.get("required")),
            unique=bool(field.constraints.get("unique")) or contract.primary_key == (name,),
            other=[f"{rule}: {_words(value)}" for rule, value in rules.items()],
        ),
    )


def _table_rules(contract: Contract) -> dg.TableConstraints:
    key = contract.primary_key
    rules = [f"primary key: {', '.join(key)}"] if key else []
    rules += [f"unique: {', '.join(names)}" for names in contract.unique_keys]
    rules += [
        f"foreign key: {', '.join(k.fields)} → {k.resource or 'itself'} "
        f"({', '.join(k.reference_fields)})"
        for k in contract.foreign_keys
    ]
    return dg.TableConstraints(other=rules)


def _words(value: object) -> str:
    if not isinstance(value, list | tuple):
        return str(value)
    shown = ", ".join(map(str, value[:_SHOWN]))
    more = len(value) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
