"""Contracts and the files that they name, as parsed, so that they are parsed once.

A document is known by the hash of its content, and that a contract has no fault by the hashes of
all that it consists of; both only to the edition of the engine that found it out. Which files a
contract names is found out again each time. What has a fault is not kept. Safe to delete.
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_package.engine.engine_edition import edition
from data_package.engine.schema.document import Document
from data_package.engine.storage import remember

# A file of a few lines can unfold to gigabytes: such a one is read each time.
_MOST_CHARACTERS = 8 * 1024 * 1024
_MADE_BY = "data_package.engine.schema.contract_file"


class ContractCache:
    """Documents and verdicts in one file, a line each; a line that is not whole counts as none."""

    @classmethod
    @functools.cache
    def at(cls, path: Path) -> "ContractCache":
        """The cache in a file, read once in this process for all who ask."""
        return cls(path)

    def __init__(self, path: Path) -> None:
        """`path`: the file that they are kept in."""
        self._path = path
        self._edition = edition(_MADE_BY).digest()
        self._known = self._read()
        self._used: dict[str, str] = {}

    def document(self, kind: str, digest: str) -> Document | None:
        """The document that a file of this content is, if it has been read before.

        `kind` is the ending that says how the file is read, `digest` the sha256 of its bytes.
        """
        text = self._recall(f"{kind}:{digest}")
        return None if text is None else Document(json.loads(text), ())

    def put_document(self, kind: str, digest: str, document: Document) -> None:
        """Keep a document, unless it has problems or unfolds to too much."""
        if not document.problems and _is_small(document.value):
            self._used[f"{kind}:{digest}"] = json.dumps(document.value, separators=(",", ":"))

    def is_sound(self, parts: Mapping[str, str]) -> bool:
        """Whether nothing was wrong with a contract of these parts: their sha256 by their names."""
        return self._recall(_name_of(parts)) == "true"

    def put_sound(self, parts: Mapping[str, str]) -> None:
        """Keep that nothing is wrong with a contract of these parts."""
        self._used[_name_of(parts)] = "true"

    def save(self) -> None:
        """Keep what was used since this was made, and nothing else."""
        if self._used == self._known:
            return
        lines = [f"{self._check(name, text)} {name} {text}\n" for name, text in self._used.items()]
        remember(self._path, "".join(lines))
        self._known = dict(self._used)

    def _recall(self, name: str) -> str | None:
        text = self._used.get(name) or self._known.get(name)
        if text is not None:
            self._used[name] = text
        return text

    def _read(self) -> dict[str, str]:
        return {
            name: text for check, name, text in self._lines() if check == self._check(name, text)
        }

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        try:
            content = self._path.read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            return
        for line in content.split("\n"):
            check, _, rest = line.partition(" ")
            name, _, text = rest.partition(" ")
            yield check, name, text

    def _check(self, name: str, text: str) -> str:
        """A hash over a line, and over the engine that wrote it: others' lines are not whole."""
        return hashlib.sha256(f"{self._edition} {name} {text}".encode()).hexdigest()


def _name_of(parts: Mapping[str, str]) -> str:
    text = json.dumps(sorted(parts.items()))
    return f"sound:{hashlib.sha256(text.encode()).hexdigest()}"


def _is_small(value: object) -> bool:
    """Whether a value unfolds to few characters; it may hold one part a million times."""
    characters, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str | list | dict):
            characters += len(part) + 2
        else:
            characters += 20 + (part.bit_length() // 3 if isinstance(part, int) else 0)
        if isinstance(part, dict):
            waiting.extend(part)
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
        if characters + len(waiting) > _MOST_CHARACTERS:
            return False
    return True
