"""What is wrong with a contract itself, before any data is seen."""

from collections.abc import Iterator
from dataclasses import dataclass

from data_package.engine.errors import did_you_mean
from data_package.engine.schema.document import Path
from data_package.engine.schema.fieldtypes import FIELD_TYPES


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault: its path in the descriptor, what it is, and what to do."""

    path: Path
    what: str
    next: str = ""

    def __str__(self) -> str:
        return f"{self.what}; {self.next}" if self.next else self.what


def lint(descriptor: object) -> list[Issue]:
    """Return every fault of a resource descriptor fragment, or of a bare Table Schema."""
    if not isinstance(descriptor, dict):
        return [Issue((), "a contract is a mapping", "begin with title: and schema:")]
    return list(_schema(descriptor))


def _schema(descriptor: dict[str, object]) -> Iterator[Issue]:
    schema = descriptor.get("schema", descriptor)
    fields = schema.get("fields") if isinstance(schema, dict) else None
    if not isinstance(fields, list):
        yield Issue(("schema",), "the contract has no fields", "add schema: and fields: to it")
        return
    for i, item in enumerate(fields):
        at: Path = ("schema", "fields", i)
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            yield Issue(at, "a field without a name", "give it a name:")
            continue
        kind = item.get("type", "any")
        if kind not in FIELD_TYPES:
            hint = did_you_mean(str(kind), FIELD_TYPES)
            yield Issue((*at, "type"), f"unknown type {kind!r}.{hint}")
