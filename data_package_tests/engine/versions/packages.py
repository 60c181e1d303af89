"""Small data packages written by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

Tables = Mapping[str, tuple[pl.DataFrame, Mapping[str, Any]]]


def write_package(folder: Path, tables: Tables, **properties: object) -> Path:
    """Write a package of Parquet tables, each with its Table Schema."""
    (folder / "tables").mkdir(parents=True)
    resources = []
    for name, (frame, schema) in tables.items():
        path = f"tables/{name}.parquet"
        frame.write_parquet(folder / path)
        fields = schema.get("fields") or [{"name": column} for column in frame.columns]
        resources.append(
            {
                "name": name,
                "type": "table",
                "path": path,
                "format": "parquet",
                "schema": {**schema, "fields": fields},
            }
        )
    document = {"name": "small", **properties, "resources": resources}
    (folder / "datapackage.json").write_text(json.dumps(document))
    return folder
