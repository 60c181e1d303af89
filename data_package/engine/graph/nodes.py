"""What is drawn: raw files and tables, what leads to what, and the state of each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from data_package.engine.notebook import NamedParts
from data_package.engine.states import State

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

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {"title": self.title, "nodes": [node.to_dict() for node in self.nodes]}


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
