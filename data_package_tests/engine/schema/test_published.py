"""What leaves the machine in a descriptor: addresses that lead somewhere, words to be read."""

import re

import pytest

from data_package.engine.schema.linting import lint
from data_package.engine.schema.published import address_fault, web_fault, word_fault, word_faults

# https://datapackage.org/profiles/2.0/datapackage.json, `path` of a license, source, contributor.
PROFILE = re.compile(r"^((?=[^./~])(?!file:)((?!\/\.\.\/)(?!\\)(?!:\/\/).)*|(http|ftp)s?:\/\/.*)$")


@pytest.mark.parametrize(
    "address",
    [
        *("https://example.org", "http://example.org:8080/a%20b?c=d#e", "ftp://example.org/x"),
        *("https://exämple.org/ø", "https://[::1]/x", "LICENSE.data", "docs/terms of use.pdf"),
        *("a/b..c/d", "a.b/c"),
    ],
)
def test_an_address_or_a_path_within_the_package_is_fine(address: str) -> None:
    assert address_fault(address) == ""
    assert PROFILE.match(address)


@pytest.mark.parametrize(
    "address",
    [
        *(" javascript:alert(1)", "https://example.org/\u202e", "a/b ", "\u2028javascript:x"),
        *("javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:x"),
        *("file:///home/me", "FILE:/x", "mailto:a@b.c", "ssh://host/x", "s3://bucket/x"),
        *("/home/me/raw.csv", "//host/share", "~/raw.csv", "~root/x", "../raw.csv", "a/../b"),
        *("./a", ".hidden", "a\\b", "C:\\raw.csv", "C:/raw.csv", "\\\\server\\share", "%2e%2e/x"),
        *("a/%2e%2e/b", "%2fetc/passwd", "javascript%3Aalert(1)", "https://", "https:///x"),
        *("https://a b", 'https://x/"><script>', "https://x/\n", "https://u:p@x.org", "http:x"),
        *("https://x:99999999/", "a\0b", "a<b>", "x\u202e"),
    ],
)
def test_an_address_that_leads_nowhere_or_gives_something_away_is_not(address: str) -> None:
    assert address_fault(address)
    assert web_fault(address)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[31m", "U+001B"),
        ("a\x00", "U+0000"),
        ("a\x07", "U+0007"),
        ("a\x9b", "U+009B"),
        ("\u202egnp.exe", "U+202E"),
        ("\u2066open", "does not end it"),
        ("lines\r\nand\ttabs, æøå, עברית, \u2067עברית\u2069, 👩‍👩‍👧", ""),
    ],
)
def test_words_that_cannot_be_read_as_they_are_meant_are_found(text: str, expected: str) -> None:
    assert (expected in word_fault(text)) if expected else word_fault(text) == ""


def test_words_and_addresses_of_a_contract_are_reported_by_their_place() -> None:
    descriptor = {
        "title": "a\x1b",
        "homepage": "javascript:x",
        "sources": [{"title": "S", "path": "/home/me", "email": "x"}],
        "licenses": [{"name": "X", "path": "data:x"}],
        "dialect": {"delimiter": "\x1f"},
        "schema": {
            "missingValues": ["\x1a"],
            "fields": [
                {"name": "a", "type": "string", "description": "\x07"},
                {"name": "b", "categories": ["\x01", {"value": "c", "label": "\u202e"}]},
            ],
        },
    }
    assert {issue.path for issue in lint(descriptor)} >= {
        ("title",),
        ("homepage",),
        ("sources", 0, "path"),
        ("sources", 0, "email"),
        ("licenses", 0, "path"),
        ("schema", "fields", 0, "description"),
    }
    found = {path for path, _ in word_faults(descriptor)}
    assert ("schema", "fields", 1, "categories", 1, "label") in found
    assert ("schema", "fields", 1, "categories", 0) not in found
    assert not any("dialect" in path or "missingValues" in path for path in found)
