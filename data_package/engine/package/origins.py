"""What the data dictionary says of where a field comes from: the raw files' columns, in few words.

A name is shown where a field is made of a few columns. Where it is made of many, as when columns
become rows, they are counted and not named: names of columns may then be those of subjects.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from data_package.engine.lineage.asked import inputs_of, tracer_of
from data_package.engine.lineage.facts import Ref, TableLineage
from data_package.engine.lineage.tables import lineage_of_tables
from data_package.engine.lineage.trace import Tracer
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

_NAMED = 5
_NO_COLUMN = "no column: a constant, a row number or a count of rows"


@dataclass(frozen=True)
class Origins:
    """Where a table's fields come from.

    Attributes:
        fields: for each field, what it is made of.
        table: the same for the table as a whole: what its rows rest on, or why nothing is told.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    table: str = ""


def origins_of(catalogue: Catalogue, published: Iterable[Table]) -> dict[str, Origins]:
    """Where the fields of the published tables come from, by the name of the resource."""
    published = list(published)
    names = _with_inputs({table.name for table in published}, inputs_of(catalogue))
    tables = [table for table in catalogue.named.values() if table.name in names]
    lineage = lineage_of_tables(catalogue, tables)
    tracer = tracer_of(catalogue, lineage)
    return {table.resource: _origins(table.name, lineage, tracer) for table in published}


def _origins(name: str, lineage: Mapping[str, TableLineage], tracer: Tracer) -> Origins:
    own = lineage[name]
    if own.reason is not None:
        return Origins(table=f"Followed as a whole and not by its fields: {own.reason}.")
    fields = {
        column: _words(_ends((name, column), lineage, tracer), lineage) or _NO_COLUMN
        for column in own.columns
    }
    rows = _words(sorted(own.rows), {})
    return Origins(fields, f"Which rows there are, and their order, rests on {rows}." * bool(rows))


def _ends(column: Ref, lineage: Mapping[str, TableLineage], tracer: Tracer) -> list[Ref]:
    """The columns that a field goes back to: of raw files, or where it is followed no further."""
    return sorted(
        step.column
        for step in tracer.trace(column).up
        if step.column[0] not in lineage or lineage[step.column[0]].reason is not None
    )


def _words(columns: Iterable[Ref], lineage: Mapping[str, TableLineage]) -> str:
    """The columns by their files or tables: named where they are few, counted where many."""
    by_owner: dict[str, list[str]] = {}
    for owner, column in columns:
        by_owner.setdefault(owner, []).append(column)
    parts = []
    for owner, names in by_owner.items():
        if len(names) > _NAMED:
            words = f"{len(names):,} columns of {owner}"
        else:
            words = ", ".join(f"{owner}.{name}" for name in names)
        parts.append(f"{words} (followed no further)" if owner in lineage else words)
    return ", ".join(parts)


def _with_inputs(names: set[str], inputs: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in inputs and name not in found:
            found.add(name)
            waiting += inputs[name]
    return found
