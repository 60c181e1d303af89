"""A file whose columns have types, such as SPSS or Parquet, as pieces that are judged and typed.

A column that fits its field stays as it is. Numbers that are whole are integers, a midnight is a
day, and other numbers and texts are read as the text that they would be in delimited text: so the
contract's field has the last word in either kind of file.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data_package.engine.schema.cells import logical_dtype, read_column
from data_package.engine.schema.checker import FIRST_ROW, Batch
from data_package.engine.schema.columns import ROW_NUMBER, TEXTS, free_name
from data_package.engine.schema.columns import column as column_of
from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.findings import Kind
from data_package.engine.schema.formats.file_format import Known, TypedFile, code_column
from data_package.engine.schema.octets import text_dtype
from data_package.engine.schema.piece import (
    Piece,
    nulls_of,
    table_columns,
    table_dtype,
    wrong_rows,
)
from data_package.engine.schema.plain_names import PlainNames
from data_package.engine.schema.reasons import NUMBER, reasons, reasons_by_value, reasons_of
from data_package.engine.schema.report import Report, Total
from data_package.engine.schema.typed import (
    fits,
    is_missing,
    match_columns,
    text_forms,
    wrong_dtype,
)
from data_package.engine.schema.types import type_of
from data_package.engine.schema.types.field_type import Conversion

_BEYOND = 2**63


@dataclass(frozen=True, slots=True)
class ColumnedFile:
    """A typed file and the fields of its contract that it has columns for.

    `contract` has plain names; `held` are the file's columns by the field's plain name, with their
    types, as far as they can be converted to the field's type. `errors` say what is wrong with the
    columns as a whole.
    """

    file: TypedFile
    contract: Contract
    names: PlainNames
    held: Mapping[str, tuple[str, pl.DataType]]
    errors: tuple[Total, ...]
    first_row: int = FIRST_ROW

    @property
    def dtypes(self) -> dict[str, pl.DataType]:
        """The types of the values that are judged."""
        return {name: text_dtype(self._dtype(name)) for name in self.held}

    def notes(self) -> Iterator[tuple[Kind, Sequence[int]]]:
        """Give nothing: every row is in a piece."""
        return iter(())

    def explained(self, report: Report) -> Report:
        """Return the report as it is: types are never in doubt."""
        return report

    def pieces(self) -> Iterator[Piece]:
        """Give the file batch by batch."""
        start = self.first_row
        own = {column: name for name, (column, _) in self.held.items()}
        coded = list(dict.fromkeys([*self._restored, *self._explained.values()]))
        # With no column to look at, the rows still have to be counted.
        names = list(own) or list(self.file.columns)[:1]
        for batch in self.file.batches(names, coded, self._whole):
            height = batch.height
            rows = pl.int_range(start, start + height, eager=True)
            start += height
            yield self._piece(batch, rows, own)

    def as_it_is(self) -> pl.LazyFrame | None:
        """Return the contract's fields as Polars reads them from the file, where it does."""
        if self.file.scan is None or reasons_of(self.contract):
            return None
        return self.file.scan.select(
            column_of(self.held[each.name][0]).alias(each.name)
            if each.name in self.held
            else pl.lit(None, table_dtype(each)).alias(each.name)
            for each in self.contract.fields
        )

    def columns_of_table(self) -> pl.Schema:
        """Return the columns of the table, with their types."""
        held = {name: self._dtype(name) for name in self.held}
        return pl.Schema({**table_columns(self.contract), **held})

    @property
    def _restored(self) -> list[str]:
        """The columns with values that count as missing in the file and not in the contract."""
        return [
            column
            for name, (column, _) in self.held.items()
            if column in self.file.known and self._allowed(name, column)
        ]

    @property
    def _whole(self) -> list[str]:
        """The columns of floats that are to be integers, and are nothing else first."""
        others = {*self._restored, *self._explained.values()}
        return [
            column
            for name, (column, dtype) in self.held.items()
            if dtype.is_float() and self.contract.field(name).type == "integer"
            if column not in others
        ]

    @property
    def _explained(self) -> dict[str, str]:
        """The columns of which a field says why their values are missing, by that field."""
        return {
            name: self.held[each.name][0]
            for name, each in reasons_of(self.contract).items()
            if each.name in self.held
        }

    def _reasons(self, batch: pl.DataFrame) -> Iterator[pl.Series]:
        """Why values are missing: by the codes that the file counts as missing, or its values."""
        explained = self._explained
        for name, each in reasons_of(self.contract).items():
            if name not in explained:
                yield nulls_of(each, batch.height).cast(pl.String).alias(name)
                continue
            column = batch[explained[name]]
            known = self.file.known.get(column.name, Known()).labels
            why = reasons(column, reasons_by_value(each, {}))
            if code_column(column.name) in batch.columns:
                codes = batch[code_column(column.name)]
                meanings = reasons_by_value(each, known)
                coded = codes.replace_strict(
                    list(meanings), list(meanings.values()), default=codes, return_dtype=pl.String
                )
                allowed = codes.is_in(self._allowed(each.name, column.name))
                why = why.zip_with(why.is_not_null() | allowed, coded)
            yield why.alias(name)

    def _allowed(self, name: str, column: str) -> list[str]:
        """The codes of missing values that are categories in the contract."""
        field = self.contract.field(name)
        known = self.file.known.get(column, Known())
        listed = {str(one) for one in field.categories or ()}
        return sorted(listed.intersection(known.missing))

    def _piece(self, batch: pl.DataFrame, rows: pl.Series, own: Mapping[str, str]) -> Piece:
        height = batch.height
        raw = pl.DataFrame([batch[column].alias(name) for column, name in own.items()])
        raw = raw if own else pl.DataFrame(height=height)
        if restored := [self._with_codes(own[one], one, batch) for one in self._restored]:
            raw = raw.with_columns(restored)
        fields = [self.contract.field(name) for name in raw.columns]
        raw = without_missing(raw, fields)
        table, bad = converted(raw, fields)
        if self.file.scan is None:
            table = table.cast({name: self._dtype(name) for name in table.columns})
        seen = text_forms(table, fields, table.schema)
        for name, marks in seen.bad.items():
            bad[name] = bad[name] | marks if name in bad else marks
            table = table.with_columns(pl.when(~pl.lit(marks)).then(column_of(name)).alias(name))
        judged_batch = Batch(seen.frame, bad, rows=rows)

        def typed() -> pl.DataFrame:
            held = set(table.columns)
            return pl.DataFrame(
                [
                    table[each.name] if each.name in held else nulls_of(each, height)
                    for each in self.contract.fields
                ]
                + list(self._reasons(batch))
            )

        def delivered() -> pl.DataFrame:
            texts = [as_text(batch[column]).alias(name) for column, name in own.items()]
            return pl.DataFrame([rows.alias(free_name(ROW_NUMBER, own.values())), *texts])

        changed = any(
            table[name].dtype != batch[column].dtype
            or table[name].null_count() != batch[column].null_count()
            for column, name in own.items()
        )
        return Piece(judged_batch, rows, wrong_rows(judged_batch), typed, delivered, changed)

    def _with_codes(self, name: str, column: str, batch: pl.DataFrame) -> pl.Expr:
        """The column with the codes that its field allows as values."""
        if code_column(column) not in batch.columns:
            return column_of(name)
        codes = batch[code_column(column)]
        allowed = codes.is_in(self._allowed(name, column))
        values = codes.cast(batch[column].dtype, strict=False)
        return pl.when(pl.lit(allowed)).then(pl.lit(values)).otherwise(column_of(name)).alias(name)

    def _dtype(self, name: str) -> pl.DataType:
        """The type of a field's column in the table."""
        field, dtype = self.contract.field(name), self.held[name][1]
        as_it_is = fits(dtype, field.type, field.format)
        if as_it_is and (self.file.scan is not None or not _is_plain(dtype, logical_dtype(field))):
            return dtype
        return table_dtype(field)


