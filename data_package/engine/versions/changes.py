"""How two descriptors of a data package differ, and the level of each change for its users.

The levels are those of https://datapackage.org/recipes/data-package-version/.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from data_package.engine.schema.constraints import CONSTRAINTS
from data_package.engine.schema.constraints.constraint import spelling
from data_package.engine.schema.contract import Contract, Field, ForeignKey
from data_package.engine.schema.plain import plain_constraints, plain_field, plain_value
from data_package.engine.versions.edition import Edition, EditionTable
from data_package.engine.versions.level import Level

# Reported by other modules of this room, or following from the files.
_PACKAGE_SILENT = frozenset(("$schema", "resources", "version", "created", "name", "id"))
_RESOURCE_SILENT = frozenset(
    ("$schema", "name", "path", "bytes", "hash", "format", "mediatype", "encoding", "schema")
)
_FIELD_REPORTED = frozenset(("name", "type", "format", "constraints", "categories"))
_SCHEMA_TOLD = frozenset(("$schema", "fields", "primaryKey", "uniqueKeys", "foreignKeys"))


class ChangeKind(StrEnum):
    """What changed."""

    PACKAGE = "package"
    TABLE_ADDED = "table added"
    TABLE_REMOVED = "table removed"
    FIELD_ADDED = "field added"
    FIELD_REMOVED = "field removed"
    FIELDS_REORDERED = "fields in another order"
    FIELD_RETYPED = "field retyped"
    CONSTRAINT = "constraint"
    CATEGORIES = "categories"
    KEY = "key"
    WORDS = "words"


@dataclass(frozen=True)
class Change:
    """One change of the descriptor; never a value of a row.

    Attributes:
        table: the table's name, None for the package's own properties.
        field: the field's name, None for what concerns the whole table.
        words: a short description.
    """

    kind: ChangeKind
    level: Level
    words: str
    table: str | None = None
    field: str | None = None

    @property
    def place(self) -> str:
        """`table.field`, `table`, or `package`."""
        return ".".join(part for part in (self.table, self.field) if part) or "package"

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "kind": str(self.kind),
            "level": str(self.level),
            "table": self.table,
            "field": self.field,
            "words": self.words,
        }


def changes_of(old: Edition, new: Edition) -> list[Change]:
    """Every change from one descriptor to the other: the package's own first, then by table."""
    found = list(_package(old.document, new.document))
    for name, table in old.tables.items():
        if name not in new.tables:
            found.append(Change(ChangeKind.TABLE_REMOVED, Level.MAJOR, "table removed", name))
        else:
            found += _table(table, new.tables[name])
    found += [
        Change(ChangeKind.TABLE_ADDED, Level.MINOR, "table added", name)
        for name in new.tables
        if name not in old.tables
    ]
    return found


