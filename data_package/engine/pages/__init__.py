"""Pages that are one file and load nothing else.

A page's content security policy names its script and its style by their hashes and forbids all
other sources, so that nothing in a name or a description can run or open a connection. Data reach
the script as JSON that cannot end the element it is in.

What does not belong here: what the pages show; each room has its own template, script and style.
"""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_FRAME = Path(__file__).parent


def render(template: Path, *, data: object, rules: str = "", **words: object) -> str:
    """The text of a page: its template in the frame that all pages share.

    The style and the script, if any, are files beside the template, with its name. `data` is what
    the script reads; `rules` go where the style has room for them; `words` are the template's own
    variables, escaped where they are written.
    """
    style = template.with_suffix(".css").read_text(encoding="utf-8")
    style = style.replace("/*rules*/", rules)
    code = template.with_suffix(".js")
    script = code.read_text(encoding="utf-8") if code.is_file() else ""
    return compiled(template).render(
        words,
        style=style,
        script=script,
        policy=_policy(script=script, style=style),
        data=_embedded(data),
    )


def compiled(template: Path) -> "Template":
    """A template as it is rendered; each is compiled once in a process."""
    return _environment(template.parent).get_template(template.name)


@cache
def _environment(folder: Path) -> "Environment":
    """What reads the templates of a folder and those that all pages share."""
    # Gathering the contents of a page needs no template engine.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, _FRAME]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    return environment


def _policy(*, script: str, style: str) -> str:
    """The content security policy of a page with this script and this style, and nothing else."""
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"script-src '{_source(script)}'; style-src '{_source(style)}'"
    )


def _embedded(value: object) -> str:
    """JSON for a script element: it holds nothing that could end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def printable(text: str | None) -> str:
    """A text without signs that change how others are shown, such as the direction of writing."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text or "")
