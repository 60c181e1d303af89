"""A contract inferred from data: a beginning for a person to correct and to complete.

Bounds are left out unless asked for, because they are values of the data; so are categories when
a vocabulary is not small.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data_package.engine.schema.cells import read_column
from data_package.engine.schema.contract import Descriptor, Field
from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.records import Records
from data_package.engine.schema.split import Shape
from data_package.engine.schema.unreadable import CheckError, unreadable

MOST_CATEGORIES = 20
LONGEST_CATEGORY = 40
MISSING_WORDS = ("NA", "N/A", "n/a", "NaN", "NULL", "null", "None", "-", ".", "?")

# Tried in this order; the first that reads every cell is taken.
_TEXT_TYPES = ("integer", "number", "boolean", "date", "datetime", "time")


@dataclass(frozen=True, slots=True)
class Inference:
    """What data look like.

    `descriptor` is a resource descriptor fragment with empty titles and descriptions;
    `candidate_keys` are fields, or pairs of them, whose values never repeat and are never null.
    """

    descriptor: dict[str, object]
    candidate_keys: tuple[tuple[str, ...], ...]

    @property
    def fields(self) -> list[dict[str, object]]:
        """The field descriptors."""
        schema = self.descriptor["schema"]
        assert isinstance(schema, dict)
        fields: list[dict[str, object]] = schema["fields"]
        return fields


def infer(frame: pl.DataFrame | pl.LazyFrame, *, bounds: bool = False) -> Inference:
    """Return the contract that a typed table seems to keep.

    Raises CheckError when the table cannot be read, or has a column that no contract can name.
    """
    try:
        table = frame.lazy().collect(engine="streaming")
        if "" in table.columns:
            raise CheckError(
                f"Column {table.columns.index('') + 1} of the table has no name. Give it one in "
                "the table's function, such as .rename({'': 'name'}), and build it again."
            )
        return _inferred(table, [_typed_field(column) for column in table], bounds)
    except pl.exceptions.PolarsError as error:
        raise unreadable("the table", error) from None


def infer_file(
    path: Path | str,
    *,
    dialect: Descriptor | None = None,
    encoding: str | None = None,
    bounds: bool = False,
) -> Inference:
    """Return the contract that a delimited file seems to keep, types read from the text.

    Raises CheckError when the file cannot be read.
    """
    path = Path(path)
    settled = Dialect.from_descriptor(dialect, encoding=encoding)
    table = _all_text(path, settled)
    read = [_text_field(column) for column in table]
    values = pl.DataFrame([values for _, values in read])
    return _inferred(values, [field for field, _ in read], bounds)


def _inferred(table: pl.DataFrame, fields: list[dict[str, object]], bounds: bool) -> Inference:
    comparable = [
        column.name for column in table if not column.dtype.is_nested() and column.dtype != pl.Null
    ]
    facts = _facts(table, comparable)
    keys: list[tuple[str, ...]] = []
    for field, column in zip(fields, table, strict=True):
        name = column.name
        constraints: dict[str, object] = {}
        if table.height and not column.null_count():
            constraints["required"] = True
        distinct = facts.get(name)
        if distinct == table.height > 1 and _can_identify(column.dtype):
            keys.append((name,))
        words = _vocabulary(column, distinct)
        if words is not None:
            field["categories"] = words
        if bounds and column.dtype.is_numeric() and column.len() > column.null_count():
            constraints |= _bounds(column)
        if constraints:
            field["constraints"] = constraints
    candidates = tuple(keys) or tuple(_pairs(table, comparable))
    schema: dict[str, object] = {"fields": fields}
    chosen = next(iter(candidates), None)
    if chosen is not None:
        schema["primaryKey"] = list(chosen)
    for key in keys:
        if key != chosen:
            field = next(field for field in fields if field["name"] == key[0])
            held = field.setdefault("constraints", {})
            assert isinstance(held, dict)
            held["unique"] = True
    return Inference({"title": "", "description": "", "schema": schema}, candidates)


def _facts(table: pl.DataFrame, names: Sequence[str]) -> dict[str, int]:
    """Return how many distinct values each column has, nulls not counted."""
    if not names:
        return {}
    return table.select(pl.col(name).drop_nulls().n_unique() for name in names).row(0, named=True)


def _can_identify(dtype: pl.DataType) -> bool:
    # Measurements and moments are often all different and never a key.
    return dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum)


def _pairs(table: pl.DataFrame, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give pairs of the first columns that together never repeat."""
    leading = [
        name for name in names if not table[name].null_count() and not table[name].dtype.is_float()
    ][:6]
    for i, first in enumerate(leading):
        for second in leading[i + 1 :]:
            if table.height > 1 and not table.select(first, second).is_duplicated().any():
                yield first, second