def open_typed(file: TypedFile, contract: Contract) -> ColumnedFile:
    """Return a typed file, whose columns have been compared with its contract."""
    names = PlainNames.for_contract(contract)
    errors = match_columns(list(file.columns), contract)
    plain = names.contract(contract)
    held: dict[str, tuple[str, pl.DataType]] = {}
    for each, inner in zip(contract.fields, plain.fields, strict=True):
        dtype = file.columns.get(each.name)
        if dtype is not None and is_convertible(each, dtype):
            held[inner.name] = (each.name, dtype)
        elif dtype is not None:
            errors.append(wrong_dtype(each, dtype))
    return ColumnedFile(file, plain, names, held, tuple(errors))


def is_convertible(field: Field, dtype: pl.DataType) -> bool:
    """Tell whether the values of a column can be values of a field, as far as the types tell."""
    kind = type_of(field)
    if fits(dtype, field.type, field.format) or dtype in TEXTS:
        return True
    if dtype.is_numeric():
        by_pattern = kind.patterns and field.format != "default"
        return kind.coded or by_pattern
    return kind.converted(pl.lit(None), dtype) is not None


def converted(
    raw: pl.DataFrame, fields: Sequence[Field]
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Return columns in their fields' types, and which cells of them are not of that type.

    Missing values are nulls already. All columns are converted at once: most of what a small piece
    takes is the start of each query.
    """
    conversions: dict[str, Conversion] = {}
    as_texts: list[Field] = []
    dtypes = raw.schema
    for field in fields:
        cell, dtype = column_of(field.name), dtypes[field.name]
        if fits(dtype, field.type, field.format):
            continue
        conversion = type_of(field).converted(cell, dtype)
        if conversion is None:
            as_texts.append(field)
        else:
            conversions[field.name] = conversion
    table = _converted_at_once(raw, conversions)
    bad = {
        name: raw[name].is_not_null() & table[name].is_null()
        for name in table.columns
        if table[name].null_count() != raw[name].null_count()
    }
    for field in as_texts:
        values, marks = _read_as_text(field, raw[field.name])
        table = table.with_columns(values)
        if marks is not None:
            bad[field.name] = marks
    return table, bad


def _converted_at_once(raw: pl.DataFrame, conversions: Mapping[str, Conversion]) -> pl.DataFrame:
    if not conversions:
        return raw
    tests = {name: one.differs for name, one in conversions.items() if one.differs is not None}
    found = raw.select(test.any().alias(name) for name, test in tests.items())
    # To look costs less than to write a column again, and most have nothing to leave out.
    return raw.with_columns(
        (
            pl.when(~tests[name]).then(one.values).alias(name)
            if name in tests and found[name].item()
            else one.values.alias(name)
        )
        for name, one in conversions.items()
    )


def _read_as_text(field: Field, column: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Return a column as it is read from the text of its values, and its bad cells, if any."""
    cells = read_column(field, as_text(column))
    if not type_of(field).lexical:
        return cells.values.alias(column.name), cells.bad
    texts = as_text(column).to_frame()
    good = texts.select(pl.when(pl.lit(cells.values.is_not_null())).then(column_of(column.name)))
    return good.to_series(), cells.bad


def as_text(column: pl.Series) -> pl.Series:
    """Return a column as the text that its values are in delimited text."""
    if column.dtype.is_float():
        name = column_of(column.name)
        whole = name.cast(pl.Int64, strict=False)
        text = pl.when(whole.cast(column.dtype) == name).then(whole.cast(pl.String))
        return column.to_frame().select(text.otherwise(name.cast(pl.String))).to_series()
    if column.dtype == pl.Duration:
        return column.dt.to_string("iso")
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return column.is_not_null().cast(pl.String)
    return column.cast(pl.String)


def without_missing(raw: pl.DataFrame, fields: Sequence[Field]) -> pl.DataFrame:
    """Return columns with their missing values as nulls."""
    dtypes = raw.schema
    tests = {
        field.name: test
        for field in fields
        if (test := missing_test(field, dtypes[field.name])) is not None
    }
    if not tests:
        return raw
    # Most columns have none, and to look costs less than to write them again.
    found = raw.select(test.any().alias(name) for name, test in tests.items()).row(0, named=True)
    held = [
        pl.when(~test).then(column_of(name)).alias(name)
        for name, test in tests.items()
        if found[name]
    ]
    return raw.with_columns(held) if held else raw


def missing_test(field: Field, dtype: pl.DataType) -> pl.Expr | None:
    """Return which cells of a column of this type are missing values; None where none can be.

    https://datapackage.org/standard/table-schema/#missingValues
    """
    if not field.missing_values:
        return None
    if dtype in TEXTS:
        return is_missing(field, dtype)
    if not dtype.is_numeric():
        return None
    numbers = [float(word) for word in field.missing_values if NUMBER.fullmatch(word)]
    if dtype.is_integer():
        tests = [
            column_of(field.name) == int(one)
            for one in numbers
            if math.isfinite(one) and one.is_integer() and -_BEYOND <= one < _BEYOND
        ]
    else:
        tests = [column_of(field.name) == pl.lit(one, dtype) for one in numbers]
    return pl.any_horizontal(tests).fill_null(value=False) if tests else None


def _is_plain(dtype: pl.DataType, wanted: pl.DataType) -> bool:
    """Tell whether a column can be cast to the type that text is read to, and loses nothing."""
    if wanted == pl.Datetime:
        return isinstance(dtype, pl.Datetime) and dtype.time_zone is None
    return dtype.is_numeric() and wanted.is_numeric()
