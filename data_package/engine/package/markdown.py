"""Words of a descriptor in a Markdown document: plain text, and texts that may be Markdown.

Escapes are those of https://spec.commonmark.org/0.31.2/#backslash-escapes. They are made for
GitHub's extensions too, and for those of others: admonitions, directives, attributes, definitions.
"""

import re

_SIGNS = re.compile(
    r"""
      [\\`*\[\]<>|~${}^] | (?<==)=
    | (?<![^\W_])_ | _(?![^\W_])            # those within words are text everywhere
    | :(?=//) | :(?=[\w+-]+:) | (?<=\bwww)\.
    """,
    re.VERBOSE,
)
_ENTITY = re.compile(r"&(?=#?\w+;)")
_BEGINS = re.compile(r"([-+=#:?/]|!(?=!))|(\d+)([.)])")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HTML = re.compile(r"<(?=[A-Za-z/!?])(?!(?:https?|ftps?|mailto):)")


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


def paragraphs(text: str) -> str:
    """A text that may be Markdown, without HTML, and so that what follows is not part of it.

    A `description` is: https://datapackage.org/standard/data-package/#description
    """
    lines, fence = [], ""
    for one in text.strip().splitlines():
        found = _FENCE.match(one)
        if not fence:
            fence = found[1] if found else ""
            lines.append(one if found else _HTML.sub(r"\\<", one))
            continue
        lines.append(one)
        if found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return "\n".join([*lines, *([fence] if fence else [])])
