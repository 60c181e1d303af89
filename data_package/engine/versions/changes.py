"""How two descriptors of a data package differ, and the level of each change for its users.

Each category of changes is a value in `CATEGORIES`, which owns how it is found and what its levels
mean. The levels are those of https://datapackage.org/recipes/data-package-version/. What does not
belong here: how rows differ (`rows`, `difference`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from data_package.engine.schema.constraints import CONSTRAINTS
from data_package.engine.schema.constraints.constraint import spelling
from data_package.engine.schema.contract import Contract, Field, ForeignKey
from data_package.engine.schema.plain import plain_constraints, plain_field, plain_value
from data_package.engine.schema.row_rules import words_of
from data_package.engine.versions.edition import Edition, EditionTable
from data_package.engine.versions.level import Level

# Reported as another category, or following from the files.
_PACKAGE_SILENT = frozenset(("$schema", "resources", "version", "created", "name", "id"))
_RESOURCE_SILENT = frozenset(
    ("$schema", "name", "path", "bytes", "hash", "format", "mediatype", "encoding", "schema")
)
_FIELD_SILENT = frozenset(("name", "type", "format", "constraints", "categories"))
_SCHEMA_SILENT = frozenset(
    ("$schema", "fields", "primaryKey", "uniqueKeys", "foreignKeys", "rowRules")
)


@dataclass(frozen=True)
class Change:
    """One change of the descriptor; never a value of a row.

    Attributes:
        kind: the name of its category.
        table: the table's name, None for the package's own properties.
        field: the field's name, None for what concerns the whole table.
        words: a short description.
    """

    kind: str
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
            "kind": self.kind,
            "level": str(self.level),
            "table": self.table,
            "field": self.field,
            "words": self.words,
        }


# The level of a change, its words, and its table and field.
Found: TypeAlias = tuple[Level, str, str | None, str | None]
_Names: TypeAlias = Mapping[str, None]


@dataclass(frozen=True)
class Category:
    """A category of changes.

    Attributes:
        name: its name in the JSON of a difference.
        levels: what a change of each level is, in the words of the reference.
        find: the changes of it from one version to another.
    """

    name: str
    levels: Mapping[Level, str]
    find: Callable[[Edition, Edition], Iterator[Found]]


def changes_of(old: Edition, new: Edition) -> list[Change]:
    """Every change from one descriptor to the other: the package's own first, then by table."""
    order = {name: at for at, name in enumerate(dict.fromkeys([*old.tables, *new.tables]), 1)}
    found = [
        Change(category.name, level, words, table, field)
        for category in CATEGORIES
        for level, words, table, field in category.find(old, new)
    ]
    return sorted(found, key=lambda change: order[change.table] if change.table else 0)


def _both_tables(old: Edition, new: Edition) -> Iterator[tuple[EditionTable, EditionTable]]:
    return ((old.tables[name], table) for name, table in new.tables.items() if name in old.tables)


def _both_fields(old: Edition, new: Edition) -> Iterator[tuple[str, Field, Field]]:
    for before, now in _both_tables(old, new):
        fields = {field.name: field for field in now.contract.fields}
        for field in before.contract.fields:
            if field.name in fields:
                yield now.name, field, fields[field.name]


def _identity(old: Edition, new: Edition) -> Iterator[Found]:
    before, now = old.document, new.document
    for name in ("name", "id"):
        if before.get(name) != now.get(name):
            yield Level.MAJOR, f"{name} {_verb(before, now, name)}", None, None
    for name in _differing(before, now, _PACKAGE_SILENT):
        yield Level.PATCH, f"{name} {_verb(before, now, name)}", None, None


def _tables_removed(old: Edition, new: Edition) -> Iterator[Found]:
    for name in old.tables:
        if name not in new.tables:
            yield Level.MAJOR, "table removed", name, None


def _tables_added(old: Edition, new: Edition) -> Iterator[Found]:
    for name in new.tables:
        if name not in old.tables:
            yield Level.MINOR, "table added", name, None


def _both_names(old: Edition, new: Edition) -> Iterator[tuple[str, _Names, _Names]]:
    for before, now in _both_tables(old, new):
        yield now.name, _names_of(before), _names_of(now)


def _names_of(table: EditionTable) -> _Names:
    """The names of the fields, in their order."""
    return dict.fromkeys(field.name for field in table.contract.fields)


def _fields_removed(old: Edition, new: Edition) -> Iterator[Found]:
    for table, before, now in _both_names(old, new):
        for name in before:
            if name not in now:
                yield Level.MAJOR, "field removed", table, name


def _fields_added(old: Edition, new: Edition) -> Iterator[Found]:
    for table, before, now in _both_names(old, new):
        for name in now:
            if name not in before:
                yield Level.MAJOR, "field added", table, name


def _fields_reordered(old: Edition, new: Edition) -> Iterator[Found]:
    for table, before, now in _both_names(old, new):
        if [name for name in before if name in now] != [name for name in now if name in before]:
            yield Level.MAJOR, "fields in another order", table, None


def _retyped(old: Edition, new: Edition) -> Iterator[Found]:
    for table, before, now in _both_fields(old, new):
        if (before.type, before.format) != (now.type, now.format):
            yield Level.MAJOR, f"retyped: {_type(before)} → {_type(now)}", table, now.name


def _constraints_changed(old: Edition, new: Edition) -> Iterator[Found]:
    for table, before, now in _both_fields(old, new):
        first, second = _constraints(before), _constraints(now)
        for name in _differing(first, second, ()):
            value, other = first.get(name), second.get(name)
            yield _level_of(name, value, other), _constraint(name, value, other), table, now.name


