"""What is wrong with one field of a contract.

https://datapackage.org/standard/table-schema/#field
"""

import re
import warnings
from collections.abc import Iterator
from typing import TypeAlias, cast

from data_package.engine.errors import did_you_mean
from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.document import Path
from data_package.engine.schema.fieldtypes import (
    BOUNDS,
    FIELD_TYPES,
    LENGTHS,
    LIST_ITEM_TYPES,
    FieldType,
)
from data_package.engine.schema.lexical import Span
from data_package.engine.schema.literals import logical
from data_package.engine.schema.spelling import misspelt

Fault: TypeAlias = tuple[Path, str]

_COMMON = frozenset(
    {
        "constraints", "description", "example", "format", "missingValues", "name", "rdfType",
        "title", "type",
    }
)  # fmt: skip
_SPECIFIC = frozenset().union(*(kind.properties for kind in FIELD_TYPES.values()))
_CONSTRAINTS = frozenset().union(*(kind.constraints for kind in FIELD_TYPES.values()))
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_DIRECTIVES = frozenset("aAwdbBmyYHIpMSfzZjUWcxXGuV%")


def lint_field(descriptor: object) -> Iterator[Fault]:
    """Give every fault of a field descriptor with its path in it."""
    if not isinstance(descriptor, dict):
        yield (), "a field is a mapping; begin it with name:"
        return
    name = descriptor.get("name")
    if not isinstance(name, str) or not name:
        here: Path = ("name",) if "name" in descriptor else ()
        yield (
            here,
            "a field needs a name that is text; put it in quotes"
            if here
            else "a field needs a name; add name:",
        )
    kind_name = descriptor.get("type", "any")
    kind = FIELD_TYPES.get(kind_name) if isinstance(kind_name, str) else None
    if kind is None:
        hint = did_you_mean(str(kind_name), FIELD_TYPES)
        yield ("type",), f"unknown type {kind_name!r}.{hint}"
    yield from misspelt_in(descriptor, _COMMON | _SPECIFIC, ())
    for key in ("title", "description", "rdfType"):
        if descriptor.get(key) is not None and not isinstance(descriptor[key], str):
            yield (key,), f"{key} is text; put it in quotes"
    for path, what in lint_missing_values(descriptor.get("missingValues")):
        yield ("missingValues", *path), what
    for key in ("required", "unique"):
        if key in descriptor:
            yield (key,), f"{key} is a constraint; move it under constraints:"
    if kind is None:
        return
    field = Contract.from_descriptor({"fields": [descriptor]}).fields[0]
    yield from _properties(descriptor, kind)
    yield from _format(field, kind)
    yield from _categories(field, descriptor)
    yield from _constraints(field, kind, descriptor.get("constraints"))


def lint_missing_values(value: object) -> Iterator[Fault]:
    """Give the faults of a `missingValues` property.

    https://datapackage.org/standard/table-schema/#missingValues
    """
    if value is None:
        return
    if not isinstance(value, list):
        yield (), "missingValues is a list of texts"
        return
    seen: set[str] = set()
    for i, item in enumerate(value):
        word = item.get("value") if isinstance(item, dict) else item
        if not isinstance(word, str):
            yield (i,), "a missing value is text, compared before any reading; put it in quotes"
        elif word in seen:
            yield (i,), "this missing value stands here twice; keep one"
        else:
            seen.add(word)


def misspelt_in(value: object, known: frozenset[str], at: Path) -> Iterator[Fault]:
    """Give the misspelt keys of a mapping."""
    if isinstance(value, dict):
        for name, what in misspelt(value, known):
            yield (*at, name), what


def _properties(descriptor: dict[str, object], kind: FieldType) -> Iterator[Fault]:
    for key in sorted(_SPECIFIC & descriptor.keys() - kind.properties):
        yield (key,), f"{key} does not belong to the type {kind.name}; remove it"
    for key in ("decimalChar", "groupChar", "delimiter"):
        if key in descriptor and (not isinstance(descriptor[key], str) or not descriptor[key]):
            yield (key,), f"{key} is text of at least one character; put it in quotes"
    same = descriptor.get("groupChar") is not None
    if same and descriptor.get("groupChar") == descriptor.get("decimalChar", "."):
        yield (
            ("groupChar",),
            "groupChar and decimalChar are the same; a number could be read in two ways",
        )
    if not isinstance(descriptor.get("bareNumber", True), bool):
        yield ("bareNumber",), "bareNumber is true or false"
    if not isinstance(descriptor.get("categoriesOrdered", True), bool):
        yield ("categoriesOrdered",), "categoriesOrdered is true or false"
    if "itemType" in descriptor and descriptor["itemType"] not in LIST_ITEM_TYPES:
        hint = did_you_mean(str(descriptor["itemType"]), LIST_ITEM_TYPES)
        yield ("itemType",), f"itemType is one of {', '.join(LIST_ITEM_TYPES)}.{hint}"
    words: dict[str, list[object]] = {}
    for key in ("trueValues", "falseValues"):
        given = descriptor.get(key)
        if given is not None and not (
            isinstance(given, list) and all(isinstance(word, str) for word in given)
        ):
            yield (key,), f"{key} is a list of texts; put each in quotes"
        words[key] = given if isinstance(given, list) else []
    if any(word in words["falseValues"] for word in words["trueValues"]):
        yield ("falseValues",), "the same text stands for true and for false"


