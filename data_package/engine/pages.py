"""Pages that are one file and closed to everything else.

A page's content security policy names its script and its style by their hashes and forbids all
other sources, so that nothing a name or a description holds can run or call out. Data reach the
script as JSON that cannot end the element it stands in.
"""

import base64
import hashlib
import json


def policy(*, script: str, style: str) -> str:
    """The content security policy of a page with this script and this style, and nothing else."""
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"script-src '{_source(script)}'; style-src '{_source(style)}'"
    )


def embedded(value: object) -> str:
    """JSON that may stand in a script element: it holds nothing that could end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
