"""What is wrong with one field of a contract.

https://datapackage.org/standard/table-schema/#field
"""

import re
from collections.abc import Hashable, Iterator
from functools import lru_cache
from typing import cast

from data_package.engine.errors import did_you_mean
from data_package.engine.schema.code_list import Vocabulary
from data_package.engine.schema.constraints import CONSTRAINTS, bounds, lengths
from data_package.engine.schema.constraints.constraint import Fault, not_a_value
from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.document import Path
from data_package.engine.schema.literals import field_of, identity, logical, spelling
from data_package.engine.schema.spelling import misspelt
from data_package.engine.schema.types import FIELD_TYPES
from data_package.engine.schema.types.field_type import BOUNDS, LENGTHS, FieldType
from data_package.engine.schema.types.list import LIST_ITEM_TYPES

COMMON = frozenset(
    {
        "constraints", "description", "example", "format", "missingReason", "missingValues",
        "name", "rdfType", "title", "type",
    }
)  # fmt: skip
CATEGORY = frozenset({"value", "label"})
SPECIFIC = frozenset().union(*(kind.properties for kind in FIELD_TYPES.values()))
_IN_A_NUMBER = re.compile(r"[0-9+-]")
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_DIRECTIVES = frozenset("aAwdbBmyYHIpMSfzZjUWcxXGuV%")


def lint_field(descriptor: object) -> Iterator[Fault]:
    """Give every fault of a field descriptor with its path in it."""
    if not isinstance(descriptor, dict):
        yield (), "a field must be a mapping; begin it with name:"
        return
    if "$ref" in descriptor:
        yield ("$ref",), "$ref is followed when a contract is loaded from its file, and not here"
        return
    name = descriptor.get("name")
    if not isinstance(name, str) or not name:
        here: Path = ("name",) if "name" in descriptor else ()
        yield (
            here,
            "a field needs a name that must be text; put it in quotes"
            if here
            else "a field needs a name; add name:",
        )
    kind_name = descriptor.get("type", "any")
    kind = FIELD_TYPES.get(kind_name) if isinstance(kind_name, str) else None
    if kind is None:
        hint = did_you_mean(str(kind_name), FIELD_TYPES)
        yield ("type",), f"unknown type {kind_name!r}.{hint}"
    yield from misspelt_in(descriptor, COMMON | SPECIFIC, ())
    for key in ("title", "description", "rdfType"):
        if descriptor.get(key) is not None and not isinstance(descriptor[key], str):
            yield (key,), f"{key} must be text; put it in quotes"
    for path, what in lint_missing_values(descriptor.get("missingValues")):
        yield ("missingValues", *path), what
    reason = descriptor.get("missingReason")
    if reason is not None and (not isinstance(reason, str) or not reason):
        yield ("missingReason",), "missingReason must be the name of a field, as text"
    for key in sorted(CONSTRAINTS.keys() & descriptor.keys()):
        yield (key,), f"{key} is a constraint; move it under constraints:"
    if kind is None:
        return
    field = Contract.from_descriptor({"fields": [descriptor]}).fields[0]
    yield from _properties(descriptor, kind)
    yield from _format(field, kind, descriptor.get("format", "default"))
    yield from _categories(field, descriptor)
    yield from _constraints(field, kind, descriptor.get("constraints"))


def lint_missing_values(value: object) -> Iterator[Fault]:
    """Give the faults of a `missingValues` property.

    https://datapackage.org/standard/table-schema/#missingValues
    """
    if value is None:
        return
    if not isinstance(value, list):
        yield (), "missingValues must be a list of texts"
        return
    seen: set[str] = set()
    for i, item in enumerate(value):
        word = item.get("value") if isinstance(item, dict) else item
        label = item.get("label") if isinstance(item, dict) else None
        if not isinstance(word, str):
            yield (
                (i,),
                "a missing value must be text, compared before any reading; put it in quotes",
            )
        elif word in seen:
            yield (i,), "this missing value is here twice; keep one"
        else:
            seen.add(word)
        if label is not None and not isinstance(label, str):
            yield (i, "label"), "the label of a missing value must be text; put it in quotes"


def misspelt_in(value: object, known: frozenset[str], at: Path) -> Iterator[Fault]:
    """Give the misspelt keys of a mapping."""
    if isinstance(value, dict):
        for name, what in misspelt(value, known):
            yield (*at, name), what


