"""A contract inferred from data: a beginning for a person to correct and to complete.

Bounds are left out unless asked for, because they are values of rows; categories and keys reveal
nothing about a person (`vocabulary`). The contract is checked against the data that it was inferred
from before it is returned.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from data_package.engine.errors import some
from data_package.engine.notebook import NamedParts, html_line, html_table
from data_package.engine.schema.cells import read_columns
from data_package.engine.schema.columns import TEXTS, column
from data_package.engine.schema.contract import Contract, Descriptor
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.schema.dialect_of_file import dialect_for
from data_package.engine.schema.file_layout import laid_out
from data_package.engine.schema.formats import format_of
from data_package.engine.schema.formats.file_format import FileFormat
from data_package.engine.schema.infer_typed import columns_of_files, with_words
from data_package.engine.schema.linting import lint
from data_package.engine.schema.nearly import footer, nearly_typed
from data_package.engine.schema.report import Report
from data_package.engine.schema.text_types import as_field, text_type
from data_package.engine.schema.unreadable import CheckError, unreadable
from data_package.engine.schema.vocabulary import (
    codes,
    is_identifier_name,
    places_of_persons,
    words,
)

SMALL_CELLS = 5
# Fewer rows say little of what must hold: neither that a value is required nor that it is unique.
ENOUGH_ROWS = 20
_SHOWN = 5
_LEADING = 6
# Of three columns, those of a visit or a sample are the first; any three tell rows apart by chance.
_LEADING_OF_THREE = 4
_CODE = re.compile(r"[\w./:-]*")


@dataclass(frozen=True, slots=True, repr=False)
class Inference(NamedParts[dict[str, object]]):
    """What data look like: a collection of field descriptors.

    `descriptor` is a resource descriptor fragment with empty titles and descriptions;
    `candidate_keys` are fields, or a few of them, whose values never repeat and are never null;
    `notes` say what a person should look at.
    """

    descriptor: dict[str, object]
    candidate_keys: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def fields(self) -> list[dict[str, object]]:
        """The field descriptors."""
        schema = self.descriptor["schema"]
        assert isinstance(schema, dict)
        fields: list[dict[str, object]] = schema["fields"]
        return fields

    @property
    def parts(self) -> Sequence[dict[str, object]]:
        """The field descriptors."""
        return self.fields

    @classmethod
    def name_of(cls, part: dict[str, object]) -> object:
        """The field's name."""
        return part["name"]

    def __bool__(self) -> bool:
        """Whether there are any fields."""
        return bool(self.fields)

    def __str__(self) -> str:
        """The fields with their types, and what a person should look at."""
        lines = [f"  {each['name']}: {each['type']}" for each in self.fields]
        notes = [f"  note: {note}" for note in self.notes]
        return "\n".join([f"{len(self.fields)} fields", *lines, *notes])

    def _repr_html_(self) -> str:
        """The fields as a table, for notebooks."""
        rows = [(str(each["name"]), str(each["type"])) for each in self.fields]
        return html_table(("field", "type"), rows) + "".join(map(html_line, self.notes))


class UnsoundError(CheckError):
    """Data that break any contract, such as rows with too many cells.

    `inference` is what the rest looks like, and `reports` say what is wrong, without a value.
    """

    def __init__(self, inference: Inference, reports: Sequence[Report]) -> None:
        super().__init__("\n".join(report.render() for report in reports))
        self.inference = inference
        self.reports = tuple(reports)


def infer(
    frame: pl.DataFrame | pl.LazyFrame, *, bounds: bool = False, small_cells: int = SMALL_CELLS
) -> Inference:
    """Return the contract that a typed table seems to keep.

    `frame` is the table. `bounds` asks for the least and the largest value of fields of numbers. A
    category is proposed only if `small_cells` rows hold it. Raises CheckError when the table cannot
    be read, or has a column that no contract can name.
    """
    from data_package.engine.schema.typed import check

    try:
        table = frame.lazy().collect(engine="streaming")
    except DAMAGED as error:
        raise unreadable("the table", error) from None
    names = table.columns
    if "" in names:
        raise CheckError(
            f"Column {names.index('') + 1} of the table has no name. Give it one in "
            "the table's function, such as .rename({'': 'name'}), and build it again."
        )
    kinds = [_type_of(dtype) for dtype in table.dtypes]
    found = _Found(names, _by_place(table), kinds, bounds, small_cells)
    inference = found.inference({})
    _refuse_what_does_not_lint(inference)
    report = check(table, _contract(inference, "the table"))
    if not report.ok:
        raise UnsoundError(inference, [report])
    return inference


