"""Markdown: a folder of pages for a site of one's own, such as one of MkDocs."""

from collections.abc import Callable
from pathlib import Path

from data_package.engine.export.content import ExportedPackage
from data_package.engine.export.documents import write_pages


def write(content: ExportedPackage, folder: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new folder with an index and a page for each table."""
    return write_pages(content, folder, "md", lambda title: f"# {title}\n", report)
