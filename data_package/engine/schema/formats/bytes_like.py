"""Tests of how a file begins."""

import re
from collections.abc import Callable

# As many bytes as the longest of the signatures needs.
BEGINNING_BYTES = 4096


def starts(*magic: bytes, at: int = 0) -> Callable[[bytes], bool]:
    """Whether one of these is there."""
    return lambda beginning: beginning[at:].startswith(magic)


def first_member(beginning: bytes) -> bytes:
    """The name of the first member of a zip archive; empty for what is not one.

    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3.7, says where it is.
    """
    if not beginning.startswith(b"PK\x03\x04"):
        return b""
    return beginning[30 : 30 + int.from_bytes(beginning[26:28], "little")]


def matches(pattern: bytes) -> Callable[[bytes], bool]:
    """Whether a regular expression matches from the beginning; a dot is any byte."""
    form = re.compile(pattern, re.DOTALL)
    return lambda beginning: form.match(beginning) is not None