def infer_file(
    path: Path | str | Sequence[Path | str],
    *,
    dialect: Descriptor | None = None,
    encoding: str | None = None,
    names: Sequence[str] = (),
    bounds: bool = False,
    small_cells: int = SMALL_CELLS,
) -> Inference:
    """Return the contract that a delivered file, or a set of them, seems to keep.

    `path` is the file, or all of the set. Types are those of the file, or are read from its text,
    in a `dialect` and `encoding` that are given or guessed. The contract says how the file is
    written, and what it says of its fields: titles, labels, missing values. `names` are what the
    columns of a file without a header are called. `bounds` asks for the least and the largest value
    of fields of numbers. A category is proposed only if `small_cells`
    rows hold it. Raises CheckError when the file cannot be read, and UnsoundError when no contract
    could make its rows right.
    """
    paths = [Path(path)] if isinstance(path, Path | str) else [Path(each) for each in path]
    forms = [format_of(each) for each in paths]
    if forms[0].typed is not None:
        for each, form in zip(paths, forms, strict=True):
            dialect_for(each, form, dialect, encoding=encoding)
        return _infer_typed(paths, forms, bounds, small_cells)
    layout = laid_out(paths, dialect=dialect, encoding=encoding, names=names)
    cells = layout.cells
    kinds = [text_type(name, cells[str(i)]) for i, name in enumerate(layout.names)]
    fields = [as_field(str(i), kind) for i, kind in enumerate(kinds)]
    read = read_columns(cells, fields, empty_is_null=True)
    values = pl.DataFrame([read[name].values.alias(name) for name in cells.columns])
    properties = [kind.field_properties for kind in kinds]
    found = _Found(layout.names, values, properties, bounds, small_cells)
    notes = (
        *layout.notes,
        *(k.note for k in kinds if k.note),
        *nearly_typed(layout.names, kinds, cells),
        *footer(cells),
        *_empty(layout.names, cells),
        *_persons(layout.names),
    )
    inference = found.inference(layout.properties, layout.fields_match, notes)
    _refuse_what_does_not_lint(inference)
    return _sound(inference, paths)


def _empty(names: Sequence[str], cells: pl.DataFrame) -> Iterator[str]:
    """A note on columns without a value, in which later deliveries may have any."""
    counts = cells.count().row(0) if cells.height else ()
    if empty := [name for name, count in zip(names, counts, strict=False) if not count]:
        yield f"Without a value, and taken for text: {some(empty, _SHOWN)}."


def _persons(names: Sequence[str]) -> Iterator[str]:
    """A note on names of fields that may be numbers of persons: a contract is committed."""
    if places := places_of_persons(names):
        yield (
            f"The labels of columns {some([*map(str, places)], _SHOWN)} may be numbers of persons, "
            "and names of fields are committed and published. If they are, commit no contract of "
            "it: take the file as a Path, and make a row of each of these columns (unpivot)."
        )


def _infer_typed(
    paths: Sequence[Path],
    forms: Sequence[FileFormat],
    bounds: bool,
    small_cells: int,
) -> Inference:
    for path, form in zip(paths, forms, strict=True):
        if form is not forms[0]:
            raise CheckError(f"{path}: it is {form}, and {paths[0]} is {forms[0]}")
    columns = columns_of_files(paths, forms[0])
    if isinstance(columns.frame, pl.LazyFrame):
        inference = infer(columns.frame, bounds=bounds, small_cells=small_cells)
        named = [str(one["name"]) for one in inference.fields]
        return replace(inference, notes=(*inference.notes, *_persons(named)))
    table = columns.frame
    kinds = [_type_of(dtype) for dtype in table.dtypes]
    found = _Found(table.columns, _by_place(table), kinds, bounds, small_cells)
    inference = found.inference({})
    notes = with_words(inference.fields, columns, small_cells)
    inference = replace(inference, notes=(*inference.notes, *notes))
    _refuse_what_does_not_lint(inference)
    return _sound(inference, paths)


def _sound(inference: Inference, paths: Sequence[Path]) -> Inference:
    """Return a contract that its files keep."""
    from data_package.engine.schema.reading import check_file

    contract = _contract(inference, paths[0].name.partition(".")[0])
    reports = [replace(check_file(each, contract), name=each.name) for each in paths]
    if not all(report.ok for report in reports):
        raise UnsoundError(inference, [report for report in reports if not report.ok])
    return inference


