"""`datapackage.json`, made of the package's properties, the contracts and the built files.

Nothing in it tells when, where or by whom it was made: the same tables give the same bytes.
https://datapackage.org/standard/data-package/
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_package.engine.schema import Contract
from data_package.engine.tables.table import Table

FILE_NAME = "datapackage.json"
_PROFILES = "https://datapackage.org/profiles/2.0"


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
    return {"$schema": f"{_PROFILES}/datapackage.json", **properties, "resources": list(resources)}


def resource(table: Table, contract: Contract, file: PublishedFile) -> dict[str, object]:
    """The Data Resource of a table (https://datapackage.org/standard/data-resource/)."""
    written = dict(contract.descriptor)
    schema = written.pop("schema")
    return {
        "name": table.resource,
        "type": "table",
        **{key: value for key, value in written.items() if key not in ("name", "type")},
        "path": file.path,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": file.size_bytes,
        "hash": f"sha256:{file.sha256}",
        "schema": {"$schema": f"{_PROFILES}/tableschema.json", **_mapping(schema)},
    }


def to_json(document: Mapping[str, object]) -> str:
    """The text of a descriptor: one form for equal content."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _mapping(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value
