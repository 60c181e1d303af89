"""The graph as text for other programs: Mermaid and DOT."""

from data_package.engine.graph.looks import LOOKS, Look, name_of
from data_package.engine.graph.nodes import FILE, MARKS, DrawnNode, Graph

_INK = "#1d2327"
_THICK = 2


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
    lines += [f"  classDef {name_of(state)} {_mermaid_style(LOOKS[state])}" for state in MARKS]
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
                style = _dot_style(LOOKS[node.state])
                lines.append(f"    {_quoted(node.name)} [label={label} {style}];")
        lines.append("  }")
    lines += [f"  {_quoted(a)} -> {_quoted(b)};" for a, b in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: DrawnNode, number: str) -> str:
    text = f'"{MARKS[node.state]} {_mermaid(node.label)}"'
    shape = f"[({text})]" if node.state == FILE else f"({text})"
    return f"{number}{shape}:::{name_of(node.state)}"


def _mermaid_style(look: Look) -> str:
    dashes = f",stroke-dasharray:{look.dashes}" if look.dashes else ""
    thick = ",stroke-width:3px" if look.width >= _THICK else ""
    return f"fill:{look.fill},stroke:{look.ink},color:{_INK}{dashes}{thick}"


def _dot_style(look: Look) -> str:
    border = "bold" if look.width >= _THICK else look.border
    return f'fillcolor="{look.fill}" color="{look.ink}" style="filled,rounded,{border}"'


def _mermaid(text: str) -> str:
    """Text that Mermaid shows unchanged: characters with a meaning are written as numbers."""
    return "".join(
        letter if letter.isalnum() or letter in " _-./()" else f"#{ord(letter)};" for letter in text
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
