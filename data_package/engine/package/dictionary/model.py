"""What the page's script draws from: tables and fields as compact JSON, words cut to a length."""

import json
import re
from collections.abc import Mapping
from urllib.parse import quote

from data_package.engine.lineage.column_lineage import Ref
from data_package.engine.package.addresses import fragment
from data_package.engine.package.codebook import categories
from data_package.engine.package.facts import Facts, TableFacts
from data_package.engine.package.statistics import SELF_EVIDENT, FieldSummary
from data_package.engine.schema import Contract, Field
from data_package.engine.schema.constraints import CONSTRAINTS
from data_package.engine.schema.row_rules import words_of

# A line that goes on: no paragraph ends there, and no list item follows.
_WRAPPED = re.compile(r"(?<!\n)\n(?!\n|\s*[-*\d])")
_ANCHORED = re.compile(r"\^\(\?:(.+)\)\$", re.DOTALL)
_WORDS = 4_000
_CATEGORIES = 300
_ORIGIN = 600
_LISTED = 1_500
_USERS = 12


def model(facts: Facts) -> dict[str, object]:
    """The tables and fields of the package."""
    users = _users(facts)
    return {"k": facts.k, "tables": [_table(table, users) for table in facts.tables]}


def summary_of(table: TableFacts) -> dict[str, object]:
    """The few facts that a table's head shows."""
    summary = table.summary
    return {
        "rows": f"{summary.rows:,}" if summary.rows is not None else None,
        "subjects": f"{summary.subjects:,}" if summary.subjects is not None else None,
        "fields": len(table.contract.fields),
        "size": size_in_words(table.size_bytes),
        "rules": sum(count for _, count, _ in rules_of(table.contract)),
    }


def rules_of(contract: Contract) -> list[tuple[str, int, str]]:
    """What the rows of a table are checked against: each kind of rule, how many, and for what."""
    found: dict[str, list[str]] = {}
    if contract.primary_key:
        found["primaryKey"] = [" + ".join(contract.primary_key)]
    for keys in contract.unique_keys:
        found.setdefault("uniqueKeys", []).append(" + ".join(keys))
    for key in contract.foreign_keys:
        own, other = " + ".join(key.fields), " + ".join(key.reference_fields)
        found.setdefault("foreignKeys", []).append(
            f"{own} → {key.resource or contract.name}.{other}"
        )
    for field in contract.fields:
        found.setdefault("type", []).append(field.name)
        if field.categories is not None and "enum" not in field.constraints:
            found.setdefault("categories", []).append(field.name)
        for name, value in field.constraints.items():
            if value is not False:
                found.setdefault(str(name), []).append(field.name)
    every = [field.name for field in contract.fields]
    of_fields = [
        (name, len(on), "every field" if on == every else clipped(", ".join(on), _LISTED))
        for name, on in found.items()
    ]
    return [
        *of_fields,
        *((name, 1, clipped(says, _LISTED)) for name, says in words_of(contract).items()),
    ]


def relation_edges(facts: Facts) -> list[tuple[str, str, str]]:
    """Each foreign key: from which table, to which, and the fields in words."""
    return [
        (
            table.name,
            key.resource or table.name,
            f"{', '.join(key.fields)} → {', '.join(key.reference_fields)}",
        )
        for table in facts.tables
        for key in table.contract.foreign_keys
    ]


def lineage_edges(facts: Facts) -> list[tuple[str, str]]:
    """Each input: what is read, and what is made of it."""
    return [(source, one.name) for one in facts.lineage for source in one.inputs]


def clipped(text: str, length: int) -> str:
    """A text cut to a length, its paragraphs unwrapped."""
    text = _WRAPPED.sub(" ", text[: 4 * length].strip())
    return text if len(text) <= length else f"{text[:length]}…"