def _categories_changed(old: Edition, new: Edition) -> Iterator[Found]:
    for table, before, now in _both_fields(old, new):
        for level, words in _categories(before, now):
            yield level, words, table, now.name


def _keys_changed(old: Edition, new: Edition) -> Iterator[Found]:
    for before, now in _both_tables(old, new):
        for level, words in _keys(before.contract, now.contract):
            yield level, words, now.name, None


def _rules_changed(old: Edition, new: Edition) -> Iterator[Found]:
    for before, now in _both_tables(old, new):
        first, second = words_of(before.contract), words_of(now.contract)
        for name in _differing(first, second, ()):
            if name not in first:
                yield Level.MAJOR, f"row rule added: {name}", now.name, None
            elif name not in second:
                yield Level.MINOR, f"row rule removed: {name}", now.name, None
            else:
                yield Level.PATCH, f"row rule {name}: description changed", now.name, None


def _words_changed(old: Edition, new: Edition) -> Iterator[Found]:
    for table, earlier, later in _both_fields(old, new):
        first, second = plain_field(earlier), plain_field(later)
        for name in _differing(first, second, _FIELD_SILENT):
            yield Level.PATCH, f"{name} {_verb(first, second, name)}", table, later.name
    for before, now in _both_tables(old, new):
        schemas = before.contract.schema_descriptor, now.contract.schema_descriptor
        both = (before.descriptor, now.descriptor), schemas
        for (one, other), silent in zip(both, (_RESOURCE_SILENT, _SCHEMA_SILENT), strict=True):
            for name in _differing(one, other, silent):
                yield Level.PATCH, f"{name} {_verb(one, other, name)}", now.name, None


CATEGORIES = (
    Category(
        "package",
        {
            Level.MAJOR: "the package's `name` or `id` changed",
            Level.PATCH: "the package's title, licences and other words changed",
        },
        _identity,
    ),
    Category("table removed", {Level.MAJOR: "a table removed"}, _tables_removed),
    Category("table added", {Level.MINOR: "a table added"}, _tables_added),
    Category("field removed", {Level.MAJOR: "a field removed"}, _fields_removed),
    Category("field added", {Level.MAJOR: "a field added"}, _fields_added),
    Category("fields in another order", {Level.MAJOR: "a field moved"}, _fields_reordered),
    Category("field retyped", {Level.MAJOR: "a field of another type or format"}, _retyped),
    Category(
        "categories",
        {
            Level.MAJOR: "a category removed",
            Level.MINOR: "a category added or moved",
            Level.PATCH: "a label of a category changed",
        },
        _categories_changed,
    ),
    Category(
        "constraint",
        {
            Level.MAJOR: "a constraint that demands more",
            Level.MINOR: "a constraint that demands less",
        },
        _constraints_changed,
    ),
    Category(
        "key",
        {
            Level.MAJOR: "a key that demands more",
            Level.MINOR: "a key that demands less, or a foreign key that points elsewhere",
        },
        _keys_changed,
    ),
    Category(
        "row rule",
        {
            Level.MAJOR: "a row rule added",
            Level.MINOR: "a row rule removed",
            Level.PATCH: "the description of a row rule changed",
        },
        _rules_changed,
    ),
    Category(
        "words",
        {Level.PATCH: "titles, descriptions and other words of a table or field changed"},
        _words_changed,
    ),
)


def _categories(old: Field, new: Field) -> Iterator[tuple[Level, str]]:
    if old.categories is None and new.categories is None:
        return
    if old.categories is None:
        yield Level.MAJOR, "categories added: other values are no longer allowed"
    elif new.categories is None:
        yield Level.MINOR, "categories removed: any value is allowed now"
    else:
        before, now = _labels(old), _labels(new)
        gone = [word for word in before if word not in now]
        more = [word for word in now if word not in before]
        if gone:
            yield Level.MAJOR, f"categories removed: {_some(gone)}"
        if more:
            yield Level.MINOR, f"categories added: {_some(more)}"
        kept = [word for word in now if word in before]
        if kept != [word for word in before if word in now]:
            yield Level.MINOR, "categories in another order"
        if any(before[word] != now[word] for word in kept):
            yield Level.PATCH, "labels of categories changed"


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


def _keys(old: Contract, new: Contract) -> Iterator[tuple[Level, str]]:
    if old.primary_key != new.primary_key:
        before, now = _names(old.primary_key), _names(new.primary_key)
        level = Level.MAJOR if new.primary_key else Level.MINOR
        yield level, f"primary key: {before} → {now}"
    for key in old.unique_keys:
        if key not in new.unique_keys:
            yield Level.MINOR, f"unique key removed: {_names(key)}"
    for key in new.unique_keys:
        if key not in old.unique_keys:
            yield Level.MAJOR, f"unique key added: {_names(key)}"
    moved = {key.fields for key in old.foreign_keys} & {key.fields for key in new.foreign_keys}
    both = set(old.foreign_keys) & set(new.foreign_keys)
    for foreign in chain(old.foreign_keys, new.foreign_keys):
        if foreign in both:
            continue
        is_new = foreign in new.foreign_keys
        if foreign.fields in moved:
            if is_new:
                yield Level.MINOR, f"foreign key now: {_foreign(foreign)}"
        elif is_new:
            yield Level.MAJOR, f"foreign key added: {_foreign(foreign)}"
        else:
            yield Level.MINOR, f"foreign key removed: {_foreign(foreign)}"


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
