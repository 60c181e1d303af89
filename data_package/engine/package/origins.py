"""The origin of a field for the data dictionary: the raw files' columns, in few words.

Columns are named where a field comes from a few of them. Where it comes from many, as when columns
become rows, they are counted and not named: column names may then be those of subjects.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from data_package.engine.lineage.column_lineage import Ref, TableLineage
from data_package.engine.lineage.lookup import inputs_of, tracer_of
from data_package.engine.lineage.tables import lineage_of_tables
from data_package.engine.lineage.trace import Trace, Tracer
from data_package.engine.reach import reached
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

_NAMED = 5
_NO_COLUMN = "no column: a constant, a row number or a count of rows"


@dataclass(frozen=True)
class Origins:
    """Where a table's fields come from.

    Attributes:
        fields: for each field, what it is made of.
        table: the same for the table as a whole: what its rows depend on, or why nothing is known.
        used_by: for each field, the fields of other published tables that are made from it, by
            the names that the package has for them.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    table: str = ""
    used_by: Mapping[str, tuple[Ref, ...]] = field(default_factory=dict)


def origins_of(catalogue: Catalogue, published: Iterable[Table]) -> dict[str, Origins]:
    """Where the fields of the published tables come from, by the name of the resource."""
    published = list(published)
    names = _with_inputs({table.name for table in published}, inputs_of(catalogue))
    tables = [table for table in catalogue.named.values() if table.name in names]
    lineage = lineage_of_tables(catalogue, tables)
    tracer = tracer_of(catalogue, lineage)
    resources = {table.name: table.resource for table in published}
    return {table.resource: _origins(table.name, lineage, tracer, resources) for table in published}


def _origins(
    name: str,
    lineage: Mapping[str, TableLineage],
    tracer: Tracer,
    resources: Mapping[str, str],
) -> Origins:
    own = lineage[name]
    if own.reason is not None:
        return Origins(table=f"Followed as a whole, not field by field: {own.reason}.")
    traces = {column: tracer.trace((name, column)) for column in own.columns}
    rows = {end for column in own.rows for end in _ends(tracer.trace(column), lineage)}
    words = _words(sorted(rows), lineage)
    return Origins(
        fields={
            column: _words(_ends(trace, lineage), lineage) or _NO_COLUMN
            for column, trace in traces.items()
        },
        table=f"Its rows and their order depend on {words}." if words else "",
        used_by={
            column: users
            for column, trace in traces.items()
            if (users := _users(name, trace, resources))
        },
    )


def _ends(trace: Trace, lineage: Mapping[str, TableLineage]) -> list[Ref]:
    """The columns that a field goes back to: of raw files, or the last that can be followed."""
    return sorted(
        step.column
        for step in trace.up
        if step.column[0] not in lineage or lineage[step.column[0]].reason is not None
    )


def _users(name: str, trace: Trace, resources: Mapping[str, str]) -> tuple[Ref, ...]:
    """The fields of other published tables that a field has a part in."""
    reached = (step.column for step in trace.down)
    return tuple(
        sorted(
            (resources[table], column)
            for table, column in reached
            if table in resources and table != name
        )
    )


def _words(columns: Iterable[Ref], lineage: Mapping[str, TableLineage]) -> str:
    """The columns by their files or tables: named if they are few, counted if many."""
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
    known = inputs.keys()
    return reached(names & known, lambda name: known & set(inputs[name]))
