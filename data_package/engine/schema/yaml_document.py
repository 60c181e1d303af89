"""YAML text as a `Document`.

Values are JSON's: `yes`, `no` and dates stay text, so that what a person typed in an enum is what
they get; a number with leading zeros stays text too. YAML is read as events and never as objects,
with bounds on size, depth and aliases, so that no file can exhaust the machine. Text that is JSON
is read as JSON: YAML readers refuse some of it. Libraries that keep positions (ruamel.yaml) have no
such bounds and no C parser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from data_package.engine.schema.document import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    Document,
    Path,
    Place,
    Problem,
    Span,
)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,4000})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "<<"
# What https://yaml.org/spec/1.1/#c-printable leaves out.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_document(text: str, *, spans: bool = False) -> Document:
    """Return the one YAML document in `text`; never raises for what the text holds.

    Places of the parts are kept when `spans` is set: they cost time, and only messages and
    insertions need them.
    """
    if len(text) > MAX_BYTES:
        limit = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
        return Document(None, (Problem(Place(1, 1), limit),))
    if text.lstrip()[:1] in ("{", "["):
        from data_package.engine.schema.json_document import read_json

        if (found := read_json(text, spans=spans)) is not None:
            return found
    builder = _Builder(keep_spans=spans)
    try:
        for event in _events(text):
            builder.take(event)
    except _RefusedError as refused:
        builder.problems.append(Problem(refused.place, refused.what))
        return Document(None, tuple(builder.problems), builder.spans)
    except yaml.YAMLError as error:
        return Document(None, (*builder.problems, _syntax_problem(error, text)), builder.spans)
    return Document(builder.value, tuple(builder.problems), builder.spans)


class _Mark(Protocol):
    """The place of an event, from the C or the Python reader."""

    line: int
    column: int
    index: int


class _RefusedError(Exception):
    def __init__(self, event: yaml.Event, what: str) -> None:
        self.place = _place(event.start_mark)
        self.what = what


def _events(text: str) -> Iterator[yaml.Event]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Open:
    """A list or mapping that has begun and not ended."""

    container: list[object] | dict[str, object]
    event: yaml.Event
    anchor: str | None
    key: str | None = None
    key_event: yaml.Event | None = None
    expects_key: bool = True
    merges: bool = False
    merged: dict[str, object] = field(default_factory=dict)


class _Builder:
    """Builds the value from events with its own stack: depth is ours to bound."""

    def __init__(self, *, keep_spans: bool) -> None:
        self.value: object = None
        self.problems: list[Problem] = []
        self.spans: dict[Path, Span] = {}
        self._keep_spans = keep_spans
        self._stack: list[_Open] = []
        self._path: list[str | int] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._documents = 0
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._begin({}, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin([], event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _RefusedError(event, "the file holds more than one YAML document")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        if self._is_key():
            self._take_key(event)
            return
        value = _plain(event.value) if event.implicit[0] else event.value
        self._add(value, event, event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)

    def _begin(self, container: list[object] | dict[str, object], event: yaml.Event) -> None:
        self._refuse_tag(event)
        if self._is_key():
            raise _RefusedError(event, "a key must be text")
        if len(self._stack) >= MAX_DEPTH:
            raise _RefusedError(event, f"nested more than {MAX_DEPTH} levels deep")
        self._path.append(self._next_step())
        self._stack.append(_Open(container, event, getattr(event, "anchor", None)))

    def _end(self, event: yaml.Event) -> None:
        opened = self._stack.pop()
        self._path.pop()
        before = self._nodes
        if isinstance(opened.container, dict) and opened.merged:
            own = dict(opened.container)
            opened.container.clear()
            opened.container.update(opened.merged, **own)
        self._add(opened.container, opened.event, event)
        if opened.anchor:
            self._anchors[opened.anchor] = (opened.container, max(1, before))

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._is_key():
            raise _RefusedError(event, "a key must be text")
        if event.anchor not in self._anchors:
            raise _RefusedError(event, "this alias names no finished anchor")
        value, size = self._anchors[event.anchor]
        self._nodes += size
        self._add(value, event, event)

    def _add(self, value: object, first: yaml.Event, last: yaml.Event) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _RefusedError(first, f"the file unfolds to more than {MAX_NODES} parts")
        self._remember(first, last)
        if not self._stack:
            self.value = value
            return
        parent = self._stack[-1]
        if isinstance(parent.container, list):
            parent.container.append(value)
        elif parent.merges:
            self._merge(parent, value, first)
            parent.merges, parent.expects_key = False, True
        else:
            parent.container[parent.key or ""] = value
            parent.expects_key = True

    def _merge(self, parent: _Open, value: object, event: yaml.Event) -> None:
        """Take the properties of other mappings: https://yaml.org/type/merge.html."""
        sources = value if isinstance(value, list) else [value]
        for source in sources:
            if not isinstance(source, dict):
                what = "what is merged (<<) must be a mapping, or a list of mappings"
                raise _RefusedError(event, what)
            self._nodes += len(source)
            for key, item in source.items():
                parent.merged.setdefault(key, item)

    def _take_key(self, event: yaml.ScalarEvent) -> None:
        parent = self._stack[-1]
        key = str(event.value)
        if key == _MERGE and event.implicit[0]:
            if parent.merged:
                raise _RefusedError(event, "'<<' is here twice: merge a list, <<: [*a, *b]")
            parent.key, parent.key_event, parent.expects_key = key, event, False
            parent.merges = True
            return
        if event.implicit[0] and not isinstance(_plain(key), str):
            what = f"the key {key!r} is not text: put it in quotes"
            self.problems.append(Problem(_place(event.start_mark), what))
        if isinstance(parent.container, dict) and key in parent.container:
            what = f"the key {key!r} is here twice: keep one of them"
            self.problems.append(Problem(_place(event.start_mark), what))
        parent.key, parent.key_event, parent.expects_key = key, event, False

    def _is_key(self) -> bool:
        return bool(self._stack) and (
            isinstance(self._stack[-1].container, dict) and self._stack[-1].expects_key
        )

    def _next_step(self) -> str | int:
        if not self._stack:
            return ""
        parent = self._stack[-1]
        if isinstance(parent.container, list):
            return len(parent.container)
        return parent.key or ""

    def _remember(self, first: yaml.Event, last: yaml.Event) -> None:
        if not self._keep_spans:
            return
        key_event = self._stack[-1].key_event if self._stack else None
        keyed = bool(self._stack) and isinstance(self._stack[-1].container, dict)
        anchor = key_event if keyed and key_event is not None else first
        path = (*self._path[1:], self._next_step()) if self._stack else ()
        self.spans[path] = Span(
            _place(anchor.start_mark),
            _index(first.start_mark),
            _index(last.end_mark),
            not getattr(first, "flow_style", True),
        )

    @staticmethod
    def _refuse_tag(event: yaml.ScalarEvent | yaml.Event) -> None:
        tag = getattr(event, "tag", None)
        is_text = isinstance(event, yaml.ScalarEvent) and tag in ("!", "tag:yaml.org,2002:str")
        if tag is not None and not is_text:
            raise _RefusedError(event, "tags (words that begin with '!') are not allowed here")


def _plain(text: str) -> object:
    """Return what an unquoted scalar means: JSON's values, and text for everything else."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text


def _place(mark: _Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


def _index(mark: _Mark | None) -> int:
    return mark.index if mark is not None else 0


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        at = _UNPRINTABLE.search(text)
        found = at.start() if at else 0
        line = text.count("\n", 0, found) + 1
        column = found - text.rfind("\n", 0, found)
        code = f"U+{ord(text[found]):04X}" if at else "a character"
        what = f"{code} cannot be written in YAML as it is; use an escape in double quotes"
        return Problem(Place(line, column), f"this is not YAML: {what}")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = str(getattr(error, "problem", None) or "it cannot be parsed")
    if "nesting depth" in what:
        # PyYAML from 6.0.4 on has its own limit.
        return Problem(_place(mark), f"nested more than {MAX_DEPTH} levels deep")
    if "expected" in what:
        what += "; the cause is often the indentation or a quote on a line above"
    return Problem(_place(mark), f"this is not YAML: {what}")
