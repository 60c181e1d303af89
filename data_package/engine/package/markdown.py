"""Plain text in a Markdown document: shown as it is, without any markup.

Escapes are those of https://spec.commonmark.org/0.31.2/#backslash-escapes, for GitHub's extensions
too.
"""

import re

_SIGNS = re.compile(r"[\\`*\[\]<>|~$]|(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_BEGINS = re.compile(r"([-+=#])|(\d+)([.)])")


def line(text: str) -> str:
    """A text in one line, escaped so that it is not markup at any place in a line."""
    plain = " ".join(text.split())
    escaped = _ENTITY.sub(r"\\&", _SIGNS.sub(lambda found: f"\\{found[0]}", plain))
    escaped = re.sub(r"(#+)$", r"\\\1", escaped)
    begins = _BEGINS.match(escaped)
    if begins is None:
        return escaped
    at = begins.start(1) if begins[1] else begins.start(3)
    return f"{escaped[:at]}\\{escaped[at:]}"
