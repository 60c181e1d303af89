"""Large vocabularies as tables of codes, instead of a copy in every field that uses them.

A field whose categories are a vocabulary of more values than the setting `largest-categories` is
published with a foreign key to the vocabulary's table; a small one stays in the field's categories,
where people read it. https://datapackage.org/standard/table-schema/#foreignKeys
"""

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import dagster as dg

from data_package.engine.project import Project
from data_package.engine.schema import Contract, Field
from data_package.engine.schema.code_list import Vocabulary
from data_package.engine.schema.document import Path as Steps
from data_package.engine.schema.plain import plain, plain_value
from data_package.engine.storage import make_private_folder, write_private

_VALUE = "value"
_DIGITS = 16
_TITLES = {_VALUE: "Code", "label": "Label"}


class Published(Protocol):
    """What is published as a table: its name in the package, and the Parquet file to copy."""

    @property
    def resource(self) -> str:
        """Its name in the data package."""

    @property
    def path(self) -> Path:
        """Its Parquet file."""


@dataclass(frozen=True)
class CodeTable:
    """A vocabulary as a table, kept beside the project's own tables."""

    resource: str
    path: Path


@dataclass
class Codes:
    """The vocabularies of a package that are tables of their own."""

    project: Project
    taken: frozenset[str]
    _known: dict[str, tuple[Vocabulary, Field]] = field(default_factory=dict)

    def apart(self, contract: Contract) -> Contract:
        """Return a contract with a foreign key instead of each large vocabulary.

        The codes have the types of their fields. Raises dg.Failure when two vocabularies, or
        one and a table, have the same name.
        """
        for _, what in self.clashes(contract):
            raise dg.Failure(what)
        large = [each for each in contract.fields if self._is_large(each)]
        if not large:
            return plain(contract)
        schema = contract.schema_descriptor
        names = {each.name: self._name(each) for each in large}
        fields = cast("Sequence[Mapping[str, object]]", schema["fields"])
        schema["fields"] = [
            _without_categories(each) if each.get("name") in names else each for each in fields
        ]
        keys = schema.get("foreignKeys")
        schema["foreignKeys"] = [
            *(keys if isinstance(keys, list) else []),
            *(
                {"fields": [name], "reference": {"resource": codes, "fields": [_VALUE]}}
                for name, codes in names.items()
            ),
        ]
        descriptor = {**contract.descriptor, "schema": schema}
        return plain(Contract.from_descriptor(descriptor, name=contract.name, path=contract.path))

    def clashes(self, contract: Contract) -> Iterator[tuple[Steps, str]]:
        """Each large vocabulary of a contract whose name is taken: where it is named, and why."""
        for at, each in enumerate(contract.fields):
            if self._is_large(each) and (other := self._other(each)):
                what = (
                    f"The vocabulary '{self._name(each)}' is published as a table, and {other} "
                    "has this name in the data package.\nRename its file."
                )
                yield ("schema", "fields", at, "categories"), what

    def tables(self) -> list[tuple[CodeTable, Contract]]:
        """The tables of the vocabularies met so far, each with its contract, by name."""
        return [self._table(name, *self._known[name]) for name in sorted(self._known)]

    def _is_large(self, each: Field) -> bool:
        most = self.project.packaging.largest_categories
        return each.vocabulary is not None and len(each.vocabulary) > most

    def _name(self, each: Field) -> str:
        assert each.vocabulary is not None
        return re.sub(r"[^A-Za-z0-9._-]", "-", each.vocabulary.name)

    def _other(self, each: Field) -> str:
        """What else has the name of a field's vocabulary; the vocabulary is noted."""
        assert each.vocabulary is not None
        name = self._name(each)
        known = self._known.setdefault(name, (each.vocabulary, each))
        if name in self.taken:
            return "a table"
        if known[0] != each.vocabulary or known[1].type != each.type:
            return "another vocabulary, or the same one with another type,"
        return ""

    def _table(self, name: str, codes: Vocabulary, each: Field) -> tuple[CodeTable, Contract]:
        columns = codes.columns
        rows = [
            [plain_value(each, value), *(_said(entry, column) for column in columns[1:])]
            for entry, value in zip(codes, codes.values, strict=True)
        ]
        text = json.dumps([each.type, columns, rows], ensure_ascii=False)
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        path = self.project.places.codes / f"{name}-{digest[:_DIGITS]}.parquet"
        if not path.is_file():
            make_private_folder(path.parent)
            for older in path.parent.glob(f"{name}-{'?' * _DIGITS}.parquet"):
                older.unlink(missing_ok=True)
            write_private(path, _parquet(each, columns, rows))
        return CodeTable(name, path), _contract(name, each, columns)


def _contract(name: str, each: Field, columns: Sequence[str]) -> Contract:
    fields: list[dict[str, object]] = [
        {
            "name": column,
            "title": _TITLES.get(column, column),
            "type": each.type if column == _VALUE else "string",
        }
        for column in columns
    ]
    fields[0]["constraints"] = {"required": True}
    descriptor = {
        "title": f"Codes: {name}",
        "description": f"The vocabulary {name}: codes and their meanings.",
        "schema": {"fields": fields, "primaryKey": [_VALUE]},
    }
    return Contract.from_descriptor(descriptor, name=name)


def _parquet(each: Field, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    import polars as pl

    dtypes = {
        column: pl.Int64() if column == _VALUE and each.type == "integer" else pl.String()
        for column in columns
    }
    out = io.BytesIO()
    pl.DataFrame(rows, schema=dtypes, orient="row").write_parquet(out)
    return out.getvalue()


def _without_categories(descriptor: Mapping[str, object]) -> dict[str, object]:
    gone = ("categories", "categoriesOrdered")
    return {name: value for name, value in descriptor.items() if name not in gone}


def _said(entry: object, column: str) -> str | None:
    value = entry.get(column) if isinstance(entry, dict) else None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
