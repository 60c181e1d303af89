"""A delivered file as a raw file with a contract, and a final table of its columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import polars as pl

from data_package.engine import schema
from data_package.engine.errors import DataPackageError, ProjectError, some
from data_package.engine.scaffold.names import table_name
from data_package.engine.schema import FileOptions, FileParts, Inference, Link, Reading
from data_package.engine.schema.codebook import Codebook
from data_package.engine.schema.contract import Contract, Descriptor

# How text is written, which a typed table has no more.
_OF_THE_TEXT = ("decimalChar", "groupChar", "bareNumber", "trueValues", "falseValues")
# What a column without a label is called.
_UNNAMED = "column 1"
_ROW_NAMES = (
    "The first column numbers the rows, as R's write.csv and pandas' to_csv do; no table uses it."
)
_LEAST_COLUMNS = 2
_SHOWN = 5
# The properties of a dialect that say which table of a file is meant.
_NAMES_A_PART = frozenset({"sheetName", "sheetNumber", "member", "table", "query"})
_FORMATS_THAT_STAY = ("string", "geopoint", "geojson", "list")
AS_GUESSED = FileOptions()


@dataclass(frozen=True)
class DraftedTable:
    """A table drafted from one delivered file.

    Attributes:
        name: the final table's name; the raw file's is `name` with `_file` behind it.
        path: where the delivered file is.
        delivered: the raw file's contract.
        final: the final table's contract.
        rows: the number of rows.
        bad: what becomes of rows with errors, where the file has some.
        links: what could be foreign keys.
        notes: what a person should look at.
    """

    name: str
    path: Path
    delivered: Descriptor
    final: Descriptor
    rows: int
    bad: str | None = None
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
    paths: Sequence[Path],
    *,
    taken: Sequence[str] = (),
    codebook: Codebook | None = None,
    options: FileOptions = AS_GUESSED,
) -> tuple[list[DraftedTable], list[str]]:
    """Draft a table for each file, or each part of it, in the order given; and note what has none.

    `options` go for all the files. Of a file with several tables, those that cannot be described
    are left out. Raises ProjectError for a file of which nothing can, with the reason.
    """
    names: list[str] = list(taken)
    made: list[tuple[DraftedTable, pl.DataFrame]] = []
    notes: list[str] = []
    for path in paths:
        parts = _parts(path, options)
        several = len(parts.dialects) > 1
        refused: dict[str, DataPackageError] = {}
        for part in parts.dialects:
            name = table_name(path, names, part=_called(part) if several else "")
            try:
                made.append(_draft(name, path, part, codebook, options))
            except DataPackageError as error:
                refused[_called(part)] = error
                continue
            names.append(name)
        if len(refused) == len(parts.dialects):
            first = next(iter(refused.values()))
            raise ProjectError(f"{path} cannot be described.\n{first}") from None
        notes += [
            f"{path.name}, {what}: no table, as it cannot be described.\n{error}"
            for what, error in refused.items()
        ]
        if parts.hidden:
            notes.append(f"{path.name}: hidden, without a table: {some(parts.hidden, _SHOWN)}.")
    keys = {
        draft.name: (draft.key[0], frame[draft.key[0]])
        for draft, frame in made
        if len(draft.key) == 1
    }
    alike = {name: group for group in same_columns([draft for draft, _ in made]) for name in group}
    linked = [
        _linked(draft, frame, {k: v for k, v in keys.items() if k not in _others(draft, alike)})
        for draft, frame in made
    ]
    return linked, notes


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


def _parts(path: Path, options: FileOptions) -> FileParts:
    """The tables of a file, with what the dialect of each says of it."""
    if path.name == "datapackage.json":
        raise ProjectError(
            f"{path} describes other files. Name these files, and it as the codebook: "
            f"--codebook {path}"
        )
    if not _NAMES_A_PART.isdisjoint(options.dialect):
        return FileParts(({},))
    try:
        return schema.parts_of(path)
    except DataPackageError as error:
        raise ProjectError(f"{path} cannot be described.\n{error}") from None


def _draft(
    name: str, path: Path, part: Mapping[str, str], codebook: Codebook | None, options: FileOptions
) -> tuple[DraftedTable, pl.DataFrame]:
    bad: Literal["reject"] | None = None
    try:
        found = described(path, part, options)
    except schema.UnsoundError as error:
        reading = _without_bad_rows(path, name, error)
        found, bad = error.inference, "reject"
    else:
        reading = schema.read(path, _contract(found, name), bad="null")
    delivered, notes = found.descriptor, found.notes
    frame = reading.frame.collect(engine="streaming")
    # Without a header, a column without a label may have anything, such as numbers of persons.
    numbered = options.dialect.get("header") is not False and _numbers_rows(frame)
    if numbered:
        _fields(delivered)[0]["description"] = _ROW_NAMES
        frame = frame.drop(_UNNAMED)
    inferred = schema.infer(frame).descriptor
    if bad is not None:
        _take_rules(delivered, inferred)
        rows = reading.report.rows_checked
        wrong = f"rows with errors: {reading.rejected:,} of {rows:,}"
        what = f'bad="{bad}" leaves them out, and data-package check {name}_file names them'
        notes += (f"{wrong}; {what}.",)
    if not frame.height:
        notes += ("It has no rows, and may_be_empty=True allows that.",)
    if numbered:
        _take_key(delivered, inferred)
        delivered = _by_labels(delivered, path, frame) or delivered
    final = _final(delivered, inferred, without=_UNNAMED if numbered else None)
    if codebook is not None:
        final = codebook.put_into(final, name)
    made = DraftedTable(name, path, _compact(delivered), final, frame.height, bad, notes=notes)
    return made, frame


def _without_bad_rows(path: Path, name: str, error: schema.UnsoundError) -> Reading:
    """The rows of a file without those that no contract could make right, such as blank ones.

    Raises `error` where the whole file is wrong, or so many rows that a build would stop.
    """
    if any(report.of_whole or report.hint for report in error.reports):
        raise error
    reading = schema.read(path, _contract(error.inference, name), bad="reject")
    if reading.rejected > schema.bad_rows_allowed(reading.report.rows_checked):
        raise error
    return reading


def _contract(found: Inference, name: str) -> Contract:
    return Contract.from_descriptor(found.descriptor, name=name)


def _numbers_rows(frame: pl.DataFrame) -> bool:
    """Whether the first column has no label and counts the rows."""
    if frame.width < _LEAST_COLUMNS or frame.columns[0] != _UNNAMED or not frame.height:
        return False
    numbers = frame[_UNNAMED].cast(pl.Int64, strict=False)
    counted = pl.int_range(frame.height, eager=True)
    return numbers.equals(counted) or numbers.equals(counted + 1)


def _take_rules(delivered: Descriptor, inferred: Descriptor) -> None:
    """Give the delivered file the rules that its rows keep without those that are left out."""
    rules = {one["name"]: one for one in _fields(inferred)}
    for each in _fields(delivered):
        if constraints := rules.get(each["name"], {}).get("constraints"):
            each["constraints"] = constraints
    _take_key(delivered, inferred)


def _take_key(delivered: Descriptor, inferred: Descriptor) -> None:
    """Give the delivered file the key that the rows of its table have."""
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
    path: Path, part: Mapping[str, str] | None = None, options: FileOptions = AS_GUESSED
) -> Inference:
    """The contract that a delivered file keeps, with the way it is written.

    `part` is the dialect that says which table of the file is meant.
    """
    dialect, encoding = {**(part or {}), **options.dialect}, options.encoding
    if schema.format_of(path).typed is None:
        member = dialect.get("member")
        guessed = schema.sniffed(path, member if isinstance(member, str) else None)
        dialect, encoding = {**guessed.dialect, **dialect}, encoding or guessed.encoding
    return schema.infer_file(path, dialect=dialect, encoding=encoding)


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
