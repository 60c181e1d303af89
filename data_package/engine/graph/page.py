"""The interactive page: the graph, drawn and folded by a script that it brings along."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data_package.engine.graph.facts import FILES, MARKS, Graph
from data_package.engine.pages import embedded, policy

_FOLDER = Path(__file__).parent / "templates"
_SHOWN_AT_ONCE = 60


def html(graph: Graph, title: str) -> str:
    """The page, as one file that needs nothing but a browser.

    Groups start folded when there are more nodes than can be read at once.
    """
    style = (_FOLDER / "graph.css").read_text(encoding="utf-8")
    script = (_FOLDER / "graph.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    data = {
        "files": FILES,
        "marks": MARKS,
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
    return environment.get_template("graph.html").render(
        style=style,
        script=script,
        policy=policy(script=script, style=style),
        data=embedded(data),
        title=title,
        nodes=graph.nodes,
        marks=MARKS,
    )
