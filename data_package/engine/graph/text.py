"""The graph as text for other programs: Mermaid and DOT."""

from data_package.engine.graph.facts import MARKS, Graph, Node

# Distinguished by the border too: solid, dashed, dotted, thick.
_MERMAID = {
    "fresh": "fill:#e3f1f0,stroke:#0b6e6b,color:#1d2327",
    "stale": "fill:#fbeedd,stroke:#8a4b08,color:#1d2327,stroke-dasharray:6 3",
    "missing": "fill:#ffffff,stroke:#5a656d,color:#1d2327,stroke-dasharray:2 3",
    "failed": "fill:#fbe4e2,stroke:#a3201a,color:#1d2327,stroke-width:3px",
    "file": "fill:#f3f4f5,stroke:#5a656d,color:#1d2327",
}
_DOT = {
    "fresh": 'fillcolor="#e3f1f0" color="#0b6e6b" style="filled,rounded"',
    "stale": 'fillcolor="#fbeedd" color="#8a4b08" style="filled,rounded,dashed"',
    "missing": 'fillcolor="#ffffff" color="#5a656d" style="filled,rounded,dotted"',
    "failed": 'fillcolor="#fbe4e2" color="#a3201a" style="filled,rounded,bold"',
    "file": 'fillcolor="#f3f4f5" color="#5a656d" style="filled"',
}


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart; each group is a subgraph."""
    number = {node.name: f"n{i}" for i, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for place, group in enumerate(graph.groups):
        lines.append(f'  subgraph g{place}["{_mermaid(group)}"]')
        lines += [
            f"    {_node(node, number[node.name])}" for node in graph.nodes if node.group == group
        ]
        lines.append("  end")
    lines += [f"  {number[a]} --> {number[b]}" for a, b in graph.edges]
    lines += [f"  classDef {state} {style}" for state, style in _MERMAID.items()]
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """A DOT digraph; each group is a cluster."""
    lines = [
        "digraph {",
        "  rankdir=LR;",
        '  node [shape=box fontname="sans-serif"];',
        '  edge [color="#5a656d"];',
    ]
    for place, group in enumerate(graph.groups):
        lines += [f"  subgraph cluster_{place} {{", f"    label={_quoted(group)};"]
        for node in graph.nodes:
            if node.group == group:
                label = _quoted(f"{MARKS[node.state]} {node.label}")
                lines.append(f"    {_quoted(node.name)} [label={label} {_DOT[node.state]}];")
        lines.append("  }")
    lines += [f"  {_quoted(a)} -> {_quoted(b)};" for a, b in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Node, number: str) -> str:
    text = f'"{MARKS[node.state]} {_mermaid(node.label)}"'
    shape = f"[({text})]" if node.state == "file" else f"({text})"
    return f"{number}{shape}:::{node.state}"


def _mermaid(text: str) -> str:
    """Text that Mermaid shows unchanged: characters with a meaning are written as numbers."""
    return "".join(
        letter if letter.isalnum() or letter in " _-./()" else f"#{ord(letter)};" for letter in text
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
