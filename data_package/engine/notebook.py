"""Results as HTML for notebooks: everything is escaped, and nothing in it can run or call out."""

from collections.abc import Iterable, Sequence
from html import escape


def html_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; empty for one without rows."""
    body = "".join(_row("td", row) for row in rows)
    head = _row("th", heads)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>" if body else ""


def _row(kind: str, cells: Sequence[str]) -> str:
    # Notebooks align cells to the right, as in tables of numbers.
    inner = "".join(f'<{kind} style="text-align:left">{escape(cell)}</{kind}>' for cell in cells)
    return f"<tr>{inner}</tr>"


def html_line(text: str) -> str:
    """A line of text; empty for an empty one."""
    return f"<p>{escape(text)}</p>" if text else ""


def html_text(text: str) -> str:
    """A text of several lines, as it is; empty for an empty one."""
    return f"<pre>{escape(text)}</pre>" if text else ""
