"""Contracts as text: new ones, and fields added to one without touching what a person wrote."""

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import cast

import yaml

from data_package.engine.schema.contract import ContractError
from data_package.engine.schema.document import Document, Path, Span
from data_package.engine.schema.yaml_document import read_document

_PLAIN = re.compile(r"[A-Za-z_]([\w ,;./()'-]*[\w).])?")
# What versions of YAML take for a boolean or for nothing.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def contract_text(descriptor: Mapping[str, object]) -> str:
    """Return a `descriptor` as the YAML of a contract, properties in the order they have."""
    return dumped(dict(descriptor))


def add_fields(text: str, fields: Sequence[Mapping[str, object]], *, name: str = "contract") -> str:
    """Return a contract's text with the fields that it lacks at the end of its list.

    Nothing else changes: comments, order, quotes and line ends stay as they are. `name` is that of
    the contract in messages. Raises ContractError when the text is not a contract.
    """
    document = read_document(text, spans=True)
    if document.problems:
        place = document.problems[0].place
        what = document.problems[0].what
        raise ContractError((f"{name}:{place.line}:{place.column}: {what}",))
    at = fields_path(document)
    listed = _value(document.value, at)
    known = {item.get("name") for item in listed if isinstance(item, dict)} if listed else set()
    new = [dict(field) for field in fields if field["name"] not in known]
    if not new:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    if listed is None:
        return _appended(text, document, new, name).replace("\r\n", "\n").replace("\n", newline)
    span = document.spans[at]
    if not span.block:
        return _into_brackets(text, span, new, empty=not listed)
    return _after_last(text, document, (*at, len(listed) - 1), new, newline)


def add_properties(text: str, properties: Mapping[str, object], *, name: str = "contract") -> str:
    """Return a contract's text with the properties that it lacks at its end.

    Nothing else changes. `name` is that of the contract in messages. Raises ContractError when the
    text is not a contract, or has no room for properties of a resource: a bare schema, or one in
    brackets.
    """
    document = read_document(text, spans=True)
    value = document.value
    new = {k: v for k, v in properties.items() if not (isinstance(value, dict) and k in value)}
    if not new:
        return text
    bare = not isinstance(value, dict) or "schema" not in value or text.lstrip().startswith("{")
    if document.problems or (value is not None and bare):
        words = dumped(new, flow=True).strip()
        raise ContractError((f"{name}: write this into it, beside the schema: {words}",))
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else newline
    return text + gap + dumped(new).replace("\n", newline)


def fields_path(document: Document) -> Path:
    """Return where the list of fields is, in a contract or in a bare Table Schema."""
    value = document.value
    bare = isinstance(value, dict) and "schema" not in value and "fields" in value
    return ("fields",) if bare else ("schema", "fields")


def _value(value: object, path: Path) -> list[object] | None:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return cast("list[object]", value) if isinstance(value, list) else None


def _appended(text: str, document: Document, new: list[dict[str, object]], name: str) -> str:
    """Add a schema to a contract that has none."""
    if isinstance(document.value, dict) and document.value.get("schema") is not None:
        place = document.place(("schema",))
        what = "the schema has no list of fields; write fields: [] in it"
        raise ContractError((f"{name}:{place.line}:{place.column}: {what}",))
    if document.value is not None and not isinstance(document.value, dict):
        raise ContractError((f"{name}:1:1: a contract must be a mapping; begin it with title:",))
    gap = "" if not text or text.endswith("\n") else "\n"
    return text + gap + dumped({"schema": {"fields": new}})


def _into_brackets(text: str, span: Span, new: list[dict[str, object]], *, empty: bool) -> str:
    written = ", ".join(dumped(field, flow=True).strip() for field in new)
    close = text.rindex("]", span.start, span.end)
    before = text[:close].rstrip()
    comma = "" if empty or before.endswith(",") else ","
    return f"{before}{comma}{'' if empty else ' '}{written}{text[close:]}"


def _after_last(
    text: str, document: Document, last: Path, new: list[dict[str, object]], newline: str
) -> str:
    start = document.spans[last].start
    line_start = text.rfind("\n", 0, start) + 1
    dash = re.match(r"\s*", text[line_start:start])
    indent = dash.group() if dash and "-" in text[line_start:start] else ""
    # A block's own end lies behind the comments that follow it; the end of its last scalar or
    # bracket does not.
    end = max(
        span.end
        for path, span in document.spans.items()
        if path[: len(last)] == last and not span.block
    )
    line_end = text.find("\n", end - 1 if text[end - 1 : end] == "\n" else end)
    head = text if line_end < 0 else text[: line_end + 1]
    tail = "" if line_end < 0 else text[line_end + 1 :]
    gap = "" if head.endswith("\n") else newline
    addition = textwrap.indent(dumped(new), indent).replace("\n", newline)
    return f"{head}{gap}{addition}{tail}"


def dumped(value: object, *, flow: bool = False) -> str:
    """Return a value as YAML, in blocks or in brackets."""
    return yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=flow,
        sort_keys=False,
        allow_unicode=True,
        width=math.inf,
    )


class _Dumper(yaml.SafeDumper):
    """Writes lists indented and nothing as an alias, text plain or in double quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists in mappings as well."""
        del indentless
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        """Repeated parts are written out each time."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Text plain where no reader of YAML could take it for anything else, or quoted."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _other(dumper: yaml.SafeDumper, value: object) -> yaml.Node:
    """Dates, decimals and other values without a YAML form, as text."""
    return _text(dumper, str(value))


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(object, _other)
