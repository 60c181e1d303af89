"""What a user asks about: a table, a raw file, or a column of either, found by the name typed."""

from collections.abc import Iterable, Mapping

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.lineage.column_lineage import Ref, TableLineage
from data_package.engine.lineage.trace import Tracer
from data_package.engine.tables.catalogue import Catalogue


def inputs_of(catalogue: Catalogue) -> dict[str, list[str]]:
    """The names of what each table takes."""
    return {
        name: sorted({key.to_user_string() for key in table.inputs.values()})
        for name, table in catalogue.named.items()
    }


def tracer_of(catalogue: Catalogue, tables: Mapping[str, TableLineage]) -> Tracer:
    """The tracer of a project's columns."""
    return Tracer(tables, inputs_of(catalogue))


def find(
    what: str, catalogue: Catalogue, tables: Mapping[str, TableLineage]
) -> tuple[str, str | None]:
    """The table or raw file, and the field, that `table` or `table.field` names.

    Raises ProjectError, with a suggestion, for an unknown name.
    """
    names = [*catalogue.named, *catalogue.deliveries.files]
    if what in names:
        return what, None
    tables_named = [name for name in names if what.startswith(f"{name}.")]
    if not tables_named:
        raise ProjectError(
            f"There is no table or raw file '{what.partition('.')[0]}'."
            f"{did_you_mean(what.partition('.')[0], names)}\n"
            "`data-package status` lists the tables."
        )
    name = max(tables_named, key=len)
    field = what[len(name) + 1 :]
    lineage = tables.get(name, TableLineage())
    if lineage.reason is not None:
        raise ProjectError(
            f"The fields of '{name}' cannot be followed: {lineage.reason}.\n"
            f"Its inputs are {', '.join(inputs_of(catalogue)[name]) or 'none'}."
        )
    known = [*lineage.columns] or sorted(_columns_used(name, tables.values()))
    if field not in known:
        raise ProjectError(
            f"'{name}' has no field '{field}'.{did_you_mean(field, known)}\n"
            f"`data-package lineage {name}` lists its fields."
        )
    return name, field


def fields_of(name: str, tables: Mapping[str, TableLineage]) -> list[Ref]:
    """The fields of a table; of a raw file, those that tables use."""
    lineage = tables.get(name)
    columns = [*lineage.columns] if lineage else sorted(_columns_used(name, tables.values()))
    return [(name, column) for column in columns]


def _columns_used(name: str, tables: Iterable[TableLineage]) -> set[str]:
    return {
        column
        for lineage in tables
        for refs in (*lineage.columns.values(), lineage.rows)
        for table, column in refs
        if table == name
    }
