"""What a contract does not say yet put into its text, without touching what a person wrote.

Titles and descriptions that are missing or empty; categories with labels and foreign keys that are
missing. Categories without labels are what data are like today, and may have been left out.
The new text is read again: where it does not hold exactly the old values and the additions,
nothing is added.
"""

import copy
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from data_package.engine.schema.describe import dumped, fields_path
from data_package.engine.schema.document import Document, Path
from data_package.engine.schema.yaml_document import read_document

_WORDS = ("title", "description")
_VOCABULARY = ("categories", "categoriesOrdered")


@dataclass(frozen=True, slots=True)
class Grown:
    """A contract's text with what was added, and what could not be, each in words."""

    text: str
    added: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Addition:
    """A property that a mapping of the contract lacks: where the mapping is, and what to say."""

    at: Path
    name: str
    value: object
    what: str


def grown(text: str, descriptor: Mapping[str, object]) -> Grown:
    """Return a contract's text with the words, categories and foreign keys that it lacks.

    `descriptor` is all that is known. Fields that the contract does not have are not added here.
    """
    document = read_document(text, spans=True)
    additions = list(_additions(document, descriptor))
    if document.problems or not additions:
        return Grown(text)
    wanted = copy.deepcopy(document.value)
    edits = []
    for addition in additions:
        _put(wanted, addition)
        edits.append((addition, *_edit(text, document, addition)))
    newline = "\r\n" if "\r\n" in text else "\n"
    made = text
    # From the end on; what is deeper comes first, as it belongs to what is above it.
    edits.sort(key=lambda one: (one[1], -len(one[0].at)))
    for _, start, end, new in reversed(edits):
        made = made[:start] + new.replace("\n", newline) + made[end:]
    if not text.endswith("\n") and any(start == len(text) for _, start, _, _ in edits):
        made = text + newline + made.removeprefix(text)
    words = tuple(each.what for each in additions)
    if read_document(made).value != wanted:
        return Grown(text, left=words)
    return Grown(made, added=words)


def _additions(document: Document, descriptor: Mapping[str, object]) -> Iterator[_Addition]:
    if not isinstance(document.value, dict):
        return
    at = fields_path(document)
    schema = document.value if len(at) == 1 else document.value.get("schema")
    if not isinstance(schema, dict) or not isinstance(schema.get("fields"), list):
        return
    if len(at) > 1:
        yield from _words((), "", document.value, descriptor)
    known = cast("Mapping[str, object]", descriptor["schema"])
    found = {field["name"]: field for field in cast("list[dict[str, object]]", known["fields"])}
    for i, field in enumerate(schema["fields"]):
        if isinstance(field, dict) and (more := found.get(str(field.get("name")))) is not None:
            yield from _of_field((*at, i), field, more)
    keys = known.get("foreignKeys")
    if isinstance(keys, list) and keys and schema.get("foreignKeys") is None:
        named = ", ".join(key["fields"][0] for key in keys)
        yield _Addition(at[:-1], "foreignKeys", keys, f"a foreign key of {named}")


def _of_field(
    at: Path, field: dict[str, object], more: Mapping[str, object]
) -> Iterator[_Addition]:
    name = str(field["name"])
    yield from _words(at, f" of {name}", field, more)
    constraints = field.get("constraints")
    listed = isinstance(constraints, dict) and "enum" in constraints
    if field.get("type") != more["type"] or listed or "categories" in field:
        return
    if not _is_labelled(more.get("categories")):
        return
    for key in _VOCABULARY:
        if key in more:
            yield _Addition(at, key, more[key], f"the {key} of {name}")


def _is_labelled(categories: object) -> bool:
    """Tell whether they say more than which values there are today."""
    if isinstance(categories, dict):
        return True
    entries = categories if isinstance(categories, list) else []
    return any(isinstance(one, dict) and one.get("label") for one in entries)


def _words(
    at: Path, of: str, present: dict[str, object], more: Mapping[str, object]
) -> Iterator[_Addition]:
    for key in _WORDS:
        if more.get(key) and present.get(key) in (None, ""):
            yield _Addition(at, key, more[key], f"the {key}{of}")


def _put(value: object, addition: _Addition) -> None:
    for step in addition.at:
        value = value[step]  # type: ignore[index]
    cast("dict[str, object]", value)[addition.name] = addition.value


def _edit(text: str, document: Document, addition: _Addition) -> tuple[int, int, str]:
    """Return where the text changes, and into what; nowhere where it has no such place."""
    property_ = {addition.name: addition.value}
    written = document.spans.get((*addition.at, addition.name))
    if written is not None:
        # The empty words that a draft has.
        value = _flow(property_).partition(": ")[2]
        gap = " " if text[written.start - 1 : written.start] == ":" else ""
        return written.start, written.end, gap + value
    span = document.spans.get(addition.at)
    if span is None:
        return 0, 0, ""
    if not span.block:
        before = text[span.start : span.end - 1].rstrip()
        start = span.start + len(before)
        comma = "" if before.endswith("{") else " " if before.endswith(",") else ", "
        return start, start, comma + _flow(property_)
    start = _end_of_block(text, document, addition.at)
    inner = (one for path, one in document.spans.items() if path and path[:-1] == addition.at)
    indent = min(inner, key=lambda one: one.start).place.column - 1
    return start, start, textwrap.indent(dumped(property_), " " * indent)


def _flow(property_: Mapping[str, object]) -> str:
    return dumped(property_, flow=True).strip()[1:-1]


def _end_of_block(text: str, document: Document, at: Path) -> int:
    """Return where the line after the last one of a mapping begins."""
    ends = (
        span.end
        for path, span in document.spans.items()
        if path[: len(at)] == at and not span.block
    )
    end = max(ends)
    line_end = text.find("\n", end - 1 if text[end - 1 : end] == "\n" else end)
    return len(text) if line_end < 0 else line_end + 1