def _contract(inference: Inference, name: str) -> Contract:
    return Contract.from_descriptor(inference.descriptor, name=name)


def _refuse_what_does_not_lint(inference: Inference) -> None:
    issues = lint(inference.descriptor)
    if issues:
        where = " ".join(map(str, issues[0].path))
        raise CheckError(f"No contract can say what these data are: {where}: {issues[0]}")


def _by_place(table: pl.DataFrame) -> pl.DataFrame:
    """The columns under their places, since a name may mean something to Polars; no empty text.

    Empty text is a missing value unless a contract says otherwise.
    https://datapackage.org/standard/table-schema/#missingValues
    """
    placed = pl.DataFrame([column.alias(str(i)) for i, column in enumerate(table)])
    text = [str(i) for i, dtype in enumerate(table.dtypes) if dtype in TEXTS]
    return placed.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)) for name in text)


@dataclass(frozen=True)
class _Found:
    """A table's values in columns "0", "1", …, with what their fields are so far."""

    names: Sequence[str]
    values: pl.DataFrame
    kinds: Sequence[Mapping[str, object]]
    bounds: bool
    small_cells: int

    def inference(
        self,
        properties: Mapping[str, object],
        fields_match: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> Inference:
        """Return the contract."""
        distinct = _distinct(self.values)
        singles = self._singles(distinct)
        candidates = singles or self._days(distinct) or self._composites(distinct)
        chosen = candidates[0] if candidates else ()
        named = [tuple(self.names[at] for at in key) for key in candidates]
        schema: dict[str, object] = {
            "fields": [
                self._field(at, distinct.get(at, 0), at in chosen, (at,) in singles)
                for at in range(len(self.names))
            ]
        }
        if fields_match is not None:
            schema["fieldsMatch"] = fields_match
        if named:
            schema["primaryKey"] = list(named[0])
        descriptor = {"title": "", "description": "", **properties, "schema": schema}
        return Inference(descriptor, tuple(named), notes)

    def _field(self, at: int, distinct: int, is_key: bool, is_single: bool) -> dict[str, object]:
        name, column = self.names[at], self.values.to_series(at)
        field = {"name": name, "title": "", "description": "", **self.kinds[at]}
        enough = column.len() >= ENOUGH_ROWS
        constraints: dict[str, object] = {}
        if column.len() and not column.null_count() and (enough or is_key):
            constraints["required"] = True
        if is_single and not is_key and enough and _is_code_like(column):
            constraints["unique"] = True
        if not is_key and not is_single:
            field |= self._categories(name, column, distinct)
        if self.bounds and column.dtype.is_numeric():
            constraints |= _bounds(column)
        return field | ({"constraints": constraints} if constraints else {})

    def _categories(self, name: str, column: pl.Series, distinct: int) -> dict[str, object]:
        small = self.small_cells
        if column.dtype in TEXTS:
            listed = words(name, column, distinct, small_cells=small)
            return {"categories": listed} if listed else {}
        if column.dtype.is_integer():
            listed_codes = codes(name, column, distinct, small_cells=small)
            # Only a person knows what each code means.
            labelled = [{"value": code, "label": ""} for code in listed_codes or ()]
            return {"categories": labelled} if labelled else {}
        return {}

    def _singles(self, distinct: Mapping[int, int]) -> list[tuple[int, ...]]:
        """Columns that may tell rows apart: in few rows, numbers often differ by chance."""
        height = self.values.height
        few, first = height < ENOUGH_ROWS, _first_that_varies(distinct)
        return [
            (at,)
            for at, dtype in enumerate(self.values.dtypes)
            if distinct.get(at) == height > 1
            and (dtype.is_integer() or dtype in TEXTS)
            and not (few and at != first and not is_identifier_name(self.names[at]))
            and not _is_measured(self.values.to_series(at))
        ]

    def _days(self, distinct: Mapping[int, int]) -> list[tuple[int, ...]]:
        """The first column, where it is a date or a time with one row each, as in a time series."""
        height, first = self.values.height, _first_that_varies(distinct)
        if first is None or height < ENOUGH_ROWS or distinct[first] != height:
            return []
        return [(first,)] if self.values.dtypes[first].is_temporal() else []

    def _composites(self, distinct: Mapping[int, int]) -> list[tuple[int, ...]]:
        """Two or three columns that together never repeat, those with an identifier first.

        Without the identifier of whom the rows are about, columns such as a day and a code differ
        only until more people have been delivered.
        """
        found = list(self._pairs(distinct)) or list(self._triples(distinct))
        leading = self._leading(distinct, _LEADING)
        identifiers = [at for at in leading if is_identifier_name(self.names[at])]
        named = [key for key in found if not {*key}.isdisjoint(identifiers)]
        if found and identifiers and not named:
            return [tuple(sorted((*found[0], identifiers[0])))]
        return [*named, *(key for key in found if key not in named)]

    def _pairs(self, distinct: Mapping[int, int]) -> Iterator[tuple[int, ...]]:
        """Give pairs of the first columns that together never repeat."""
        first = _first_that_varies(distinct)
        for pair in itertools.combinations(self._leading(distinct, _LEADING), 2):
            few = self.values.height < ENOUGH_ROWS and pair[0] != first
            if not few and self._is_key(pair, distinct):
                yield pair

    def _triples(self, distinct: Mapping[int, int]) -> Iterator[tuple[int, ...]]:
        """Give triples of the first columns that together never repeat."""
        if self.values.height < ENOUGH_ROWS:
            return
        leading = self._leading(distinct, _LEADING_OF_THREE)
        for second, third in itertools.combinations(leading[1:], 2):
            triple = (leading[0], second, third)
            if self._is_key(triple, distinct):
                yield triple

    def _leading(self, distinct: Mapping[int, int], count: int) -> list[int]:
        """The first columns that may be a part of a key: in each row a value, and not all equal."""
        whole = (
            at
            for at, count in distinct.items()
            if count > 1
            and not (column := self.values.to_series(at)).null_count()
            and not _is_measured(column)
        )
        return list(itertools.islice(whole, count))

    def _is_key(self, columns: Sequence[int], distinct: Mapping[int, int]) -> bool:
        height = self.values.height
        if not math.prod(distinct[at] for at in columns) >= height > 1:
            return False
        return not self.values.select(map(str, columns)).is_duplicated().any()


def _distinct(table: pl.DataFrame) -> dict[int, int]:
    """Return how many distinct values each column has, by its place; nulls are not counted."""
    comparable = [
        str(i)
        for i, dtype in enumerate(table.dtypes)
        if not dtype.is_nested() and dtype not in (pl.Null, pl.Object)
    ]
    if not comparable:
        return {}
    counts = table.select(column(name).drop_nulls().n_unique() for name in comparable).row(0)
    return dict(zip(map(int, comparable), counts, strict=True))


def _first_that_varies(distinct: Mapping[int, int]) -> int | None:
    return next((at for at, count in distinct.items() if count > 1), None)


def _is_measured(column: pl.Series) -> bool:
    """Tell whether values are measurements: these are often all different and never a key.

    Among the numbers of a text column are words for what could not be measured, such as `<3`.
    """
    if column.dtype in TEXTS:
        text = column.cast(pl.String).drop_nulls()
        numbers = text.str.contains(r"^[+-]?[0-9]+[.,][0-9]+$").sum()
        return bool(numbers) and 2 * numbers >= text.len()
    return column.dtype.is_float() or column.dtype.is_decimal()


def _is_code_like(column: pl.Series) -> bool:
    """Tell whether values that all differ are codes, and not numbers or text that differ today."""
    if column.dtype.is_integer():
        return False
    return bool(column.cast(pl.String).str.contains(f"^{_CODE.pattern}$").all())


def _bounds(column: pl.Series) -> dict[str, object]:
    """Return the extremes; none where a value is not finite, as it breaks every bound."""
    held = column.drop_nulls()
    if not held.len() or (held.dtype.is_float() and not held.is_finite().all()):
        return {}
    return {"minimum": held.min(), "maximum": held.max()}


_TYPES: Mapping[type[pl.DataType], str] = {
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime: "datetime",
    pl.Time: "time",
    pl.Duration: "duration",
    pl.List: "array",
    pl.Array: "array",
    pl.Struct: "object",
    pl.String: "string",
    pl.Categorical: "string",
    pl.Enum: "string",
}


def _type_of(dtype: pl.DataType) -> dict[str, object]:
    if dtype.is_integer():
        return {"type": "integer"}
    if dtype.is_numeric():
        return {"type": "number"}
    if dtype == pl.Binary:
        return {"type": "string", "format": "binary"}
    return {"type": _TYPES.get(dtype.base_type(), "any")}
