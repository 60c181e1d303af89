"""What XML Schema's regular expressions have and neither of our engines reads as it does.

https://www.w3.org/TR/xmlschema-2/#regexs, which the standard asks for. A pattern with it is
refused: read by other rules it would let wrong values through. Knows no engine.
"""

import re

_ESCAPE = re.compile(r"\\(?:[pP]\{Is\w+\}|[iIcC])")


def unsupported(pattern: str) -> str:
    """Say what in a pattern only XML Schema has, and how to write it; empty where nothing is."""
    in_class = False
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            if found := _ESCAPE.match(pattern, at):
                return f"{found[0]} is XML Schema's own; list the characters instead"
            at += 2
            continue
        if in_class and pattern.startswith("-[", at):
            return (
                "a class that is taken out of another (-[) is XML Schema's own; write "
                "(?![aeiou])[a-z] for [a-z-[aeiou]], or \\[ for the character"
            )
        if not in_class and pattern[at] == "[":
            in_class = True
            # A bracket that comes first is a character of the class.
            at += 1 + pattern.startswith("^", at + 1)
            at += pattern.startswith("]", at)
            continue
        if in_class and pattern[at] == "]":
            in_class = False
        at += 1
    return ""