def _typed_field(column: pl.Series) -> dict[str, object]:
    return {
        "name": column.name,
        "title": "",
        "description": "",
        "type": _type_of(column.dtype),
    }


def _type_of(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "number"
    names: Mapping[type[pl.DataType], str] = {
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
        pl.Binary: "string",
    }
    return names.get(dtype.base_type(), "any")


def _text_field(column: pl.Series) -> tuple[dict[str, object], pl.Series]:
    """Return a field for a column of text, and the column's values."""
    name = column.name
    field: dict[str, object] = {"name": name, "title": "", "description": ""}
    distinct = column.drop_nulls().unique()
    held = distinct.filter(distinct.is_in(MISSING_WORDS)).sort().to_list()
    for words in ([], held) if held else ([],):
        left = distinct.filter(~distinct.is_in(words)) if words else distinct
        for kind in _TEXT_TYPES if len(left) else ():
            if _reads(kind, left):
                field["type"] = kind
                if words:
                    field["missingValues"] = ["", *words]
                    column = column.set(column.is_in(words), None)
                return field, read_column(Field(name=name, type=kind), column).values
    field["type"] = "string"
    return field, column


def _reads(kind: str, distinct: pl.Series) -> bool:
    # Zeros and ones are numbers, leading zeros belong to a code, and looseness in reading is no
    # evidence of a type.
    if kind == "boolean" and distinct.is_in(["0", "1"]).all():
        return False
    if kind in ("integer", "number") and distinct.str.contains(r"^[+-]?0[0-9]|^\s|\s$|_").any():
        return False
    return read_column(Field(name=distinct.name, type=kind), distinct).bad is None


def _vocabulary(column: pl.Series, distinct: int | None) -> list[str] | None:
    """Return the values of a small closed vocabulary, in their order or else sorted."""
    if isinstance(column.dtype, pl.Enum):
        words = column.dtype.categories.to_list()
        return words if 0 < len(words) <= MOST_CATEGORIES else None
    if column.dtype not in (pl.String, pl.Categorical) or not distinct:
        return None
    if distinct > MOST_CATEGORIES or column.len() - column.null_count() < 5 * distinct:
        return None
    words = sorted(column.cast(pl.String).drop_nulls().unique().to_list())
    return words if all(0 < len(word) <= LONGEST_CATEGORY for word in words) else None


def _bounds(column: pl.Series) -> dict[str, object]:
    held = column.drop_nans() if column.dtype.is_float() else column
    return {"minimum": held.min(), "maximum": held.max()} if held.len() else {}


def _all_text(path: Path, dialect: Dialect) -> pl.DataFrame:
    with Records(path, dialect) as records:
        labels = records.labels
        width = len(labels)
        if not width:
            raise CheckError(f"{path}: the file has no header to take field names from")
        names = [label or f"column {i + 1}" for i, label in enumerate(labels)]
        if len(set(names)) < width:
            raise CheckError(f"{path}: two columns have the same label; rename one of them")
        shape = Shape(width, empty_is_null=True)
        blocks = records.blocks(shape, lambda block: block.cells)
        frames = [cells for _, cells in blocks]
    schema = {str(i): pl.String() for i in range(width)}
    table = pl.concat([pl.DataFrame(schema=schema), *frames])
    return table.rename(dict(zip(table.columns, names, strict=True)))