def size_in_words(size_bytes: int) -> str:
    """A size in the unit that reads best, to two digits: enough to expect, too little to count."""
    size, unit = float(size_bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        # What would be rounded to 1000 is one of the larger unit.
        if size < 950:
            break
        size, unit = size / 1000, larger
    digits = 1 - len(str(int(size)))
    shown = round(size, max(digits, -2)) if size >= 10 else round(size, 1)
    return f"{shown:g} {unit}"


def _users(facts: Facts) -> dict[Ref, list[Ref]]:
    """For each field, the fields of the package that are made from it or refer to it."""
    found: dict[Ref, set[Ref]] = {}
    for table in facts.tables:
        for name, users in table.origins.used_by.items():
            found.setdefault((table.name, name), set()).update(users)
        for key in table.contract.foreign_keys:
            for name, target in zip(key.fields, key.reference_fields, strict=False):
                if key.resource and key.resource != table.name:
                    found.setdefault((key.resource, target), set()).add((table.name, name))
    return {ref: sorted(users) for ref, users in found.items()}


def _table(table: TableFacts, users: Mapping[Ref, list[Ref]]) -> dict[str, object]:
    contract = table.contract
    files = [("Parquet", table.path), ("CSV", table.csv_path)]
    own = {user for each in contract.fields for user in users.get((table.name, each.name), ())}
    return {
        "name": table.name,
        "address": fragment(table.name),
        "title": clipped(contract.title, 300),
        "words": clipped(contract.description, _WORDS),
        "origin": clipped(table.origins.table, _ORIGIN),
        "files": [[kind, quote(path, errors="replace")] for kind, path in files if path],
        "rules": rules_of(contract),
        "users": sorted({name for name, _ in own}),
        "fields": [
            {
                **_field(contract, each, table.summary.fields.get(each.name)),
                **_origin(table, each),
                **_used_by(users.get((table.name, each.name), [])),
            }
            for each in contract.fields
        ],
    }


def _used_by(users: list[Ref]) -> dict[str, object]:
    """The users that are named; how many there are, where that is more."""
    if len(users) > _USERS:
        return {"u": users[:_USERS], "more": len(users) - _USERS}
    return {"u": users} if users else {}


def _origin(table: TableFacts, field: Field) -> dict[str, str]:
    words = table.origins.fields.get(field.name)
    return {"o": clipped(words, _ORIGIN)} if words else {}


def _field(contract: Contract, field: Field, summary: FieldSummary | None) -> dict[str, object]:
    properties: dict[str, object] = {
        "n": field.name,
        "t": clipped(field.title, 300),
        "d": clipped(field.description, _WORDS),
        "y": field.type,
        "b": _badges(contract, field),
        "r": _rules(field),
        "x": _example(field),
        "s": _unit(field),
        "f": [
            (key.resource or contract.name, target)
            for key in contract.foreign_keys
            for name, target in zip(key.fields, key.reference_fields, strict=False)
            if name == field.name
        ],
        "c": [clipped(one, 300) for one in categories(field)[:_CATEGORIES]],
    }
    if summary is not None:
        properties["m"] = summary.missing
        properties["w"] = "" if summary.why in SELF_EVIDENT else summary.why
        if summary.bars is not None:
            properties["p"] = {
                "k": summary.bars.kind,
                "l": [clipped(label, 200) for label in summary.bars.labels],
                "v": list(summary.bars.counts),
            }
    return {name: value for name, value in properties.items() if value not in ("", [], None)}


def _badges(contract: Contract, field: Field) -> list[str]:
    badges = []
    if field.name in contract.primary_key:
        badges.append("primary key")
    elif field.unique:
        badges.append("unique")
    if field.required and field.name not in contract.primary_key:
        badges.append("required")
    if field.categories_ordered:
        badges.append("ordered")
    return badges


def _rules(field: Field) -> list[str]:
    rules = [
        CONSTRAINTS[name].words.format(clipped(_bare(name, _plain(value)), 300))
        for name, value in field.constraints.items()
        if name in CONSTRAINTS and CONSTRAINTS[name].words
    ]
    listed = field.constraints.get("enum")
    if isinstance(listed, list) and field.categories is None:
        rules.append("one of " + clipped(", ".join(map(_plain, listed)), 1_000))
    if field.format != "default":
        rules.append(f"format {clipped(field.format, 100)}")
    return rules


def _bare(rule: str, value: str) -> str:
    """A pattern without the group and anchors around it: the whole value must match anyway."""
    found = _ANCHORED.fullmatch(value) if rule == "pattern" else None
    if found is None:
        return value
    try:
        re.compile(found[1])
    except (re.error, RecursionError, OverflowError):
        return value
    return found[1]


def _example(field: Field) -> str:
    value = field.descriptor.get("example")
    return "" if value is None else clipped(_plain(value), 300)


def _unit(field: Field) -> str:
    value = field.descriptor.get("unit")
    return clipped(value, 60) if isinstance(value, str) else ""


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
