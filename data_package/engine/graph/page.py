"""The interactive page: the graph, drawn and folded by the page's own script."""

from pathlib import Path

from data_package.engine.graph.looks import style_sheet
from data_package.engine.graph.nodes import FILES, MARKS, WORST, Graph
from data_package.engine.pages import render

_TEMPLATE = Path(__file__).parent / "templates" / "graph.html"
_SHOWN_AT_ONCE = 60


def html(graph: Graph, title: str) -> str:
    """The page, as one file that needs nothing but a browser.

    Groups start folded when there are more nodes than can be read at once.
    """
    data = {
        "files": FILES,
        "marks": MARKS,
        "worst": WORST,
        "fold": len(graph.nodes) > _SHOWN_AT_ONCE,
        "nodes": [
            {
                "n": node.name,
                "g": node.group,
                "s": node.state,
                "i": list(node.inputs),
                "f": [list(fact) for fact in node.facts],
            }
            for node in graph.nodes
        ],
    }
    return render(
        _TEMPLATE, data=data, rules=style_sheet(), title=title, nodes=graph.nodes, marks=MARKS
    )
