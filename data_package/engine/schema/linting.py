"""What is wrong with a contract itself, before any data is seen.

Goes by the standard's text: https://datapackage.org/standard/data-resource/ and
https://datapackage.org/standard/table-schema/
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from data_package.engine.errors import did_you_mean
from data_package.engine.schema.document import Path
from data_package.engine.schema.lint_dialect import lint_dialect, lint_encoding
from data_package.engine.schema.lint_field import lint_field, lint_missing_values
from data_package.engine.schema.published import (
    address_fault,
    email_fault,
    web_fault,
    word_faults,
)
from data_package.engine.schema.spelling import misspelt

RESOURCE = frozenset(
    {
        "$schema", "bytes", "compression", "data", "description", "dialect", "encoding", "format",
        "hash", "homepage", "innerpath", "jsonSchema", "licenses", "mediatype", "name", "path",
        "profile", "schema", "sources", "title", "type",
    }
)  # fmt: skip
SCHEMA = frozenset(
    {
        "$schema", "description", "fields", "fieldsMatch", "foreignKeys", "missingValues", "name",
        "primaryKey", "title", "uniqueKeys",
    }
)  # fmt: skip
ITEM_TEXTS = frozenset({"title", "path", "email", "version", "name"})
FIELDS_MATCH = ("exact", "equal", "subset", "superset", "partial")


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault: its path in the descriptor, and what it is and what to do about it in words."""

    path: Path
    what: str

    def __str__(self) -> str:
        return self.what


def lint(descriptor: object) -> list[Issue]:
    """Return every fault of a resource descriptor fragment, or of a bare Table Schema.

    A property that is close to one of the standard's is taken for a misspelling; others are the
    publisher's own and allowed. Foreign keys to other tables are judged by `lint_references`.
    """
    if not isinstance(descriptor, dict):
        return [Issue((), "a contract must be a mapping; begin it with title: and schema:")]
    words = [Issue(path, what) for path, what in word_faults(descriptor)]
    if "schema" not in descriptor and "fields" in descriptor:
        return [*words, *_schema(descriptor, ())]
    found = words + [Issue((key,), what) for key, what in misspelt(descriptor, RESOURCE, SCHEMA)]
    found.extend(_text(descriptor, ("title", "description"), ()))
    found.extend(_publication(descriptor))
    if "dialect" in descriptor:
        found.extend(
            Issue(("dialect", *path), what) for path, what in lint_dialect(descriptor["dialect"])
        )
    if "encoding" in descriptor:
        found.extend(Issue(("encoding",), what) for what in lint_encoding(descriptor["encoding"]))
    schema = descriptor.get("schema")
    if isinstance(schema, dict):
        found.extend(_schema(schema, ("schema",)))
    elif "schema" in descriptor:
        found.append(Issue(("schema",), "schema: must be a mapping with fields:, or a file's path"))
    else:
        found.append(Issue((), "the contract has no schema; add schema: with fields: in it"))
    return found


def lint_references(contracts: Mapping[str, Mapping[str, object]]) -> list[tuple[str, Issue]]:
    """Return the faults of foreign keys between tables, each with the name of its table.

    `contracts` are the descriptors of all tables of a package by name. A key must name a table
    and fields that exist. The standard does not ask for unique fields there.
    https://datapackage.org/standard/table-schema/#foreignKeys
    """
    found: list[tuple[str, Issue]] = []
    for name, descriptor in contracts.items():
        schema = cast("dict[str, object]", descriptor.get("schema") or {})
        for i, key in enumerate(_list(schema.get("foreignKeys"))):
            reference = key.get("reference") if isinstance(key, dict) else None
            if not isinstance(reference, dict):
                continue
            target = str(reference.get("resource") or name)
            at: Path = ("schema", "foreignKeys", i, "reference")
            if target not in contracts:
                hint = did_you_mean(target, contracts)
                what = (
                    f"the foreign key refers to {target!r}, which is not a table with a contract."
                )
                found.append((name, Issue((*at, "resource"), what + hint)))
                continue
            other = cast("dict[str, object]", contracts[target].get("schema") or {})
            found.extend(
                (name, Issue((*at, "fields"), what))
                for what in _target_faults(target, _names(reference.get("fields")), other)
            )
    return found