def _package(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[Change]:
    for name in ("name", "id"):
        if old.get(name) != new.get(name):
            yield Change(ChangeKind.PACKAGE, Level.MAJOR, f"{name} {_verb(old, new, name)}")
    for name in _differing(old, new, _PACKAGE_SILENT):
        yield Change(ChangeKind.PACKAGE, Level.PATCH, f"{name} {_verb(old, new, name)}")


def _table(old: EditionTable, new: EditionTable) -> Iterator[Change]:
    before, now = old.contract, new.contract
    yield from _fields(before, now, new.name)
    yield from _keys(before, now, new.name)
    before_ = (old.descriptor, new.descriptor), (before.schema_descriptor, now.schema_descriptor)
    silent = _RESOURCE_SILENT, _SCHEMA_TOLD
    for (one, other), reported in zip(before_, silent, strict=True):
        for name in _differing(one, other, reported):
            words = f"{name} {_verb(one, other, name)}"
            yield Change(ChangeKind.WORDS, Level.PATCH, words, new.name)


def _fields(old: Contract, new: Contract, table: str) -> Iterator[Change]:
    before = {field.name: field for field in old.fields}
    now = {field.name: field for field in new.fields}
    for name, field in before.items():
        if name not in now:
            yield Change(ChangeKind.FIELD_REMOVED, Level.MAJOR, "field removed", table, name)
        else:
            yield from _field(field, now[name], table)
    for name in now:
        if name not in before:
            yield Change(ChangeKind.FIELD_ADDED, Level.MAJOR, "field added", table, name)
    if [name for name in before if name in now] != [name for name in now if name in before]:
        words = "fields in another order"
        yield Change(ChangeKind.FIELDS_REORDERED, Level.MAJOR, words, table)


def _field(old: Field, new: Field, table: str) -> Iterator[Change]:
    if (old.type, old.format) != (new.type, new.format):
        words = f"retyped: {_type(old)} → {_type(new)}"
        yield Change(ChangeKind.FIELD_RETYPED, Level.MAJOR, words, table, new.name)
    yield from _categories(old, new, table)
    before, now = _constraints(old), _constraints(new)
    for name in _differing(before, now, ()):
        level = _level_of(name, before.get(name), now.get(name))
        words = _constraint(name, before.get(name), now.get(name))
        yield Change(ChangeKind.CONSTRAINT, level, words, table, new.name)
    before_, says = plain_field(old), plain_field(new)
    for name in _differing(before_, says, _FIELD_REPORTED):
        words = f"{name} {_verb(before_, says, name)}"
        yield Change(ChangeKind.WORDS, Level.PATCH, words, table, new.name)


def _categories(old: Field, new: Field, table: str) -> Iterator[Change]:
    def change(level: Level, words: str) -> Change:
        return Change(ChangeKind.CATEGORIES, level, words, table, new.name)

    if old.categories is None and new.categories is None:
        return
    if old.categories is None:
        yield change(Level.MAJOR, "categories added: other values are no longer allowed")
    elif new.categories is None:
        yield change(Level.MINOR, "categories removed: any value is allowed now")
    else:
        before, now = _labels(old), _labels(new)
        gone = [word for word in before if word not in now]
        more = [word for word in now if word not in before]
        if gone:
            yield change(Level.MAJOR, f"categories removed: {_some(gone)}")
        if more:
            yield change(Level.MINOR, f"categories added: {_some(more)}")
        kept = [word for word in now if word in before]
        if kept != [word for word in before if word in now]:
            yield change(Level.MINOR, "categories in another order")
        if any(before[word] != now[word] for word in kept):
            yield change(Level.PATCH, "labels of categories changed")


def _labels(field: Field) -> dict[str, str | None]:
    """The label of each category, by the category's value in one spelling."""
    words = [spelling(plain_value(field, value)) for value in field.categories or ()]
    return dict(zip(words, field.category_labels, strict=True))


def _constraints(field: Field) -> dict[str, object]:
    """A field's constraints by name, without the enum that its categories imply."""
    found = {name: value for name, value in plain_constraints(field).items() if value is not False}
    words = [plain_value(field, value) for value in field.categories or ()]
    if field.categories is not None and found.get("enum") == words:
        del found["enum"]
    return found


def _level_of(name: str, old: object, new: object) -> Level:
    """Major where valid data may become invalid, minor where more is allowed."""
    if old is None or new is None:
        return Level.MAJOR if old is None else Level.MINOR
    constraint = CONSTRAINTS.get(name)
    loosens = constraint is not None and constraint.loosens(old, new)
    return Level.MINOR if loosens else Level.MAJOR


def _spellings(values: Sequence[object]) -> set[str]:
    return {spelling(value) for value in values}


def _constraint(name: str, old: object, new: object) -> str:
    if name == "enum" and isinstance(old, list) and isinstance(new, list):
        before, now = _spellings(old), _spellings(new)
        gone = [value for value in old if spelling(value) not in now]
        more = [value for value in new if spelling(value) not in before]
        parts = [f"less {_some(gone)}"] if gone else []
        parts += [f"more {_some(more)}"] if more else []
        return f"enum: {', '.join(parts) or 'in another order'}"
    if old is None:
        return f"{name} added: {_value(new)}"
    if new is None:
        return f"{name} removed: {_value(old)}"
    return f"{name}: {_value(old)} → {_value(new)}"


def _keys(old: Contract, new: Contract, table: str) -> Iterator[Change]:
    def change(level: Level, words: str) -> Change:
        return Change(ChangeKind.KEY, level, words, table)

    if old.primary_key != new.primary_key:
        before, now = _names(old.primary_key), _names(new.primary_key)
        level = Level.MAJOR if new.primary_key else Level.MINOR
        yield change(level, f"primary key: {before} → {now}")
    for key in old.unique_keys:
        if key not in new.unique_keys:
            yield change(Level.MINOR, f"unique key removed: {_names(key)}")
    for key in new.unique_keys:
        if key not in old.unique_keys:
            yield change(Level.MAJOR, f"unique key added: {_names(key)}")
    moved = {key.fields for key in old.foreign_keys} & {key.fields for key in new.foreign_keys}
    both = set(old.foreign_keys) & set(new.foreign_keys)
    for foreign in chain(old.foreign_keys, new.foreign_keys):
        if foreign in both:
            continue
        is_new = foreign in new.foreign_keys
        if foreign.fields in moved:
            if is_new:
                yield change(Level.MINOR, f"foreign key now: {_foreign(foreign)}")
        elif is_new:
            yield change(Level.MAJOR, f"foreign key added: {_foreign(foreign)}")
        else:
            yield change(Level.MINOR, f"foreign key removed: {_foreign(foreign)}")


def _foreign(key: ForeignKey) -> str:
    there = f"{key.resource or 'itself'}({_names(key.reference_fields)})"
    return f"{_names(key.fields)} → {there}"


def _differing(
    old: Mapping[str, object], new: Mapping[str, object], silent: Sequence[str] | frozenset[str]
) -> list[str]:
    names = dict.fromkeys(chain(old, new))
    return [name for name in names if name not in silent and old.get(name) != new.get(name)]


def _verb(old: Mapping[str, object], new: Mapping[str, object], name: str) -> str:
    if old.get(name) is None:
        return "added"
    return "removed" if new.get(name) is None else "changed"


def _type(field: Field) -> str:
    return field.type if field.format == "default" else f"{field.type} ({field.format})"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _value(value: object) -> str:
    if value is True:
        return "yes"
    return _some(value) if isinstance(value, list) else str(value)


def _some(values: Sequence[object], most: int = 10) -> str:
    shown = ", ".join(str(value) for value in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown
