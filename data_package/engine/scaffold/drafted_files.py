"""A delivered file as a raw file with a contract, and a final table of its columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import polars as pl

from data_package.engine import schema
from data_package.engine.errors import DataPackageError, ProjectError
from data_package.engine.scaffold.names import table_name
from data_package.engine.schema import Link
from data_package.engine.schema.codebook import Codebook
from data_package.engine.schema.contract import Contract, Descriptor

# How text is written, which a typed table has no more.
_OF_THE_TEXT = ("decimalChar", "groupChar", "bareNumber", "trueValues", "falseValues")
# What a column without a label is called.
_UNNAMED = "column 1"
_ROW_NAMES = "The first column numbers the rows, as R's write.csv does; no table uses it."
_LEAST_COLUMNS = 2
_FORMATS_THAT_STAY = ("string", "geopoint", "geojson", "list")


@dataclass(frozen=True)
class DraftedTable:
    """A table drafted from one delivered file.

    Attributes:
        name: the final table's name; the raw file's is `name` with `_file` behind it.
        path: where the delivered file is.
        delivered: the raw file's contract.
        final: the final table's contract.
        rows: the number of rows.
        links: what could be foreign keys.
        notes: what a person should look at.
    """

    name: str
    path: Path
    delivered: Descriptor
    final: Descriptor
    rows: int
    links: tuple[Link, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The raw file's name."""
        return f"{self.name}_file"

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [str(one["name"]) for one in _fields(self.final)]

    @property
    def key(self) -> list[str]:
        """The fields of the primary key; empty without one."""
        return [
            str(name) for name in cast("list[object]", _schema(self.final).get("primaryKey", []))
        ]


def drafts(
    paths: Sequence[Path], *, taken: Sequence[str] = (), codebook: Codebook | None = None
) -> list[DraftedTable]:
    """Draft a table for each file, in the order given.

    Raises ProjectError for a file that cannot be described, with the reason.
    """
    names: list[str] = list(taken)
    made: list[tuple[DraftedTable, pl.DataFrame]] = []
    for path, part in _parts(paths):
        name = table_name(path, names, part=_called(part))
        names.append(name)
        made.append(_draft(name, path, part, codebook))
    keys = {
        draft.name: (draft.key[0], frame[draft.key[0]])
        for draft, frame in made
        if len(draft.key) == 1
    }
    alike = {name: group for group in same_columns([draft for draft, _ in made]) for name in group}
    return [
        _linked(draft, frame, {k: v for k, v in keys.items() if k not in _others(draft, alike)})
        for draft, frame in made
    ]


def same_columns(made: Sequence[DraftedTable]) -> list[list[str]]:
    """The tables that have the same columns: one table may have been delivered in several files."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for draft in made:
        groups.setdefault(tuple(draft.columns), []).append(draft.name)
    return [names for columns, names in groups.items() if min(len(names), len(columns)) > 1]


def _others(draft: DraftedTable, alike: Mapping[str, Sequence[str]]) -> set[str]:
    """The tables of the same kind, whose keys a table may share and does not refer to."""
    return {*alike.get(draft.name, ())} - {draft.name}


def _called(part: Mapping[str, str]) -> str:
    """What a part of a file is called: a sheet by its whole name, a file without its ending."""
    (name,) = part.values() or ("",)
    return Path(name).stem if "member" in part else name


def _parts(paths: Sequence[Path]) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Give every table of every file, with what its dialect says of it."""
    for path in paths:
        if path.name == "datapackage.json":
            raise ProjectError(
                f"{path} describes other files. Name these files, and it as the codebook: "
                f"--codebook {path}"
            )
        try:
            found = schema.parts_of(path)
        except DataPackageError as error:
            raise ProjectError(f"{path} cannot be described.\n{error}") from None
        yield from ((path, part) for part in found)


def _draft(
    name: str, path: Path, part: Mapping[str, str], codebook: Codebook | None
) -> tuple[DraftedTable, pl.DataFrame]:
    try:
        delivered, notes = described(path, part)
        contract = Contract.from_descriptor(delivered, name=name)
        frame = schema.read(path, contract, bad="null").frame.collect(engine="streaming")
        numbered = _numbers_rows(frame)
        if numbered:
            _fields(delivered)[0]["description"] = _ROW_NAMES
            frame = frame.drop(_UNNAMED)
        inferred = schema.infer(frame).descriptor
        if numbered:
            _take_key(delivered, inferred)
            delivered = _by_labels(delivered, path, frame) or delivered
    except DataPackageError as error:
        raise ProjectError(f"{path} cannot be described.\n{error}") from None
    final = _final(delivered, inferred, without=_UNNAMED if numbered else None)
    if codebook is not None:
        final = codebook.put_into(final, name)
    made = DraftedTable(name, path, _compact(delivered), final, frame.height, notes=notes)
    return made, frame


def _numbers_rows(frame: pl.DataFrame) -> bool:
    """Whether the first column has no label and counts the rows."""
    if frame.width < _LEAST_COLUMNS or frame.columns[0] != _UNNAMED or not frame.height:
        return False
    counted = pl.int_range(1, frame.height + 1, eager=True)
    return bool((frame[_UNNAMED].cast(pl.Int64, strict=False) == counted).all())