def _properties(descriptor: dict[str, object], kind: FieldType) -> Iterator[Fault]:
    for key in sorted(SPECIFIC & descriptor.keys() - kind.properties):
        yield (key,), f"{key} does not belong to the type {kind.name}; remove it"
    for key in ("decimalChar", "groupChar", "delimiter"):
        if key in descriptor and (not isinstance(descriptor[key], str) or not descriptor[key]):
            yield (key,), f"{key} must be text of at least one character; put it in quotes"
    group = descriptor.get("groupChar")
    has_fraction = "decimalChar" in kind.properties
    if has_fraction and group is not None and group == descriptor.get("decimalChar", "."):
        yield (
            ("groupChar",),
            "groupChar and decimalChar are the same; a number could be read in two ways",
        )
    if not isinstance(descriptor.get("bareNumber", True), bool):
        yield ("bareNumber",), "bareNumber must be true or false"
    if not isinstance(descriptor.get("categoriesOrdered", True), bool):
        yield ("categoriesOrdered",), "categoriesOrdered must be true or false"
    for key in ("decimalChar", "groupChar"):
        written = descriptor.get(key)
        if key in kind.properties and isinstance(written, str) and _IN_A_NUMBER.search(written):
            yield (key,), f"{key} holds what a number is written with (a digit, + or -)"
    if "itemType" in descriptor and descriptor["itemType"] not in LIST_ITEM_TYPES:
        hint = did_you_mean(str(descriptor["itemType"]), LIST_ITEM_TYPES)
        yield ("itemType",), f"itemType must be one of {', '.join(LIST_ITEM_TYPES)}.{hint}"
    words: dict[str, list[object]] = {}
    for key in ("trueValues", "falseValues"):
        given = descriptor.get(key)
        if given is not None and not (
            isinstance(given, list) and all(isinstance(word, str) for word in given)
        ):
            yield (key,), f"{key} must be a list of texts; put each in quotes"
        words[key] = given if isinstance(given, list) else []
    if any(word in words["falseValues"] for word in words["trueValues"]):
        yield ("falseValues",), "the same text means true and false; keep it in one list"


def _format(field: Field, kind: FieldType, written: object) -> Iterator[Fault]:
    if not isinstance(written, str) or not written:
        yield ("format",), "format must be text; put it in quotes, or leave it out"
        return
    known = {"default", *kind.formats}
    if field.format in known:
        return
    if not kind.patterns:
        hint = did_you_mean(field.format, known)
        yield ("format",), f"the type {kind.name} has no format {field.format!r}.{hint}"
        return
    directives = _DIRECTIVE.findall(field.format)
    if not directives:
        hint = did_you_mean(field.format, known)
        what = f"{field.format!r} is neither a format of {kind.name} nor a pattern with % in it."
        yield ("format",), what + hint
    for unknown in [each for each in directives if each not in _DIRECTIVES]:
        yield ("format",), f"the pattern has %{unknown}, which strptime does not know"


def _categories(field: Field, descriptor: dict[str, object]) -> Iterator[Fault]:
    """https://datapackage.org/standard/table-schema/#categories."""
    if "categories" not in descriptor:
        if "categoriesOrdered" in descriptor:
            yield (
                ("categoriesOrdered",),
                "categoriesOrdered without categories says nothing; remove it",
            )
        return
    if field.categories is None or not field.categories:
        yield ("categories",), "categories must be a list of values, or of value: and label:"
        return
    if field.vocabulary is None:
        yield from _category_faults(field)
    else:
        yield from _vocabulary_faults(field.vocabulary, *spelling(field))
    enum = field.constraints.get("enum")
    if not isinstance(enum, list):
        return
    known = {identity(logical(field, value)) for value in field.categories}
    for i, value in enumerate(enum):
        meaning = logical(field, value)
        if meaning is not None and identity(meaning) not in known:
            yield (
                ("constraints", "enum", i),
                "this enum value is not a category; add it there or remove it here",
            )


@lru_cache(256)
def _vocabulary_faults(
    vocabulary: Vocabulary, type_name: str, format_name: str, bare: bool, group: str | None
) -> tuple[Fault, ...]:
    """Return the faults of a vocabulary for all fields that read its values alike."""
    return tuple(_category_faults(field_of(vocabulary, type_name, format_name, bare, group)))


def _category_faults(field: Field) -> Iterator[Fault]:
    seen: set[Hashable] = set()
    labels: set[str] = set()
    written = cast("list[object]", field.descriptor["categories"])
    for i, (entry, value) in enumerate(zip(written, field.categories or (), strict=True)):
        at: Path = ("categories", i)
        if isinstance(entry, dict):
            yield from misspelt_in(entry, CATEGORY, at)
            if not isinstance(entry.get("label", ""), str):
                yield (*at, "label"), "the label of a category must be text; put it in quotes"
        meaning = logical(field, value)
        if meaning is None:
            yield at, not_a_value("this category", field, value)
        elif identity(meaning) in seen:
            yield at, "this category is here twice; keep one"
        seen.add(identity(meaning))
        label = field.category_labels[i]
        if label is not None and label in labels:
            yield at, "two categories have this label; labels must differ"
        if label is not None:
            labels.add(label)


def _constraints(field: Field, kind: FieldType, written: object) -> Iterator[Fault]:
    """https://datapackage.org/standard/table-schema/#field-constraints."""
    if written is None:
        return
    if not isinstance(written, dict):
        yield (
            ("constraints",),
            "constraints must be a mapping; write for example constraints: {required: true}",
        )
        return
    for name, value in written.items():
        at: Path = ("constraints", name)
        if name not in CONSTRAINTS:
            yield at, f"unknown constraint {name!r}.{did_you_mean(name, CONSTRAINTS)}"
        elif name not in kind.constraints:
            what = f"the constraint {name} does not fit the type {kind.name}"
            yield at, f"{what}; remove it or change the type"
        else:
            yield from (((*at, *path), what) for path, what in CONSTRAINTS[name].lint(field, value))
    if kind.constraints >= BOUNDS:
        yield from bounds.faults_between(field, written)
    if kind.constraints >= LENGTHS:
        yield from lengths.faults_between(written)
