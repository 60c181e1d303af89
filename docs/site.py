"""What the site needs of pages that are written to be read, and tested, as they are."""

import posixpath
import re
from typing import Any

_MARKED = re.compile(r"^(```\w+) (?:no-run|output)\b", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\((\.\./[^)#]*)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_facts: object) -> str:
    """Without the marks for the tests, and without links to what is no page of the site."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[2]))
        return link[1] if target.startswith("..") else link[0]

    return _LINK.sub(kept, _MARKED.sub(r"\1", markdown))
