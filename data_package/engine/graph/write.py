"""Writing the graph in one of its formats, and showing the page where there is a display."""

import os
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path

from data_package.engine.errors import ProjectError
from data_package.engine.graph.nodes import Graph, folded
from data_package.engine.graph.page import html
from data_package.engine.graph.picture import png, svg
from data_package.engine.graph.text import dot, mermaid
from data_package.engine.places import GraphFormat
from data_package.engine.project import Project
from data_package.engine.storage import followed, write_private

TEXTS: Mapping[str, Callable[[Graph], str]] = {"mermaid": mermaid, "dot": dot}
FORMATS = tuple(GraphFormat)
_SUFFIXES = {".htm": "html", ".mmd": "mermaid", ".gv": "dot"}
_READABLE = 120


def default_path(form: str, project: Project) -> Path:
    """Where a format of the graph is written by default."""
    return project.places.graph(form)


def format_of(path: Path) -> str | None:
    """The format that a file's name asks for."""
    form = _SUFFIXES.get(path.suffix.lower(), path.suffix.lower().removeprefix("."))
    return form if form in FORMATS else None


def content_of(graph: Graph, form: str, *, title: str, fold: bool | None = None) -> str | bytes:
    """The graph in one of its formats.

    `fold` draws one node for each group; None where there are more nodes than can be read. The
    page folds by itself. Raises ProjectError when a PNG cannot be drawn here.
    """
    if form == "html":
        return html(graph, title)
    if fold if fold is not None else len(graph.nodes) > _READABLE:
        graph = folded(graph, graph.groups)
    if form == "png":
        return png(graph)
    return svg(graph) if form == "svg" else TEXTS[form](graph)


def write(content: str | bytes, path: Path) -> None:
    """Write a format of the graph to its file, readable by its owner alone.

    A device or a pipe is written to, as by any other command, and never replaced. Raises
    ProjectError when the file cannot be written.
    """
    if not path.parent.is_dir():
        raise ProjectError(f"There is no folder {path.parent}. Make it, or choose another.")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        else:
            write_private(followed(path), content)
    except OSError as error:
        raise ProjectError(f"{path} cannot be written: {error.strerror}.") from None


def show(path: Path) -> bool:
    """Open a page in the user's browser; False where there is no display."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    return webbrowser.open(path.resolve().as_uri())
