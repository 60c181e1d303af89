"""A table's declaration in SQL: columns, keys, NOT NULL, CHECK; for SQLite and DuckDB alike."""

import json
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from data_package.engine.export.content import ExportedTable, primary_key, unique_keys
from data_package.engine.schema.constraints import CONSTRAINTS
from data_package.engine.schema.contract import Field, ForeignKey
from data_package.engine.schema.row_rules import words_of
from data_package.engine.schema.types.field_type import LENGTHS

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
# Extra tables for texts that a database cannot attach to tables and columns.
WORDS = {
    "datapackage_properties": ("property", "value"),
    "datapackage_tables": ("table_name", "title", "description"),
    "datapackage_fields": (
        *("table_name", "position", "field", "type", "title", "description"),
        *("constraints", "categories"),
    ),
    "datapackage_rules": ("table_name", "rule", "description"),
}


def create_table(
    table: ExportedTable,
    types: Mapping[str, str],
    foreign_keys: Sequence[ForeignKey],
    *,
    deferred: bool = False,
    nullable: frozenset[str] = frozenset(),
    has_nan: bool = False,
) -> str:
    """The CREATE TABLE statement of a table.

    Args:
        table: what to declare.
        types: the database's type of each column.
        foreign_keys: those that the database can declare.
        deferred: whether foreign keys are checked when a transaction ends.
        nullable: columns that may hold NULL, even if the contract requires a value.
        has_nan: whether the database has NaN, which satisfies every bound of a contract.
    """
    key = primary_key(table)
    fields = {field.name: field for field in reversed(table.contract.fields)}
    required = declared_required(table) - nullable
    parts = [
        f"{quoted(name)} {types[name]}{' NOT NULL' if name in required else ''}"
        for name in table.columns
    ]
    if key:
        parts.append(f"PRIMARY KEY ({_names(key)})")
    parts += [f"UNIQUE ({_names(names)})" for names in unique_keys(table)]
    for name in table.columns:
        if name in fields:
            dtype = table.columns[name]
            unless = f"isnan({quoted(name)}) OR " if has_nan and dtype.is_float() else ""
            parts += _checks(fields[name], dtype, types[name], unless)
    wait = " DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    for foreign in foreign_keys:
        target = quoted(foreign.resource or table.name)
        parts.append(
            f"FOREIGN KEY ({_names(foreign.fields)}) "
            f"REFERENCES {target} ({_names(foreign.reference_fields)}){wait}"
        )
    body = ",\n  ".join(parts)
    return f"CREATE TABLE {quoted(table.name)} (\n  {body}\n)"


def declared_required(table: ExportedTable) -> frozenset[str]:
    """The columns of a table that must have a value in every row, by its contract."""
    declared = {field.name for field in table.contract.fields if field.required}
    return frozenset(declared | {*primary_key(table)}) & frozenset(table.columns)


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL takes it."""
    return "'" + value.replace("'", "''") + "'"


def words(
    document: Mapping[str, object], tables: Sequence[ExportedTable]
) -> dict[str, list[list[object]]]:
    """The descriptor's texts, as rows of the tables `WORDS`; rules of rows if there are any."""
    rules: list[list[object]] = [
        [one.name, name, says] for one in tables for name, says in words_of(one.contract).items()
    ]
    return {
        **({"datapackage_rules": rules} if rules else {}),
        "datapackage_properties": [
            [name, value if isinstance(value, str) else _json(value)]
            for name, value in document.items()
            if name != "resources"
        ],
        "datapackage_tables": [
            [one.name, one.contract.title, one.contract.description] for one in tables
        ],
        "datapackage_fields": [
            [
                *(one.name, at, field.name, field.type, field.title, field.description),
                _json(field.constraints) if field.constraints else None,
                _json(field.descriptor["categories"]) if field.categories is not None else None,
            ]
            for one in tables
            for at, field in enumerate(one.contract.fields, 1)
        ],
    }


def _checks(field: Field, dtype: pl.DataType, sql_type: str, unless: str) -> Iterator[str]:
    name = quoted(field.name)
    for rule, constraint in CONSTRAINTS.items():
        value = _sql_value(rule, field, dtype, sql_type) if constraint.sql else None
        if value is not None:
            unless_nan = "" if rule in LENGTHS else unless
            yield f"CHECK ({unless_nan}{constraint.sql.format(column=name, value=value)})"


def _sql_value(rule: str, field: Field, dtype: pl.DataType, sql_type: str) -> str | None:
    """What SQL compares with; None where that is not certain."""
    written = field.constraints.get(rule)
    if rule in LENGTHS:
        return str(written) if isinstance(written, int) and dtype in _TEXTS else None
    if rule != "enum":
        comparable = dtype not in (*_TEXTS, pl.Boolean)
        return _literal(written, dtype, sql_type) if comparable else None
    allowed = list(field.categories or ()) or (written if isinstance(written, list) else [])
    literals = [_literal(value, dtype, sql_type) for value in allowed]
    known = [literal for literal in literals if literal is not None]
    return ", ".join(known) if known and len(known) == len(literals) else None


def _literal(value: object, dtype: pl.DataType, sql_type: str) -> str | None:
    """A contract's value as the column holds it; None where that is not certain."""
    if value is None:
        return None
    if dtype in _TEXTS:
        return text(str(value)) if isinstance(value, str) else None
    if dtype == pl.Boolean:
        return str(value).upper() if isinstance(value, bool) else None
    if dtype.is_numeric() and sql_type not in ("TEXT", "VARCHAR"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return repr(value)
    if dtype in (pl.Date, pl.Time) and isinstance(value, str):
        return text(value) if sql_type == "TEXT" else f"CAST({text(value)} AS {sql_type})"
    if isinstance(dtype, pl.Datetime) and isinstance(value, str) and sql_type != "TEXT":
        return f"CAST({text(value)} AS {sql_type})"
    return None


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
