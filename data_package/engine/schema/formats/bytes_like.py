"""Tests of how a file begins."""

import re
from collections.abc import Callable

# As many bytes as the longest of the signatures needs.
BEGINNING_BYTES = 4096


def starts(*magic: bytes, at: int = 0) -> Callable[[bytes], bool]:
    """Whether one of these is there."""
    return lambda beginning: beginning[at:].startswith(magic)


def zip_with(*names: bytes) -> Callable[[bytes], bool]:
    """Whether it is a zip archive whose first members have one of these in their names."""
    return lambda beginning: (
        beginning.startswith(b"PK\x03\x04") and any(name in beginning for name in names)
    )


def matches(pattern: bytes) -> Callable[[bytes], bool]:
    """Whether a regular expression matches from the beginning; a dot is any byte."""
    form = re.compile(pattern, re.DOTALL)
    return lambda beginning: form.match(beginning) is not None
