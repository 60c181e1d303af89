"""`datapackage.json`, made of the package's properties, the contracts and the built files.

Nothing in it depends on when, where or by whom it was made: the same tables give the same bytes.
Where the standard's text and its own profile contradict each other (`fieldsMatch`, the type
`list`), nothing is written. https://datapackage.org/standard/data-package/
"""

import json
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from data_package.engine.package.codes import Published
from data_package.engine.package.contents import said_of
from data_package.engine.package.csvtwin import DIALECT
from data_package.engine.schema import Contract
from data_package.engine.tables.table import Table

FILE_NAME = "datapackage.json"
CSV_SUFFIX = "-csv"
_PROFILES = "https://datapackage.org/profiles/2.0"
_ORDER = (
    *("name", "id", "title", "description", "version", "created", "homepage", "keywords"),
    *("image", "licenses", "contributors", "sources"),
)
# How values are written as text: meaningless in a file that has types.
_PHYSICAL = frozenset(
    ("missingValues", "trueValues", "falseValues", "decimalChar", "groupChar", "bareNumber")
)
# What the build writes itself, or what describes how a delivery is read.
_RESOURCE_DROPPED = frozenset(
    (
        *("$schema", "name", "type", "path", "data", "schema", "format", "mediatype", "encoding"),
        *("bytes", "hash", "dialect", "profile"),
    )
)

_WORDS = frozenset(("title", "description", "label", "homepage", "path", "email", "version"))
_VALUES = frozenset(("example", "examples", "constraints"))


# Without the machine's own lists: the same file gets the same media type everywhere.
_MEDIA = mimetypes.MimeTypes(filenames=())


@dataclass(frozen=True)
class PublishedFile:
    """A table's file in the package: its path from the package's folder, its size and hash."""

    path: str
    size_bytes: int
    sha256: str


def descriptor(
    properties: Mapping[str, object], resources: Sequence[Mapping[str, object]]
) -> dict[str, object]:
    """The whole descriptor."""
    ordered = {name: properties[name] for name in _ORDER if name in properties}
    return {
        "$schema": f"{_PROFILES}/datapackage.json",
        **ordered,
        **{name: value for name, value in properties.items() if name not in ordered},
        "resources": list(resources),
    }


def words(table: Published, contract: Contract) -> dict[str, object]:
    """The part of a Data Resource that is independent of the file: name, texts and Table Schema."""
    written = {k: v for k, v in contract.descriptor.items() if k not in _RESOURCE_DROPPED}
    described = {"name": table.resource, **written, "schema": _schema(contract)}
    return cast("dict[str, object]", _without_empty_words(described))


def resource(table: Published, contract: Contract, file: PublishedFile) -> dict[str, object]:
    """The Data Resource of a table (https://datapackage.org/standard/data-resource/)."""
    described = words(table, contract)
    schema = described.pop("schema")
    return {
        "name": described.pop("name"),
        "type": "table",
        **described,
        "path": file.path,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": file.size_bytes,
        "hash": f"sha256:{file.sha256}",
        "schema": schema,
    }


def file_resource(asset: Table, file: PublishedFile) -> dict[str, object]:
    """The Data Resource of a file that is not a table: a report, a figure."""
    ending = file.path.rpartition(".")[2]
    kind = _MEDIA.guess_type(file.path)[0]
    described = {"description": said_of(asset), "format": ending, "mediatype": kind}
    if ending == "parquet":
        # A resource with a schema would be read as a table of this package.
        described = {"description": described["description"]}
    return {
        "name": asset.resource,
        **{name: value for name, value in described.items() if value},
        "path": file.path,
        "bytes": file.size_bytes,
        "hash": f"sha256:{file.sha256}",
    }


def csv_resource(table: Published, contract: Contract, file: PublishedFile) -> dict[str, object]:
    """The Data Resource of a table's CSV twin; its foreign keys point to other twins."""
    made = resource(table, contract, file)
    schema = dict(cast("dict[str, object]", made.pop("schema")))
    if "foreignKeys" in schema:
        keys = cast("list[dict[str, dict[str, object]]]", schema["foreignKeys"])
        schema["foreignKeys"] = [{**key, "reference": _twin(key["reference"])} for key in keys]
    return {
        **made,
        "name": f"{table.resource}{CSV_SUFFIX}",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": DIALECT,
        "schema": schema,
    }


def to_json(document: Mapping[str, object]) -> str:
    """The text of a descriptor: equal content gives equal text."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _without_empty_words(value: object) -> object:
    """The properties without placeholders that are still to be filled in."""
    if isinstance(value, list):
        return [_without_empty_words(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: item if name in _VALUES else _without_empty_words(item)
        for name, item in value.items()
        if not (name in _WORDS and isinstance(item, str) and not item.strip())
    }


def _schema(contract: Contract) -> dict[str, object]:
    written = contract.schema_descriptor
    fields = written.pop("fields", [])
    dropped = ("$schema", "fieldsMatch", "missingValues")
    kept = {name: value for name, value in written.items() if name not in dropped}
    return {
        "$schema": f"{_PROFILES}/tableschema.json",
        "fields": [_field(dict(field)) for field in cast("list[dict[str, object]]", fields)],
        **{name: _plain_key(name, value) for name, value in kept.items() if value != []},
    }


def _field(field: dict[str, object]) -> dict[str, object]:
    made = {name: value for name, value in field.items() if name not in _PHYSICAL}
    if made.get("type") == "list":
        # A list in a Parquet column is a JSON array; its delimiter as text no longer matters.
        made["type"] = "array"
        made.pop("itemType", None)
        made.pop("delimiter", None)
    if made.get("type") in ("date", "datetime", "time"):
        made.pop("format", None)
    categories = made.get("categories")
    if isinstance(categories, list):
        constraints = dict(cast("dict[str, object]", made.get("constraints") or {}))
        values = [item["value"] if isinstance(item, dict) else item for item in categories]
        constraints.setdefault("enum", values)
        made["constraints"] = constraints
    return made


def _plain_key(name: str, value: object) -> object:
    """Keys in the form that every client of version 2 reads: lists of names."""
    if name == "primaryKey" and isinstance(value, str):
        return [value]
    if name == "uniqueKeys" and isinstance(value, list):
        return [key for i, key in enumerate(value) if key not in value[:i]]
    if name == "foreignKeys" and isinstance(value, list):
        return [_plain_foreign_key(key) for key in value]
    return value


def _plain_foreign_key(key: dict[str, object]) -> dict[str, object]:
    reference = dict(cast("dict[str, object]", key["reference"]))
    if not reference.get("resource"):
        reference.pop("resource", None)
    return {
        **key,
        "fields": _names(key["fields"]),
        "reference": {**reference, "fields": _names(reference["fields"])},
    }


def _names(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _twin(reference: dict[str, object]) -> dict[str, object]:
    if "resource" not in reference:
        return reference
    return {**reference, "resource": f"{reference['resource']}{CSV_SUFFIX}"}