def _schema(schema: dict[str, object], at: Path) -> Iterator[Issue]:
    for key, what in misspelt(schema, SCHEMA):
        yield Issue((*at, key), what)
    fields = schema.get("fields")
    if not isinstance(fields, list) or not fields:
        yield Issue(
            (*at, "fields") if "fields" in schema else at,
            "the schema has no fields; list them under fields:",
        )
        return
    seen: dict[str, int] = {}
    for i, field in enumerate(fields):
        here: Path = (*at, "fields", i)
        for path, what in lint_field(field):
            yield Issue((*here, *path), what)
        name = field.get("name") if isinstance(field, dict) else None
        if isinstance(name, str) and name in seen:
            yield Issue(
                (*here, "name"),
                f"the field name {name!r} is taken by field {seen[name] + 1}; rename one",
            )
        elif isinstance(name, str):
            seen[name] = i
    yield from _reasons(fields, at)
    yield from _text(schema, ("title", "description"), at)
    match = schema.get("fieldsMatch", "exact")
    if (match[0] if isinstance(match, list) and len(match) == 1 else match) not in FIELDS_MATCH:
        yield Issue((*at, "fieldsMatch"), f"fieldsMatch must be one of {', '.join(FIELDS_MATCH)}")
    for path, what in lint_missing_values(schema.get("missingValues")):
        yield Issue((*at, "missingValues", *path), what)
    yield from _keys(
        schema, at, {name: cast("dict[str, object]", fields[i]) for name, i in seen.items()}
    )


def _reasons(fields: list[object], at: Path) -> Iterator[Issue]:
    """Give the fields whose `missingReason` is their own name, or another's that is not listed."""
    names = (field.get("name") for field in fields if isinstance(field, dict))
    listed = {name for name in names if isinstance(name, str)}
    taken: dict[str, str] = {}
    for i, field in enumerate(fields):
        reason = field.get("missingReason") if isinstance(field, dict) else None
        if not isinstance(field, dict) or not isinstance(reason, str):
            continue
        here: Path = (*at, "fields", i, "missingReason")
        name = str(field.get("name"))
        if reason == name:
            yield Issue(here, "missingReason must name another field than its own")
        elif reason in taken and reason not in listed:
            yield Issue(here, f"{reason!r} is the missingReason of {taken[reason]!r}; name another")
        taken.setdefault(reason, name)


def _keys(
    schema: dict[str, object], at: Path, fields: Mapping[str, dict[str, object]]
) -> Iterator[Issue]:
    if "primaryKey" in schema:
        yield from _key(schema["primaryKey"], (*at, "primaryKey"), fields, "the primary key")
    if "uniqueKeys" in schema:
        keys = schema["uniqueKeys"]
        if not isinstance(keys, list) or not keys:
            yield Issue((*at, "uniqueKeys"), "uniqueKeys must be a list of lists of field names")
        for i, key in enumerate(_list(keys)):
            here: Path = (*at, "uniqueKeys", i)
            if not isinstance(key, list):
                yield Issue(here, "a unique key must be a list of field names; put it in brackets")
            else:
                yield from _key(key, here, fields, "the unique key")
    if "foreignKeys" not in schema:
        return
    if not isinstance(schema["foreignKeys"], list):
        yield Issue((*at, "foreignKeys"), "foreignKeys must be a list; put a dash before each key")
    for i, key in enumerate(_list(schema["foreignKeys"])):
        yield from _foreign_key(key, (*at, "foreignKeys", i), schema, fields)


def _key(
    key: object, at: Path, fields: Mapping[str, dict[str, object]], what: str
) -> Iterator[Issue]:
    names = _names(key)
    if not names or (isinstance(key, list) and len(names) != len(key)):
        yield Issue(at, f"{what} must be a list of field names")
        return
    seen: set[str] = set()
    for i, name in enumerate(names):
        here: Path = (*at, i) if isinstance(key, list) else at
        if name not in fields:
            yield Issue(
                here, f"{what} names {name!r}, which is not a field.{did_you_mean(name, fields)}"
            )
        elif name in seen:
            yield Issue(here, f"{what} names {name!r} twice; keep one")
        seen.add(name)


