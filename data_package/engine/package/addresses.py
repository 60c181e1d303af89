"""Addresses in the data dictionary: by names, so that a link in a paper outlives a new field.

A table's is its name, a field's the table's name, a dot and the field's. Sections of the page begin
with a dot, which no table's address does.
"""

from urllib.parse import quote

# Where `data-package ui` serves the data dictionary.
DICTIONARY = "/data-dictionary"
# What a browser's `encodeURIComponent` leaves as it is.
_PLAIN = "!'()*"


def fragment(table: str, field: str | None = None) -> str:
    """The part of an address behind `#`: for a table, or for one of its fields."""
    # A dot in a table's own name must not be taken for the one before the field.
    own = _quoted(table).replace(".", "%2E")
    return own if field is None else f"{own}.{_quoted(field)}"


def _quoted(name: str) -> str:
    return quote(name, safe=_PLAIN, errors="replace")
