"""A table's contract: a Table Schema and its resource's properties, as frozen values.

https://datapackage.org/standard/data-resource/ and https://datapackage.org/standard/table-schema/
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import field as attribute
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from data_package.engine.errors import ProjectError
from data_package.engine.notebook import NamedParts, html_line, html_table
from data_package.engine.schema.code_list import Vocabulary
from data_package.engine.schema.document import Path as Steps
from data_package.engine.schema.document import Place, read_document

if TYPE_CHECKING:
    from data_package.engine.schema.contract_cache import ContractCache

Descriptor: TypeAlias = Mapping[str, object]
# More would fill more than a screen, and are seldom more than one thing.
_MOST_ISSUES = 40
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


def linted(descriptor: Descriptor, *, name: str) -> Contract:
    """Return the contract in a descriptor that Python code made.

    Raises ContractError with one line per fault, `name.place.in.the.descriptor: what`.
    """
    from data_package.engine.schema.linting import lint

    if issues := lint(descriptor):
        raise ContractError(
            tuple(
                f"{'.'.join(map(str, (name, *issue.path)))}: {issue}"
                for issue in issues[:_MOST_ISSUES]
            )
        )
    return Contract.from_descriptor(descriptor, name=name)


def load_contract(path: Path | str, cache: "ContractCache | None" = None) -> Contract:
    """Return the contract in a YAML or JSON file, with the parts that it names in other files.

    What `cache` knows of files with this content is neither read nor judged again.

    Raises ContractError with one line per fault, `file:line:column: what; what to do next`, when
    the file cannot be read or its descriptor does not lint.
    """
    from data_package.engine.schema.linting import lint
    from data_package.engine.schema.shared import places_in, with_shared_parts

    path = Path(path)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path}:1:1: byte {error.start} is not UTF-8; save the file as UTF-8"
        raise ContractError((message,)) from None
    except OSError as error:
        message = f"{path}: the contract cannot be read: {error.strerror}"
        raise ContractError((message,)) from None
    digest = hashlib.sha256(content).hexdigest()
    document = cache.document(path.suffix, digest) if cache is not None else None
    if document is None:
        document = read_document(text)
        if cache is not None:
            cache.put_document(path.suffix, digest, document)
    if document.problems:
        raise _refused(path, [(path, fault.place, fault.what) for fault in document.problems])
    whole = with_shared_parts(document, path, cache)
    if whole.faults:
        faults = [(fault.file, fault.place, fault.what) for fault in whole.faults]
        raise _refused(path, faults)
    parts = {"": digest, **whole.named, **whole.digests}
    if cache is None or not cache.is_sound(parts):
        issues = lint(whole.value)
        if issues:
            found: dict[Path, Callable[[Steps], Place]] = {
                path: read_document(text, spans=True).place
            }
            lines = []
            for issue in issues[:_MOST_ISSUES]:
                file, at = whole.origin(issue.path) or (path, issue.path)
                if file not in found:
                    found[file] = places_in(file)
                lines.append((file, found[file](at), str(issue)))
            raise _refused(path, lines, more=len(issues) - len(lines))
        if cache is not None:
            cache.put_sound(parts)
    descriptor = cast("Descriptor", whole.value)
    made = Contract.from_descriptor(descriptor, name=path.stem, path=path)
    return replace(made, shared=whole.stamps) if whole.stamps else made


def _refused(
    path: Path, faults: Sequence[tuple[Path, Place, str]], *, more: int = 0
) -> ContractError:
    """Return the error that lists faults: the contract's own first, then those of other files."""
    own, name = path.resolve(), shown_path(path)
    lines = {
        ("" if file in (path, own) else shown_path(file), place.line, place.column, what)
        for file, place, what in faults
    }
    messages = [
        f"{file or name}:{line}:{column}: {what}" for file, line, column, what in sorted(lines)
    ]
    if more:
        messages.append(f"{name}: and {more:,} more faults")
    return ContractError(tuple(messages))


def shown_path(path: Path) -> str:
    """Return a path as people read it: from the working directory, if it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


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