def _foreign_key(
    key: object,
    at: Path,
    schema: dict[str, object],
    fields: Mapping[str, dict[str, object]],
) -> Iterator[Issue]:
    if not isinstance(key, dict) or not isinstance(key.get("reference"), dict):
        yield Issue(
            at, "a foreign key needs fields: and reference: with resource: and fields: in it"
        )
        return
    for name, what in misspelt(key, ("fields", "reference")):
        yield Issue((*at, name), what)
    reference = cast("dict[str, object]", key["reference"])
    yield from _text(reference, ("resource",), (*at, "reference"))
    for name, what in misspelt(reference, ("resource", "fields")):
        yield Issue((*at, "reference", name), what)
    yield from _key(key.get("fields"), (*at, "fields"), fields, "the foreign key")
    own, other = _names(key.get("fields")), _names(reference.get("fields"))
    if not other:
        yield Issue((*at, "reference"), "the reference names no fields; add fields: to it")
    elif len(own) != len(other):
        what = f"the foreign key has {len(own)} fields and refers to {len(other)}"
        yield Issue((*at, "reference", "fields"), f"{what}; give both the same number")
    elif not reference.get("resource"):
        for what in _target_faults("this table", other, schema):
            yield Issue((*at, "reference", "fields"), what)


def _target_faults(
    target: str, names: tuple[str, ...], schema: Mapping[str, object]
) -> Iterator[str]:
    fields = {
        str(field.get("name")): field
        for field in _list(schema.get("fields"))
        if isinstance(field, dict)
    }
    unknown = [name for name in names if name not in fields]
    for name in unknown:
        what = f"the foreign key refers to {name!r}, which is not a field of {target}."
        yield what + did_you_mean(name, fields)


def _publication(descriptor: dict[str, object]) -> Iterator[Issue]:
    """Judge what is published of the resource as it is written.

    https://datapackage.org/standard/data-resource/#sources
    """
    if (homepage := descriptor.get("homepage")) is not None:
        fault = (
            web_fault(homepage) if isinstance(homepage, str) else "must be text; put it in quotes"
        )
        if fault:
            yield Issue(("homepage",), f"'homepage' {fault}")
    for name in ("sources", "licenses"):
        items = descriptor.get(name)
        if items is None:
            continue
        if not isinstance(items, list) or (name == "licenses" and not items):
            yield Issue((name,), f"{name} must be a list; put a dash before each of them")
            continue
        for i, item in enumerate(items):
            at: Path = (name, i)
            if not isinstance(item, dict) or not item:
                yield Issue(at, f"each of {name} must be a mapping, such as - title: ...")
                continue
            for key in ITEM_TEXTS & item.keys():
                if not isinstance(item[key], str):
                    yield Issue(
                        (*at, key), f"{key} must be text; put it in quotes, or leave it out"
                    )
            if name == "licenses" and item.get("name") is None and item.get("path") is None:
                yield Issue(at, "a license needs a name (such as CC-BY-4.0) or a path to its text")
            if isinstance(path := item.get("path"), str) and (fault := address_fault(path)):
                yield Issue((*at, "path"), f"path {fault}")
            if isinstance(email := item.get("email"), str) and (fault := email_fault(email)):
                yield Issue((*at, "email"), f"email {fault}")
            if name == "licenses" and item.get("name") is not None and not _is_license(item):
                yield Issue((*at, "name"), "a license's name must be a word such as CC-BY-4.0")


def _is_license(item: Mapping[str, object]) -> bool:
    return re.fullmatch(r"[-a-zA-Z0-9._]+", str(item["name"])) is not None


def _text(value: dict[str, object], names: Iterable[str], at: Path) -> Iterator[Issue]:
    for name in names:
        if value.get(name) is not None and not isinstance(value[name], str):
            yield Issue((*at, name), f"{name} must be text; put it in quotes")


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in _list(value) if isinstance(item, str))
