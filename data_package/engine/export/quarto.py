"""Quarto: a folder of pages for a website or a book of one's own."""

import json
from collections.abc import Callable
from pathlib import Path

from data_package.engine.export.content import ExportedPackage
from data_package.engine.export.documents import write_pages


def write(content: ExportedPackage, folder: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new folder with an index and a page for each table. Quarto runs no code in them."""
    return write_pages(content, folder, "qmd", _head, report)


def _head(title: str) -> str:
    # A title is Markdown, too: https://quarto.org/docs/reference/formats/html.html#title-author
    return f"---\ntitle: {json.dumps(title)}\nengine: markdown\n---\n"
