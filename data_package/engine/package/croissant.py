"""`croissant.json`, through the mlcroissant library (https://docs.mlcommons.org/croissant/)."""

import json
from datetime import datetime

import mlcroissant as mlc  # type: ignore[import-not-found]

from data_package.engine.package.citation import creators, name_of, reference, spdx_names
from data_package.engine.package.facts import Facts, TableFacts
from data_package.engine.package.licence import KNOWN
from data_package.engine.schema import Field

_TYPES = {
    "integer": mlc.DataType.INTEGER,
    "year": mlc.DataType.INTEGER,
    "number": mlc.DataType.FLOAT,
    "boolean": mlc.DataType.BOOL,
    "date": mlc.DataType.DATE,
    "datetime": mlc.DataType.DATE,
}


def croissant_json(facts: Facts) -> str:
    """The text of `croissant.json`."""
    spdx = spdx_names(facts)
    licences = [spdx] if isinstance(spdx, str) else spdx
    released = facts.text("created")
    metadata = mlc.Metadata(
        name=facts.text("name"),
        description=facts.text("description").strip() or facts.title,
        url=facts.text("homepage") or facts.text("id") or None,
        version=facts.text("version") or None,
        license=[KNOWN[name][1] if name in KNOWN else name for name in licences if name] or None,
        keywords=facts.keywords or None,
        cite_as=reference(facts),
        creators=[mlc.Organization(name=name_of(one)) for one in creators(facts)],
        date_published=datetime.fromisoformat(released) if released else None,
        distribution=[
            mlc.FileObject(
                id=table.path,
                name=table.path,
                content_url=table.path,
                # The only name of Parquet that the library accepts.
                encoding_formats=["application/x-parquet"],
                sha256=str(table.resource["hash"]).removeprefix("sha256:"),
                content_size=f"{table.size_bytes} B",
            )
            for table in facts.tables
        ],
        record_sets=[_record_set(table) for table in facts.tables],
    )
    return json.dumps(metadata.to_json(), indent=2, ensure_ascii=False, default=str) + "\n"


def _record_set(table: TableFacts) -> mlc.RecordSet:
    return mlc.RecordSet(
        id=table.name,
        name=table.name,
        description=table.contract.description or table.title,
        key=[f"{table.name}/{name}" for name in table.contract.primary_key] or None,
        fields=[_field(table, field) for field in table.contract.fields],
    )


def _field(table: TableFacts, field: Field) -> mlc.Field:
    return mlc.Field(
        id=f"{table.name}/{field.name}",
        name=field.name,
        description=field.description or field.title or field.name,
        data_types=[_TYPES.get(field.type, mlc.DataType.TEXT)],
        source=mlc.Source(file_object=table.path, extract=mlc.Extract(column=field.name)),
    )
