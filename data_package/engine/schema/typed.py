"""Check a typed table, as Polars holds it, against its contract.

https://datapackage.org/standard/table-schema/
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from data_package.engine.schema.cells import logical_dtype, read_column
from data_package.engine.schema.checker import DEFAULT_LIMIT, Batch, Checker
from data_package.engine.schema.columns import TEXTS
from data_package.engine.schema.columns import column as column_of
from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.schema.octets import as_text, holds_bytes, text_dtype
from data_package.engine.schema.plain_names import PlainNames
from data_package.engine.schema.report import Report, Total
from data_package.engine.schema.types import FIELD_TYPES, type_of
from data_package.engine.schema.unreadable import unreadable

_BATCH_ROWS = 1 << 20
_BATCH_CELLS = 1 << 26


def check(
    frame: pl.DataFrame | pl.LazyFrame,
    contract: Contract,
    *,
    references: Mapping[str, pl.DataFrame | pl.LazyFrame] | None = None,
    limit: int = DEFAULT_LIMIT,
    batch_rows: int | None = None,
) -> Report:
    """Return what in a typed table, `frame`, breaks its contract.

    `references` holds the tables that foreign keys name; a foreign key whose table is not given
    is listed in the report's `skipped`. At most `limit` rows are itemised for each rule of each
    field; totals are complete. In text columns the contract's missing values count as null.
    `batch_rows` rows are judged at a time, by default as many as fit the number of columns.

    Raises CheckError when the table cannot be read, ContractError when a constraint makes no
    sense for its field's type.

    https://datapackage.org/standard/table-schema/

    >>> contract = Contract.from_descriptor({"fields": [{"name": "age", "type": "integer",
    ...     "constraints": {"minimum": 18}}]})
    >>> check(pl.DataFrame({"age": [20, 7]}), contract).totals[0].rows
    (3,)
    """
    try:
        schema = dict(frame.collect_schema())
        table_level = match_columns(list(schema), contract)
        names = PlainNames.for_contract(contract)
        if names.of:
            contract = names.contract(contract)
            frame = frame.rename({own: each for own, each in names.of.items() if own in schema})
            schema = dict(frame.collect_schema())
        dtypes: dict[str, pl.DataType] = {}
        for each in contract.fields:
            dtype = schema.get(each.name)
            if dtype is not None and fits(dtype, each.type, each.format):
                dtypes[each.name] = dtype
            elif dtype is not None:
                table_level.append(wrong_dtype(each, dtype))
        logical = {name: _logical_dtype(contract.field(name), dtypes[name]) for name in dtypes}
        checker = Checker(contract, logical, references or {}, limit)
        height = batch_rows or _batch_rows(len(dtypes))
        for batch in _batches(frame, contract, dtypes, height):
            checker.take(batch)

        def reread(mask: pl.Series, names: Sequence[str]) -> pl.DataFrame:
            held = {name: dtypes[name] for name in names}
            return _rows_of(_batches(frame, contract, held, height), mask)

        return names.report(checker.finish(table_level, reread))
    except DAMAGED as error:
        raise unreadable(contract.name, error) from None


def match_columns(columns: Sequence[str], contract: Contract) -> list[Total]:
    """Return how a typed table's columns differ from the contract's fields, by name.

    https://datapackage.org/standard/table-schema/#fieldsMatch
    """
    names = [each.name for each in contract.fields]
    known, held = set(names), set(columns)
    mode = contract.fields_match
    found: list[Total] = []
    if mode not in ("subset", "partial"):
        found.extend(
            _header("extra-label", column, "a column that the contract does not name")
            for column in columns
            if column not in known
        )
    if mode == "partial" and not known & held:
        found.append(_header("unmatched-header", None, "no column is a field of the contract"))
    needed = {each.name for each in contract.fields if each.required} | set(contract.primary_key)
    tolerant = mode in ("superset", "partial")
    found.extend(
        _header("missing-label", name, "a field without a column")
        for name in names
        if name not in held and (not tolerant or name in needed)
    )
    if mode == "exact" and not found:
        found.extend(
            _header("incorrect-label", name, "not in its place: fieldsMatch is exact")
            for name, column in zip(names, columns, strict=True)
            if name != column
        )
    return found


def _header(code: str, field: str | None, note: str) -> Total:
    return Total(code, "fieldsMatch", field, 1, (), note)


def wrong_dtype(each: Field, dtype: pl.DataType) -> Total:
    """Return what is wrong with a column of a type that cannot hold its field."""
    kind = str(dtype.base_type().__name__) if dtype.is_nested() or dtype == pl.Enum else str(dtype)
    if each.type in FIELD_TYPES:
        note = f"a column of type {kind}, where {each.type} needs {FIELD_TYPES[each.type].dtypes}"
    else:
        note = f"{each.type} is not a type of the standard"
    return Total("type-error", "type", each.name, 1, (), note)


def fits(dtype: pl.DataType, type_name: str, format_name: str = "default") -> bool:
    """Tell whether a column of `dtype` can hold a field of this type.

    A column of nulls (dtype Null) fits every type.
    """
    if dtype == pl.Null:
        return True
    kind = FIELD_TYPES.get(type_name)
    return kind is not None and kind.fits(dtype, format_name)


def _logical_dtype(each: Field, dtype: pl.DataType) -> pl.DataType:
    return logical_dtype(each) if _is_lexical(each, dtype) else text_dtype(dtype)


def _is_lexical(each: Field, dtype: pl.DataType) -> bool:
    return dtype == pl.String and type_of(each).lexical


def _batch_rows(columns: int) -> int:
    return max(4096, min(_BATCH_ROWS, _BATCH_CELLS // max(1, columns)))


def _batches(
    frame: pl.DataFrame | pl.LazyFrame,
    contract: Contract,
    dtypes: Mapping[str, pl.DataType],
    height: int,
) -> Iterator[Batch]:
    """Give the columns that are judged, batch by batch, with missing values as nulls."""
    fields = [contract.field(name) for name in dtypes]
    for piece in _pieces(frame, list(dtypes), height):
        yield judged(piece, fields, dtypes)


def _pieces(
    frame: pl.DataFrame | pl.LazyFrame, names: list[str], height: int
) -> Iterator[pl.DataFrame]:
    if not names:
        # With no column to look at, the rows still have to be counted.
        count = frame.lazy().select(pl.len()).collect(engine="streaming").item()
        yield pl.DataFrame(height=count)
    elif isinstance(frame, pl.DataFrame):
        yield from frame.select(map(column_of, names)).iter_slices(height)
    else:
        yield from frame.select(map(column_of, names)).collect_batches(
            chunk_size=height, maintain_order=True, engine="streaming"
        )


def judged(
    piece: pl.DataFrame, fields: Sequence[Field], dtypes: Mapping[str, pl.DataType]
) -> Batch:
    """Return some rows as they are judged: missing values as nulls, text forms as values."""
    return text_forms(_without_missing(piece, fields, dtypes), fields, dtypes)


def text_forms(
    piece: pl.DataFrame, fields: Sequence[Field], dtypes: Mapping[str, pl.DataType]
) -> Batch:
    """Return some rows, whose missing values are nulls, with text forms as values."""
    piece = _with_bytes_as_text(piece)
    bad: dict[str, pl.Series] = {}
    values: list[pl.Series] = []
    for each in fields:
        if _is_lexical(each, dtypes[each.name]):
            cells = read_column(each, piece[each.name])
            values.append(cells.values.alias(each.name))
            if cells.bad is not None:
                bad[each.name] = cells.bad
        elif each.type == "string" and each.format != "default" and dtypes[each.name] != pl.Binary:
            cells = read_column(each, piece[each.name].cast(pl.String))
            if cells.bad is not None:
                bad[each.name] = cells.bad
                values.append(cells.values.alias(each.name))
    return Batch(piece.with_columns(values) if values else piece, bad)


def _with_bytes_as_text(piece: pl.DataFrame) -> pl.DataFrame:
    """Return bytes as the text that a contract has for them."""
    held = {name: dtype for name, dtype in piece.schema.items() if holds_bytes(dtype)}
    if not held:
        return piece
    return piece.with_columns(
        as_text(pl.nth(piece.columns.index(name)), dtype).alias(name)
        for name, dtype in held.items()
    )


def _without_missing(
    piece: pl.DataFrame, fields: Sequence[Field], dtypes: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """Return text columns with their missing values as nulls.

    https://datapackage.org/standard/table-schema/#missingValues
    """
    tests = [
        is_missing(each, dtypes[each.name]).any().alias(each.name)
        for each in fields
        if each.missing_values and dtypes[each.name] in TEXTS
    ]
    if not tests:
        return piece
    held = piece.select(tests).row(0, named=True)
    return piece.with_columns(
        pl.when(~is_missing(each, dtypes[each.name])).then(column_of(each.name)).alias(each.name)
        for each in fields
        if held.get(each.name)
    )


def is_missing(each: Field, dtype: pl.DataType) -> pl.Expr:
    """Return which cells of a column of text are missing values of its field."""
    column = column_of(each.name)
    if dtype != pl.String:
        column = column.cast(pl.String)
    if len(each.missing_values) == 1:
        return column == each.missing_values[0]
    return column.is_in(list(each.missing_values))


def _rows_of(batches: Iterator[Batch], mask: pl.Series) -> pl.DataFrame:
    """Return the rows that `mask`, over the whole table, selects."""
    parts: list[pl.DataFrame] = []
    start = 0
    for batch in batches:
        height = batch.frame.height
        parts.append(batch.frame.filter(mask.slice(start, height)))
        start += height
    return pl.concat(parts)
