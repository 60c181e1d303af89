"""What a descriptor says to the world: its words and its addresses, which leave the machine.

An address is one that a browser may open, or a path within the package, as the profile has it
(https://datapackage.org/standard/glossary/#url-or-path); the profile alone would let `javascript:`
through. Words hold nothing that steers a terminal or turns a line of text around.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from unicodedata import category
from urllib.parse import unquote, urlsplit

from data_package.engine.schema.document import Path

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_WEB = ("http", "https", "ftp", "ftps")
_NEVER = re.compile(r"[\s\"'<>\\^`{|}\x00-\x20\x7f-\xa0]")
_EMAIL = re.compile(r"[^@\s\"'<>(),;:\\]+@[^@\s\"'<>(),;:\\/]+")
# Where a control character is a rule of reading, or a value of the data.
_NOT_WORDS = frozenset(
    (
        *("dialect", "missingValues", "trueValues", "falseValues", "decimalChar", "groupChar"),
        *("delimiter", "constraints", "example", "value", "format", "encoding"),
    )
)
# Delete steers nothing.
_HARMLESS = "\t\n\r\x7f"
_SUSPECT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
# Explicit directional formatting: https://www.unicode.org/reports/tr9/
_OVERRIDES = "\u202d\u202e"
_OPENS = {
    "\u202a": "\u202c", "\u202b": "\u202c",
    "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069",
}  # fmt: skip


def web_fault(value: str) -> str:
    """What is wrong with an address on the web; an empty string when nothing is."""
    try:
        parts = urlsplit(value)
        port_or_host = parts.port, parts.hostname
    except ValueError:
        return "is not an address"
    if parts.scheme not in _WEB or not value.startswith(f"{parts.scheme}://"):
        return "must be an address that begins with https://"
    if not port_or_host[1]:
        return "names no host after ://"
    if _NEVER.search(value):
        return "has a character that no address has: write it as in a browser, %20 for a blank"
    if parts.username is not None or parts.password is not None:
        return "holds a user's name or password, which would be published: leave it out"
    return word_fault(value)


def address_fault(value: str) -> str:
    """What is wrong with an address or a path within the package; empty when nothing is."""
    if value != value.strip():
        # A browser leaves the blank out, and takes what follows for a scheme.
        return "begins or ends with a blank: remove it"
    scheme = _SCHEME.match(value)
    if scheme and scheme.group().lower().removesuffix(":") in _WEB:
        return web_fault(value)
    plain = unquote(value)
    if scheme or _SCHEME.match(plain) or "://" in plain:
        return "must be an address that begins with https://, or a path within the package"
    if plain[:1] in ("/", "~", "\\") or PurePosixPath(plain).is_absolute():
        return "is a path on this machine: write an address, or a path within the package"
    if plain[:1] == "." or "\\" in plain or ".." in plain.split("/"):
        return "must be a path within the package, with / between its parts and no .. in it"
    odd = _NEVER.search(value.replace(" ", "")) or word_fault(value)
    return "has a character that no path has" if odd else ""


def email_fault(value: str) -> str:
    """What is wrong with an e-mail address; an empty string when nothing is."""
    return word_fault(value) if _EMAIL.fullmatch(value) else "is not an e-mail address"


def word_fault(text: str) -> str:
    """What a text holds that no text for people does; an empty string when it is fine."""
    if not _SUSPECT.search(text):
        return ""
    for char in text:
        if category(char) in ("Cc", "Cs") and char not in _HARMLESS:
            return f"holds the control character U+{ord(char):04X}; remove it"
        if char in _OVERRIDES:
            return f"holds U+{ord(char):04X}, which turns text around; remove it"
    waiting: list[str] = []
    for char in text:
        if char in _OPENS:
            waiting.append(_OPENS[char])
        elif waiting and char == waiting[-1]:
            waiting.pop()
    if waiting:
        return "turns the direction of text and does not end it (U+2069 or U+202C ends it)"
    return ""


def word_faults(value: object, at: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text of a descriptor that would be shown wrongly: its place, and why."""
    if isinstance(value, str):
        if fault := word_fault(value):
            yield at, f"{_named(at)} {fault}"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if fault := word_fault(str(key)):
                yield (*at, key), f"the name of a property {fault}"
            elif key not in _NOT_WORDS:
                yield from word_faults(item, (*at, key))
    elif isinstance(value, list) and not (at and at[-1] == "categories"):
        for index, item in enumerate(value):
            yield from word_faults(item, (*at, index))
    elif isinstance(value, list):
        # Plain categories are values; the labels of others are words.
        for index, item in enumerate(value):
            if isinstance(item, Mapping):
                yield from word_faults(item, (*at, index))


def _named(at: Path) -> str:
    names = [step for step in at if isinstance(step, str)]
    return repr(names[-1]) if names else "a text"
