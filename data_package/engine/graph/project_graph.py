"""The graph of a project: its raw files and tables as nodes, with what is known of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from data_package.engine.errors import some
from data_package.engine.graph.nodes import FILE, FILES, DrawnNode, Graph
from data_package.engine.graph.write import content_of
from data_package.engine.project import find_project
from data_package.engine.runs.instance import history_for_reading
from data_package.engine.sources.files import RawFile
from data_package.engine.staleness.lock import Lock, read_lock
from data_package.engine.staleness.status import ProjectStatus, TableStatus, status_of
from data_package.engine.tables import io_manager as noted
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.first_sentence import first_sentence
from data_package.engine.tables.loading import open_project
from data_package.engine.tables.table import Table

_PARTS_NAMED = 6


class ProjectGraph(Graph):
    """The graph of a project, which a notebook draws."""

    def _repr_svg_(self) -> str:
        """The drawing, for notebooks."""
        return str(content_of(self, "svg", title=self.title))


def graph(project: Path | None = None) -> ProjectGraph:
    """The graph of a project, with the state of each table; a notebook draws it.

    `project` is a folder of the project; by default the working directory. Raises ProjectError
    when the project's code or contracts are wrong.
    """
    here = find_project(project)
    catalogue, _ = open_project(here)
    lock = read_lock(here)
    return graph_of(catalogue, status_of(catalogue, lock), lock, with_runs=False)


def graph_of(
    catalogue: Catalogue, status: ProjectStatus, lock: Lock, *, with_runs: bool
) -> ProjectGraph:
    """The graph of a project.

    `with_runs` opens Dagster's history to find when each table was last made.
    """
    runs = _last_runs(catalogue) if with_runs else {}
    tables = [
        _table(catalogue.named[one.name], one, lock, runs.get(one.name, ()))
        for one in status.tables
    ]
    used = {name for node in tables for name in node.inputs}
    others = sorted((used | catalogue.deliveries.files.keys()) - catalogue.named.keys())
    files = [_file(name, catalogue.deliveries.files.get(name), lock) for name in others]
    return ProjectGraph(catalogue.project.package, [*files, *tables])


def _table(
    table: Table, status: TableStatus, lock: Lock, run: Sequence[tuple[str, str]]
) -> DrawnNode:
    state = status.by_lock
    entry = lock.whole(table.name)
    contract = table.contract
    relative = table.project.relative
    facts = {
        "state": str(status.state),
        "why": "; ".join(map(str, status.causes)),
        "error": state.error or "",
        "title": contract.title if contract else "",
        "description": (contract.description if contract else "") or _docstring(table),
        "function": table.place,
        "contract": relative(table.contract_path) if contract else "",
        "contract state": str(status.contract) if contract else "",
        "fields": str(len(contract.fields)) if contract else "",
        "primary key": ", ".join(contract.primary_key) if contract else "",
        "rows": f"{entry.rows:,}" if entry else "",
        "size": f"{entry.size_bytes:,} bytes" if entry else "",
        "fingerprint": table.fingerprint.digest,
        "data version": entry.data_version if entry else "",
        "partitions": _partitions(status),
        "file": relative(table.path.with_suffix("") if table.partitioned else table.path),
        **dict(run),
    }
    return DrawnNode(
        name=table.name,
        group=table.group,
        state=str(status.state),
        inputs=tuple(sorted({key.to_user_string() for key in table.inputs.values()})),
        facts=tuple((label, text) for label, text in facts.items() if text),
    )


def _partitions(status: TableStatus) -> str:
    """How many there are, and which of them are not fresh."""
    parts = status.by_lock.parts
    if not parts:
        return ""
    stale = [str(key) for key in status.by_lock.stale]
    return f"{len(parts)}; not fresh: {some(stale, _PARTS_NAMED)}" if stale else str(len(parts))


def _docstring(table: Table) -> str:
    return first_sentence(table.function.__doc__ if table.function else None) or ""


def _file(name: str, file: RawFile | None, lock: Lock) -> DrawnNode:
    entry = lock.raw.get(name)
    facts = {
        "path": ", ".join(map(file.place, file.patterns)) if file else "",
        "size": f"{entry.size_bytes:,} bytes" if entry else "",
        "data version": entry.sha256 if entry else "",
    }
    return DrawnNode(name, FILES, FILE, facts=tuple((k, text) for k, text in facts.items() if text))


def _last_runs(catalogue: Catalogue) -> Mapping[str, Sequence[tuple[str, str]]]:
    """When each table was last made, and how long it took."""
    from datetime import datetime

    found: dict[str, Sequence[tuple[str, str]]] = {}
    with history_for_reading(catalogue.project) as instance:
        for record in instance.get_asset_records(list(catalogue.tables)):
            last = record.asset_entry.last_materialization_record
            made = last.asset_materialization if last is not None else None
            if last is None or made is None:
                continue
            when = datetime.fromtimestamp(last.timestamp).astimezone()
            seconds = made.metadata.get(noted.SECONDS)
            facts = [("last made", when.strftime("%Y-%m-%d %H:%M:%S")), ("run", last.run_id)]
            if isinstance(seconds, dg.FloatMetadataValue):
                facts.append(("seconds", f"{seconds.value}"))
            found[record.asset_entry.asset_key.to_user_string()] = facts
    return found
