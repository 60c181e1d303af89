"""A table's contract: a Table Schema and its resource's properties, as frozen values.

https://datapackage.org/standard/data-resource/ and https://datapackage.org/standard/table-schema/
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import field as attribute
from pathlib import Path
from typing import Literal, TypeAlias, cast

from data_package.engine.errors import ProjectError
from data_package.engine.notebook import NamedParts, html_line, html_table
from data_package.engine.schema.code_list import Vocabulary

Descriptor: TypeAlias = Mapping[str, object]
Stamp: TypeAlias = tuple[int, int, int, int]
FieldsMatch: TypeAlias = Literal["exact", "equal", "subset", "superset", "partial"]


class ContractError(ProjectError):
    """A contract that cannot be used; the message lists every reason with its place."""

    def __init__(self, messages: tuple[str, ...]) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a table.

    https://datapackage.org/standard/table-schema/#field

    `missing_values` is the field's own list, or else the schema's. `categories` holds the values
    only, `category_labels` the label of each that has one. `missing_labels` has those of missing
    values, and `missing_reason` names the field that says why a value is missing. `descriptor` is
    the field as written.
    """

    name: str
    type: str = "any"
    format: str = "default"
    title: str = ""
    description: str = ""
    constraints: Descriptor = attribute(default_factory=dict)
    categories: tuple[object, ...] | None = None
    category_labels: tuple[str | None, ...] = ()
    categories_ordered: bool | None = None
    missing_values: tuple[str, ...] = ("",)
    missing_labels: Mapping[str, str] = attribute(default_factory=dict)
    missing_reason: str = ""
    descriptor: Descriptor = attribute(default_factory=dict)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The categories, where they are a file of their own."""
        written = self.descriptor.get("categories")
        return written if isinstance(written, Vocabulary) else None

    @property
    def required(self) -> bool:
        """Whether the field's own constraints forbid nulls (a primary key does too)."""
        return self.constraints.get("required") is True

    @property
    def unique(self) -> bool:
        """Whether no value may be in the field twice."""
        return self.constraints.get("unique") is True


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Fields whose values must be found in another table, or in this one (`resource` is None).

    https://datapackage.org/standard/table-schema/#foreignKeys
    """

    fields: tuple[str, ...]
    resource: str | None
    reference_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Contract(NamedParts[Field]):
    """What a table must be, and its description: a collection of its fields.

    `descriptor` is the resource descriptor fragment as written, with the parts that it names in
    other files, and not to be changed. `shared` are those files: size, times and inode of each.
    """

    name: str
    descriptor: Descriptor
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    missing_values: tuple[str, ...] = ("",)
    fields_match: FieldsMatch = "exact"
    path: Path | None = field(default=None, compare=False)
    shared: Mapping[str, Stamp] = field(default_factory=dict, compare=False)
    _by_name: dict[str, Field] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_name.update((each.name, each) for each in reversed(self.fields))

    @property
    def parts(self) -> Sequence[Field]:
        """The fields."""
        return self.fields

    def __bool__(self) -> bool:
        """A contract without fields is one."""
        return True

    def __str__(self) -> str:
        """Its fields and keys, as text."""
        lines = [f"  {each.name}: {each.type}" for each in self.fields]
        if self.primary_key:
            lines.append(f"  primary key: {', '.join(self.primary_key)}")
        return "\n".join([f"{self.name}: {len(self.fields)} fields", *lines])

    def _repr_html_(self) -> str:
        """The fields as a table, for notebooks."""
        rows = [(each.name, each.type, each.title, each.description) for each in self.fields]
        key = f"primary key: {', '.join(self.primary_key)}" if self.primary_key else ""
        heads = ("field", "type", "title", "description")
        return html_line(self.title or self.name) + html_table(heads, rows) + html_line(key)

    @property
    def title(self) -> str:
        """The table's title, or an empty string."""
        return str(self.descriptor.get("title") or "")

    @property
    def description(self) -> str:
        """The table's description, or an empty string."""
        return str(self.descriptor.get("description") or "")

    @property
    def schema_descriptor(self) -> dict[str, object]:
        """The Table Schema descriptor as written."""
        return dict(_mapping(self.descriptor.get("schema")))

    @property
    def references(self) -> tuple[str, ...]:
        """The other resources that foreign keys name, each once, in the order they are named."""
        named = (key.resource for key in self.foreign_keys)
        return tuple(dict.fromkeys(name for name in named if name and name != self.name))

    def field(self, name: str) -> Field:
        """Return the field called `name`; raises KeyError when there is none."""
        return self._by_name[name]

    def validation_digest(self) -> str:
        """Return a sha256 over what changes the outcome of a check, and nothing else.

        Titles, descriptions, examples, labels and the resource's other properties do not count.
        """
        judged = {
            "fields": [_judged_field(each) for each in self.fields],
            "primaryKey": self.primary_key,
            "uniqueKeys": self.unique_keys,
            "foreignKeys": [
                [key.fields, key.resource, key.reference_fields] for key in self.foreign_keys
            ],
            "fieldsMatch": self.fields_match,
        }
        text = json.dumps(judged, sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def from_descriptor(
        cls, descriptor: Descriptor, *, name: str | None = None, path: Path | None = None
    ) -> "Contract":
        """Return the contract in a resource descriptor, or in a bare Table Schema (`fields`).

        Nothing is linted: whatever has the wrong shape counts as absent.
        """
        if "schema" not in descriptor and "fields" in descriptor:
            descriptor = {"schema": descriptor}
        schema = _mapping(descriptor.get("schema"))
        missing = missing_values(schema.get("missingValues"))
        schema_missing = ("",) if missing is None else missing
        return cls(
            name=name or str(descriptor.get("name") or "table"),
            descriptor=descriptor,
            fields=tuple(
                _field(item, schema.get("missingValues")) for item in _items(schema.get("fields"))
            ),
            primary_key=_names(schema.get("primaryKey")),
            unique_keys=tuple(_names(key) for key in _items(schema.get("uniqueKeys"))),
            foreign_keys=tuple(_foreign_key(key) for key in _items(schema.get("foreignKeys"))),
            missing_values=schema_missing,
            fields_match=_fields_match(schema.get("fieldsMatch")),
            path=path,
        )


def missing_values(value: object) -> tuple[str, ...] | None:
    """Return the strings of a `missingValues` property (plain or labelled), None when absent.

    https://datapackage.org/standard/table-schema/#missingValues
    """
    if not isinstance(value, list):
        return None
    plain = (item.get("value") if isinstance(item, dict) else item for item in value)
    return tuple(dict.fromkeys(item for item in plain if isinstance(item, str)))


def _labels(value: object) -> dict[str, str]:
    """Return the labels in a `missingValues` property."""
    return {
        str(item["value"]): str(item["label"])
        for item in _items(value)
        if isinstance(item, dict) and "value" in item and item.get("label")
    }


def _field(item: object, schema_missing: object) -> Field:
    descriptor = _mapping(item)
    missing = descriptor.get("missingValues")
    missing = schema_missing if missing_values(missing) is None else missing
    words = missing_values(missing)
    categories = descriptor.get("categories")
    values, labels = _categories(categories)
    ordered = descriptor.get("categoriesOrdered")
    format_name = str(descriptor.get("format") or "default")
    return Field(
        name=str(descriptor.get("name") or ""),
        type=str(descriptor.get("type") or "any"),
        # Version 0 of the standard wrote patterns behind this prefix; readers must drop it.
        format=format_name.removeprefix("fmt:"),
        title=str(descriptor.get("title") or ""),
        description=str(descriptor.get("description") or ""),
        constraints=_mapping(descriptor.get("constraints")),
        categories=values,
        category_labels=labels,
        categories_ordered=ordered if isinstance(ordered, bool) else None,
        missing_values=("",) if words is None else words,
        missing_labels=_labels(missing),
        missing_reason=str(descriptor.get("missingReason") or ""),
        descriptor=descriptor,
    )


def _categories(
    written: object,
) -> tuple[tuple[object, ...] | None, tuple[str | None, ...]]:
    """Return the values of categories and their labels; those of a vocabulary are made once."""
    if not isinstance(written, list):
        return None, ()
    known = written if isinstance(written, Vocabulary) else Vocabulary(written, name="")
    return known.values, known.labels


def _foreign_key(item: object) -> ForeignKey:
    key = _mapping(item)
    reference = _mapping(key.get("reference"))
    resource = reference.get("resource")
    return ForeignKey(
        fields=_names(key.get("fields")),
        resource=str(resource) if resource else None,
        reference_fields=_names(reference.get("fields")),
    )


def _judged_field(each: Field) -> dict[str, object]:
    silent = {"title", "description", "example", "rdfType", "categories", "missingValues"}
    judged = {key: value for key, value in each.descriptor.items() if key not in silent}
    return {
        **judged,
        "type": each.type,
        "format": each.format,
        "categories": each.vocabulary.digest if each.vocabulary else each.categories,
        "missingValues": each.missing_values,
        **({"labels": dict(each.missing_labels)} if each.missing_reason else {}),
    }


def _fields_match(value: object) -> FieldsMatch:
    # The published 2.0 profile says array where the text of the standard says string.
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    known = ("exact", "equal", "subset", "superset", "partial")
    return cast("FieldsMatch", value) if value in known else "exact"


def _mapping(value: object) -> Descriptor:
    return cast("Descriptor", value) if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in _items(value) if isinstance(item, str))
