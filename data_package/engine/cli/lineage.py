"""`data-package lineage`."""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from data_package.engine.cli import completing
from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from rich.table import Table as Grid
    from rich.tree import Tree

    from data_package.engine.lineage.column_lineage import Ref, TableLineage
    from data_package.engine.lineage.trace import Trace, Tracer

_SHOWN = 12


@click.command("lineage")
@click.argument(
    "what", metavar="TABLE.FIELD|TABLE", required=False, shell_complete=completing.fields
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option(
    "--openlineage", is_flag=True, help="Print an OpenLineage event for every table, one per line."
)
def command(what: str | None, as_json: bool, openlineage: bool) -> None:
    """Show what a field is computed from, back to the raw files, and what is computed from it.

    For a TABLE, each field is shown. Raw files can be named too. To derive it, functions are called
    on frames without rows, once for each version of their code.

    Example: data-package lineage subjects.age
    """
    if (what is None) != openlineage or (openlineage and as_json):
        raise click.UsageError("Name a TABLE.FIELD or a TABLE, or ask for --openlineage alone.")
    from data_package.engine.lineage.lookup import find, inputs_of, tracer_of
    from data_package.engine.lineage.tables import lineage_of_tables
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.staleness.survey import in_order
    from data_package.engine.tables.loading import open_project

    project = find_project()
    with progress.loading():
        catalogue, _ = open_project(project)
    with progress.working("following the functions of the tables"):
        tables = lineage_of_tables(catalogue, in_order(catalogue))
    if what is None:
        _print_events(tables, inputs_of(catalogue), project.package)
        return
    name, field = find(what, catalogue, tables)
    tracer = tracer_of(catalogue, tables)
    if field is None:
        _show_table(name, tracer, tables, inputs_of(catalogue), as_json=as_json)
    else:
        trace = tracer.trace((name, field))
        if as_json:
            say(json.dumps(trace.to_dict(), indent=2, ensure_ascii=False))
        else:
            _show_field(trace, tables)


def _print_events(
    tables: "dict[str, TableLineage]", inputs: dict[str, list[str]], namespace: str
) -> None:
    from datetime import UTC, datetime

    from data_package.engine.lineage.openlineage import events

    when = datetime.now(UTC)
    for event in events(tables, inputs, namespace=namespace, when=when):
        say(json.dumps(event, ensure_ascii=False))


def _show_table(
    name: str,
    tracer: "Tracer",
    tables: "dict[str, TableLineage]",
    inputs: dict[str, list[str]],
    *,
    as_json: bool,
) -> None:
    from data_package.engine.lineage.lookup import fields_of
    from data_package.engine.runs import progress

    lineage = tables.get(name)
    columns = fields_of(name, tables)
    if as_json:
        traces = [tracer.trace(column).to_dict() for column in columns]
        facts = {
            "table": name,
            "inputs": inputs.get(name, []),
            "table_level_only": lineage.reason if lineage else None,
            "fields": traces,
        }
        say(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    out = progress.console()
    if lineage is not None and lineage.reason is not None:
        out.print(f"{name} is followed at table level only: {lineage.reason}.", markup=False)
        out.print(f"It is made from {', '.join(inputs[name]) or 'nothing'}.", markup=False)
        return
    out.print(_grid(columns, tracer, is_table=lineage is not None))
    if lineage is not None and lineage.rows:
        out.print(f"\n{_rows(name, sorted(lineage.rows))}", markup=False, soft_wrap=True)


def _grid(columns: "list[Ref]", tracer: "Tracer", *, is_table: bool) -> "Grid":
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False, header_style="bold")
    grid.add_column("field", no_wrap=True)
    titles = ("made of", "raw columns") if is_table else ("part of",)
    for title in titles:
        grid.add_column(title)
    for column in columns:
        found = [sorted(tracer.made_of(column)), tracer.origins(column)]
        if not is_table:
            found = [sorted(tracer.users_of(column))]
        cells = [Text("\n".join(_listed(refs)) or _NOTHING) for refs in found]
        grid.add_row(Text(column[1]), *cells)
    return grid


_NOTHING = "no column"


def _show_field(trace: "Trace", tables: "dict[str, TableLineage]") -> None:
    from data_package.engine.runs import progress

    out = progress.console()
    table, field = trace.column
    up = {step.column: step.next for step in trace.up}
    down = {step.column: step.next for step in trace.down}
    out.print(f"{table}.{field}", style="bold", markup=False)
    if table in tables:
        words = "is made of" if up[trace.column] else "is not computed from a column"
        out.print(_tree(words, trace.column, lambda ref: up.get(ref, ())))
    words = "is part of" if down[trace.column] else "is not used by another field"
    out.print(_tree(words, trace.column, lambda ref: down.get(ref, ())))
    if trace.rows:
        out.print(_rows(table, trace.rows), markup=False, soft_wrap=True)
    for name, reason in trace.unknown.items():
        out.print(f"{name} is followed at table level only: {reason}.", markup=False)


def _tree(words: str, start: "Ref", following: "Callable[[Ref], Iterable[Ref]]") -> "Tree":
    """A tree of columns that expands each column once."""
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(words, style="dim"), guide_style="dim")
    seen: set[Ref] = set()
    waiting = [(start, tree)]
    while waiting:
        column, place = waiting.pop(0)
        for ref in following(column):
            again = ref in seen and bool(tuple(following(ref)))
            node = place.add(Text(f"{ref[0]}.{ref[1]}{' (above)' if again else ''}"))
            if ref not in seen:
                seen.add(ref)
                waiting.append((ref, node))
    return tree


def _rows(table: str, refs: "Iterable[Ref]") -> str:
    words = f"The rows of {table} and their order depend on:"
    return "\n".join([words, *(f"  {line}" for line in _listed(list(refs)))])


def _listed(refs: "list[Ref]") -> list[str]:
    """One reference a line: a terminal that is too narrow would break a name in two."""
    more = len(refs) - _SHOWN
    names = [f"{table}.{column}" for table, column in refs[:_SHOWN]]
    return [*names, f"and {more} more"] if more > 0 else names