def _take_key(delivered: Descriptor, inferred: Descriptor) -> None:
    """Give the delivered file the key that its rows have without their numbers."""
    held, found = _schema(delivered), _schema(inferred)
    held.pop("primaryKey", None)
    if "primaryKey" in found:
        held["primaryKey"] = found["primaryKey"]


def _by_labels(delivered: Descriptor, path: Path, frame: pl.DataFrame) -> dict[str, object] | None:
    """The contract without the column of row numbers; None where it does not read the same rows.

    A label that is missing takes the whole header out of the contract, and columns that have been
    exchanged would go unnoticed. Without that column the others are found by their labels.
    """
    written = dict(cast("Mapping[str, object]", delivered.get("dialect", {})))
    if written.pop("header", None) is not False or written.pop("commentRows", None) != [1]:
        return None
    held = {**_schema(delivered), "fieldsMatch": "subset", "fields": _fields(delivered)[1:]}
    rest = {name: value for name, value in delivered.items() if name not in ("dialect", "schema")}
    dialect = {"dialect": written} if written else {}
    made = {**rest, "description": _ROW_NAMES, **dialect, "schema": held}
    try:
        found = schema.read(path, Contract.from_descriptor(made, name="file"), bad="null")
        same = found.frame.collect(engine="streaming").equals(frame)
    except DataPackageError:
        return None
    return made if same else None


def described(
    path: Path, part: Mapping[str, str] | None = None
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The contract that a delivered file keeps, with the way it is written; and notes on it.

    `part` is the dialect that says which table of the file is meant.
    """
    if schema.format_of(path).typed is not None:
        found = schema.infer_file(path)
        return found.descriptor, found.notes
    part = part or {}
    writing = schema.sniffed(path, part.get("member"))
    dialect = {**part, **writing.dialect}
    found = schema.infer_file(path, dialect=dialect, encoding=writing.encoding)
    inferred = found.descriptor
    fields = inferred.pop("schema")
    written = cast("dict[str, object]", inferred.pop("dialect", {})) | dialect
    stated = {"dialect": written, "encoding": writing.encoding}
    written_so = {k: v for k, v in stated.items() if v}
    return {**inferred, **written_so, "schema": fields}, found.notes


def _final(
    delivered: Descriptor, inferred: Descriptor, *, without: str | None
) -> dict[str, object]:
    """The contract of the typed table: the delivered one without how its text is written.

    `without` is a column that is left out.
    """
    types = {one["name"]: one for one in _fields(inferred)}
    fields = []
    for one in _fields(delivered):
        if one["name"] == without:
            continue
        kept = {name: value for name, value in one.items() if name not in _OF_THE_TEXT}
        if kept.get("type") not in _FORMATS_THAT_STAY:
            kept.pop("format", None)
        kept = {name: one for name, one in kept.items() if not name.startswith("missing")}
        if "categories" not in kept and "categories" in types.get(one["name"], {}):
            kept["categories"] = types[one["name"]]["categories"]
        fields.append(kept)
    held = _schema(delivered)
    written: dict[str, object] = {"fields": fields}
    if "primaryKey" in held:
        written["primaryKey"] = held["primaryKey"]
    return {"title": "", "description": "", "schema": written}


def _compact(delivered: Descriptor) -> dict[str, object]:
    """Without the empty words: a raw file's contract says how it is read."""
    schema_part = dict(_schema(delivered))
    schema_part["fields"] = [
        {name: value for name, value in one.items() if value != ""} for one in _fields(delivered)
    ]
    rest = {name: value for name, value in delivered.items() if value != "" and name != "schema"}
    return {**rest, "schema": schema_part}


def _linked(
    draft: DraftedTable, frame: pl.DataFrame, keys: Mapping[str, tuple[str, pl.Series]]
) -> DraftedTable:
    links = [
        link
        for name in frame.columns
        if (link := schema.link_of(name, frame[name], _targets(draft, frame, name, keys)))
    ]
    whole = [link for link in links if not link.orphans]
    written = dict(_schema(draft.final))
    if whole:
        written["foreignKeys"] = [link.foreign_key() for link in whole]
    final = {**draft.final, "schema": written}
    return replace(draft, final=final, links=tuple(links))


def _targets(
    draft: DraftedTable, frame: pl.DataFrame, name: str, keys: Mapping[str, tuple[str, pl.Series]]
) -> dict[str, tuple[str, pl.Series]]:
    """The keys that a column may refer to: of two tables with the same, the earlier one's."""
    others = {table: key for table, key in keys.items() if table != draft.name}
    if draft.key != [name]:
        return others
    order = list(keys)
    rows, place = frame.height, order.index(draft.name)
    return {
        table: (key, values)
        for table, (key, values) in others.items()
        if (rows, order.index(table)) < (values.len(), place)
    }


def _schema(descriptor: Descriptor) -> dict[str, object]:
    return cast("dict[str, object]", descriptor["schema"])


def _fields(descriptor: Descriptor) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", _schema(descriptor)["fields"])
