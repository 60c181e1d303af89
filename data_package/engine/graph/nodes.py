"""What is drawn: raw files and tables, what leads to what, and the state of each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import dagster as dg

from data_package.engine.errors import some
from data_package.engine.notebook import NamedParts
from data_package.engine.project import find_project
from data_package.engine.runs.instance import history_for_reading
from data_package.engine.sources.files import RawFile
from data_package.engine.staleness.lock import Lock, read_lock
from data_package.engine.staleness.status import ProjectStatus, TableStatus, status_of
from data_package.engine.states import State
from data_package.engine.tables import io_manager as noted
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.first_sentence import first_sentence
from data_package.engine.tables.loading import open_project
from data_package.engine.tables.table import Table

_PARTS_NAMED = 6

FILES = "raw files"
FILE = "file"
MARKS = {**{str(state): state.symbol for state in State}, FILE: "▤"}
"""How a state is shown without colour; from the best to the worst, then raw files."""
WORST = (*reversed([str(state) for state in State]), FILE)


@dataclass(frozen=True)
class DrawnNode:
    """A raw file, a table, or a whole group that is folded.

    Attributes:
        name: of the file or the table; of the group where it is folded.
        group: the table's group, or `raw files`.
        state: the word of a `State`, or `file`.
        inputs: the names of what it is made from.
        facts: what else is shown of it, by its label.
        folded: how many it represents, by their state; empty for a single one.
    """

    name: str
    group: str
    state: str
    inputs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    folded: tuple[tuple[str, int], ...] = ()

    @property
    def label(self) -> str:
        """Its name, and how many it represents."""
        count = sum(number for _, number in self.folded)
        what = "file" if self.group == FILES else "table"
        return (
            f"{self.name} ({count} {what}{'s' if count > 1 else ''})" if self.folded else self.name
        )

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {**asdict(self), "facts": dict(self.facts), "folded": dict(self.folded)}


@dataclass(frozen=True, repr=False)
class Graph(NamedParts[DrawnNode]):
    """The nodes: raw files, then tables in the order of lists. It is true when there are any."""

    title: str
    nodes: Sequence[DrawnNode]

    @property
    def edges(self) -> list[tuple[str, str]]:
        """From what is read to what is made of it."""
        names = {node.name for node in self.nodes}
        return [(one, node.name) for node in self.nodes for one in node.inputs if one in names]

    @property
    def groups(self) -> list[str]:
        """The groups, in the order in which they first occur."""
        return list(dict.fromkeys(node.group for node in self.nodes))

    @property
    def parts(self) -> Sequence[DrawnNode]:
        """The nodes."""
        return self.nodes

    def __bool__(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.nodes)

    def __str__(self) -> str:
        """A line for each node: its name, its state and what it is made from."""
        lines = [
            f"  {node.name}: {node.state}"
            + (f", from {', '.join(node.inputs)}" if node.inputs else "")
            for node in self.nodes
        ]
        return "\n".join([f"{self.title}: {len(self.nodes)} nodes", *lines])

    def _repr_svg_(self) -> str:
        """The drawing, for notebooks."""
        from data_package.engine.graph.write import content_of

        return str(content_of(self, "svg", title=self.title))

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {"title": self.title, "nodes": [node.to_dict() for node in self.nodes]}


def graph(project: Path | None = None) -> Graph:
    """The graph of a project, with the state of each table; a notebook draws it.

    `project` is a folder of the project; by default the working directory. Raises ProjectError
    when the project's code or contracts are wrong.
    """
    here = find_project(project)
    catalogue, _ = open_project(here)
    lock = read_lock(here)
    return graph_of(catalogue, status_of(catalogue, lock), lock, with_runs=False)


def graph_of(catalogue: Catalogue, status: ProjectStatus, lock: Lock, *, with_runs: bool) -> Graph:
    """The graph of a project.

    `with_runs` opens Dagster's history to find when each table was last made.
    """
    runs = _last_runs(catalogue) if with_runs else {}
    tables = [
        _table(catalogue.named[one.state.name], one, lock, runs.get(one.state.name, ()))
        for one in status.tables
    ]
    used = {name for node in tables for name in node.inputs}
    others = sorted((used | catalogue.deliveries.files.keys()) - catalogue.named.keys())
    files = [_file(name, catalogue.deliveries.files.get(name), lock) for name in others]
    return Graph(catalogue.project.package, [*files, *tables])


def folded(graph: Graph, groups: Iterable[str]) -> Graph:
    """The graph with one node for each of some groups."""
    chosen = set(groups)
    taken = {node.name for node in graph.nodes if node.group not in chosen}
    names = {group: f"group {group}" if group in taken else group for group in chosen}
    place = {node.name: names.get(node.group, node.name) for node in graph.nodes}
    made: dict[str, DrawnNode] = {}
    counts: dict[str, Counter[str]] = {}
    for node in graph.nodes:
        name = place[node.name]
        inputs = tuple(sorted({place[one] for one in node.inputs if one in place} - {name}))
        if node.group not in chosen:
            made[name] = replace(node, inputs=inputs)
            continue
        before = made.get(name)
        counts.setdefault(name, Counter())[node.state] += 1
        made[name] = DrawnNode(
            name=name,
            group=node.group,
            state=next(state for state in WORST if counts[name][state]),
            inputs=tuple(sorted({*inputs, *(before.inputs if before else ())})),
            folded=tuple((state, counts[name][state]) for state in WORST if counts[name][state]),
        )
    return Graph(graph.title, list(made.values()))


def _table(
    table: Table, status: TableStatus, lock: Lock, run: Sequence[tuple[str, str]]
) -> DrawnNode:
    state = status.state
    entry = lock.whole(table.name)
    contract = table.contract
    relative = table.project.relative
    facts = {
        "state": str(status.standing),
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
        state=str(status.standing),
        inputs=tuple(sorted({key.to_user_string() for key in table.inputs.values()})),
        facts=tuple((label, text) for label, text in facts.items() if text),
    )


def _partitions(status: TableStatus) -> str:
    """How many there are, and which of them are not fresh."""
    parts = status.state.parts
    if not parts:
        return ""
    stale = [str(key) for key in status.state.stale]
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