def _format(field: Field, kind: FieldType) -> Iterator[Fault]:
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
        yield ("categories",), "categories is a list of values, or of value: and label:"
        return
    seen: list[object] = []
    labels: list[str] = []
    for i, value in enumerate(field.categories):
        at: Path = ("categories", i)
        meaning = logical(field, value)
        if meaning is None:
            yield at, _not_a_value("this category", field, value)
        elif meaning in seen:
            yield at, "this category stands here twice; keep one"
        seen.append(meaning)
        label = field.category_labels[i]
        if label is not None and label in labels:
            yield at, "two categories have this label; labels must differ"
        if label is not None:
            labels.append(label)
    enum = field.constraints.get("enum")
    for i, value in enumerate(enum if isinstance(enum, list) else []):
        meaning = logical(field, value)
        if meaning is not None and meaning not in seen:
            yield (
                ("constraints", "enum", i),
                "this enum value is no category; add it there or remove it here",
            )


def _constraints(field: Field, kind: FieldType, written: object) -> Iterator[Fault]:
    """https://datapackage.org/standard/table-schema/#field-constraints."""
    if written is None:
        return
    if not isinstance(written, dict):
        yield (
            ("constraints",),
            "constraints is a mapping; write for example constraints: {required: true}",
        )
        return
    for name, value in written.items():
        at: Path = ("constraints", name)
        if name not in _CONSTRAINTS:
            yield at, f"unknown constraint {name!r}.{did_you_mean(name, _CONSTRAINTS)}"
        elif name not in kind.constraints:
            what = f"the constraint {name} does not fit the type {kind.name}"
            yield at, f"{what}; remove it or change the type"
        else:
            yield from (((*at, *path), what) for path, what in _constraint(field, name, value))
    yield from _ranges(field, written)


def _constraint(field: Field, name: str, value: object) -> Iterator[Fault]:
    if name in ("required", "unique"):
        if not isinstance(value, bool):
            yield (), f"{name} is true or false"
    elif name in LENGTHS:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            yield (), f"{name} is a whole number, zero or more"
    elif name in BOUNDS:
        if logical(field, value) is None:
            yield (), _not_a_value(f"the {name}", field, value)
    elif name == "pattern":
        if not isinstance(value, str):
            yield (), "pattern is text; put it in quotes"
        elif not _is_expression(value):
            yield (), "pattern is no regular expression that can be run; correct it"
    elif name == "enum":
        if not isinstance(value, list) or not value:
            yield (), "enum is a list of values"
        seen: list[object] = []
        for i, item in enumerate(value if isinstance(value, list) else []):
            meaning = logical(field, item)
            if meaning is None:
                yield (i,), _not_a_value("this enum value", field, item)
            elif meaning in seen:
                yield (i,), "this enum value stands here twice; keep one"
            seen.append(meaning)
    elif name == "jsonSchema" and not isinstance(value, dict):
        yield (), "jsonSchema is a JSON Schema object"


def _is_expression(pattern: str) -> bool:
    """Tell whether one of the two engines can run a pattern; Polars is loaded only if need be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        from data_package.engine.schema.pattern import pattern_test

        return pattern_test(pattern) is not None
    return True


def _ranges(field: Field, written: dict[str, object]) -> Iterator[Fault]:
    shortest, longest = written.get("minLength"), written.get("maxLength")
    if isinstance(shortest, int) and isinstance(longest, int) and shortest > longest:
        yield ("constraints", "minLength"), "minLength is above maxLength: nothing can be right"
    for low in ("minimum", "exclusiveMinimum"):
        for high in ("maximum", "exclusiveMaximum"):
            if low not in written or high not in written:
                continue
            bottom, top = logical(field, written[low]), logical(field, written[high])
            if bottom is None or top is None:
                continue
            touching = low == "minimum" and high == "maximum"
            if _above(bottom, top, touching):
                yield ("constraints", low), f"the {low} is above the {high}: nothing can be right"


def _above(bottom: object, top: object, touching: bool) -> bool:
    if isinstance(bottom, Span) and isinstance(top, Span):
        pairs = list(zip(bottom.after(), top.after(), strict=True))
        return all(low > high if touching else low >= high for low, high in pairs)
    low, high = cast("float", bottom), cast("float", top)
    return low > high if touching else low >= high


def _not_a_value(what: str, field: Field, value: object) -> str:
    told = f"{what} is no value of type {field.type}"
    if field.format != "default":
        told += f" ({field.format})"
    is_text = isinstance(value, str)
    if field.type == "string" and not is_text:
        return f"{told} as it stands; put it in quotes"
    return f"{told}; correct it or the type"
