"""What the docstring of a function says first."""

import inspect
import re


def first_sentence(text: str | None) -> str | None:
    """The first sentence of a docstring, on one line."""
    if not text or not text.strip():
        return None
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    found = re.match(r"(.+?[.!?])(?=\s+[A-Z(`'\"]|$)", paragraph)
    return found.group(1) if found else paragraph
