"""How REDCap writes the choices of a field, and the labels that people format with HTML."""

import html
import re

_TAG = re.compile(r"<[^<>]*>")


def choices(text: str) -> dict[str, str]:
    """The labels by their codes: `1, Yes | 2, No, not yet`."""
    found: dict[str, str] = {}
    for part in re.split(r"\s*(?:\||\\n|\n)\s*", text.strip()):
        code, comma, label = part.partition(",")
        if code.strip():
            found.setdefault(code.strip(), plain(label) if comma else code.strip())
    return found


def plain(text: str) -> str:
    """A label without its HTML, on one line."""
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())
