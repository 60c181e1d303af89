"""The words of a message that are the project's own: of those no row can be the origin.

Its own is what is literal in source code, and the names of columns, assets and checks.

A message is matched with the strings in the code: for `f"no visit of {person}"` the message keeps
`no visit of`, and the person is replaced by `…`.
"""

import ast
import functools
import re
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LEFT_OUT = "…"
# A longer message is a dump of data, and a string of fewer letters matches by chance.
_LONGEST = 10_000
_FEWEST_LETTERS = 3
_PERCENT = re.compile(
    r"%(?:\(\w*\))?[-#0 +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?([diouxXeEfFgGcrsa%])"
)
# Around and between names in Dagster's messages: `people: contract,tall`, `AssetKey(['people'])`.
_BETWEEN_NAMES = re.compile(r"Asset(?:Check)?Key\b|[\s,:;()\[\]{}<>'\"]+")

# Of the projects that this process has loaded.
_names: set[str] = set()

# The literal strings of a message, with what is between them left open.
Texts = tuple[str, ...]


@dataclass(frozen=True)
class OwnWords:
    """What may be shown because it is literal in code, or is a name.

    Attributes:
        sources: texts of Python modules.
        names: of columns, assets and checks; a message may also list several.
        templates: sources of library modules, whose messages may match, but not single words.
    """

    sources: tuple[str, ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)
    templates: tuple[str, ...] = ()

    def have(self, word: str | None) -> bool:
        """Whether a word is in the code, is a name or lists names; a number never counts."""
        if not word or not re.search(r"[^\W\d_]", word):
            return False
        found = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        known = word in self.names or any(found.search(source) for source in self.sources)
        return known or self._are_names(word)

    def _are_names(self, text: str) -> bool:
        parts = [part for part in _BETWEEN_NAMES.split(text) if part]
        return bool(parts) and self.names.issuperset(parts)

    def of(self, message: str) -> str:
        """The message with `…` for all that is not literal in the code; empty where nothing is.

        The string in the code that explains most of the message is used.
        """
        if len(message) > _LONGEST:
            return ""
        best: tuple[int, str] = (0, "")
        for source in (*self.sources, *self.templates):
            for texts in _texts_of(source):
                between = _between(message, texts)
                letters = sum(map(_letters, texts))
                if between is not None and letters > best[0]:
                    best = letters, _filled(texts, between, self.have)
        return best[1]


def know_names(names: Iterable[str]) -> None:
    """Let messages keep these names, which a project gives to assets, checks and fields."""
    for name in names:
        _names.update((name, *name.split("/")))


def names_known() -> frozenset[str]:
    """The names that the projects loaded in this process give to assets, checks and fields."""
    return frozenset(_names)


def read_source(path: str | Path) -> str:
    """The text of a module, or nothing where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


@functools.lru_cache(maxsize=64)
def _texts_of(source: str) -> tuple[Texts, ...]:
    """Every string in a module, with holes for the values that are formatted into it."""
    try:
        found = {texts for node in ast.walk(ast.parse(source)) for texts in _texts(node)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(sorted(t for t in found if sum(map(_letters, t)) >= _FEWEST_LETTERS))


def _texts(node: ast.AST) -> Iterator[Texts]:
    """The messages that an expression can produce."""
    match node:
        case ast.Constant(value=str(text)):
            yield (text,)
            if "%" in text:
                yield _by_percent(text)
            if "{" in text and (formatted := _by_braces(text)):
                yield formatted
        case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
            yield _joined(node)


def _joined(node: ast.AST) -> Texts:
    """An f-string or a sum of texts as one."""
    match node:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.JoinedStr(values=values):
            return functools.reduce(_behind, map(_joined, values), ("",))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _behind(_joined(left), _joined(right))
        case _:
            return ("", "")


def _behind(left: Texts, right: Texts) -> Texts:
    return (*left[:-1], left[-1] + right[0], *right[1:])


def _by_percent(text: str) -> Texts:
    parts, at = [""], 0
    for found in _PERCENT.finditer(text):
        parts[-1] += text[at : found.start()]
        at = found.end()
        if found.group(1) == "%":
            parts[-1] += "%"
        else:
            parts.append("")
    parts[-1] += text[at:]
    return tuple(parts)


def _by_braces(text: str) -> Texts:
    parts = [""]
    try:
        for literal, name, _, _ in string.Formatter().parse(text):
            parts[-1] += literal
            if name is not None:
                parts.append("")
    except ValueError:
        return ()
    return tuple(parts)


def _between(message: str, texts: Texts) -> list[str] | None:
    """What is between the literal strings of a message; None where they do not match."""
    first, last = texts[0], texts[-1]
    if len(texts) == 1:
        return [] if message == first else None
    if not (message.startswith(first) and message.endswith(last)):
        return None
    between, at, end = [], len(first), len(message) - len(last)
    for text in texts[1:-1]:
        found = message.find(text, at, end)
        if found < 0:
            return None
        between.append(message[at:found])
        at = found + len(text)
    return [*between, message[at:end]] if at <= end else None


def _filled(texts: Iterable[str], between: Iterable[str], have: Callable[[str], bool]) -> str:
    texts = iter(texts)
    shown = next(texts)
    for word, text in zip(between, texts, strict=True):
        shown += (word if have(word) else LEFT_OUT if word else "") + text
    return re.sub(f"{LEFT_OUT}(?:\\s*{LEFT_OUT})+", LEFT_OUT, shown).strip()


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))
