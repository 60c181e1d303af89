"""A file whose cells are text, such as delimited text, as pieces that are judged and typed.

https://datapackage.org/standard/table-schema/ and https://datapackage.org/standard/table-dialect/
"""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from data_package.engine.schema.cells import Cells, logical_dtype, number_dtype, read_columns
from data_package.engine.schema.checker import Batch
from data_package.engine.schema.columns import ROW_NUMBER, free_name
from data_package.engine.schema.columns import column as column_of
from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.dialect import Dialect, Form
from data_package.engine.schema.findings import Kind
from data_package.engine.schema.formats.file_format import FileFormat, TextRecords
from data_package.engine.schema.formats.opening import open_records
from data_package.engine.schema.header import Header, match_labels, without_header
from data_package.engine.schema.piece import Piece, nulls_of, table_columns, wrong_rows
from data_package.engine.schema.plain_names import PlainNames
from data_package.engine.schema.reasons import reasons, reasons_by_value, reasons_of
from data_package.engine.schema.report import Hint, Report, Total
from data_package.engine.schema.split import Block, Shape
from data_package.engine.schema.types import type_of
from data_package.engine.schema.unreadable import OTHER_ENCODING

_BLANK_ROW = Kind("blank-row", "blank-row", None, "a row without a value", -3)
_LONG_ROW = Kind("extra-cell", "extra-cell", None, "a cell beyond the columns", -2)
_SHORT = "a row that ends before it"
_QUOTES = "a quote that is not closed, or inside a cell without quotes"
_DATE = r"^\d{4}-\d\d-\d\d$"
_ENCODING = Kind("encoding-error", "encoding", None, "bytes that are not of the encoding", -4)


@dataclass(frozen=True, slots=True)
class CelledFile:
    """An open file, its dialect and its header.

    `contract` has plain names. `keeps_text` tells that the text of cells is asked for.
    """

    records: TextRecords
    form: FileFormat
    contract: Contract
    dialect: Dialect
    header: Header
    first_row: int
    blank_rows: tuple[int, ...]
    names: PlainNames
    part: str = ""
    keeps_text: bool = False

    @property
    def shape(self) -> Shape:
        """What the file is split by; without its text, numbers can be split as numbers."""
        columns = self.columns
        empty_is_null = all(
            "" in each.missing_values and not (each.missing_reason and each.missing_labels.get(""))
            for _, each in columns
        )
        numbers: dict[int, pl.DataType] = {}
        if empty_is_null and not self.keeps_text and self.dialect.null_sequence is None:
            dtypes = ((i, number_dtype(each)) for i, each in columns if not each.missing_reason)
            numbers = {i: dtype for i, dtype in dtypes if dtype is not None}
        return Shape(len(self.header.columns), empty_is_null, numbers)

    @property
    def columns(self) -> list[tuple[int, Field]]:
        """The columns that are fields, with their places."""
        return [(i, each) for i, each in enumerate(self.header.columns) if each is not None]

    @property
    def dtypes(self) -> dict[str, pl.DataType]:
        """The types of the values that are judged."""
        return {each.name: logical_dtype(each) for _, each in self.columns}

    @property
    def errors(self) -> tuple[Total, ...]:
        """What is wrong with the file before its first row."""
        return self.header.errors

    def as_it_is(self) -> None:
        """Return None: text is never a table as it is."""

    def columns_of_table(self) -> pl.Schema:
        """Return the columns of the table, with their types."""
        return table_columns(self.contract)

    def notes(self) -> Iterator[tuple[Kind, Sequence[int]]]:
        """Give what is wrong with rows that are not among the pieces, by their numbers."""
        yield _BLANK_ROW, self.blank_rows

    def pieces(self) -> Iterator[Piece]:
        """Give the file block by block, once."""
        columns = self.columns
        shape = self.shape

        def values(block: Block) -> _Values:
            return _values(block, self, columns, shape.empty_is_null)

        for block, held in self.records.blocks(shape, values):
            yield self._piece(block, held)

    def _piece(self, block: Block, held: "_Values") -> Piece:
        structure = _structure(block, self, held.blank)
        batch = Batch(held.frame, held.bad, held.blank, block.rows, structure, held.unread)
        return Piece(
            batch,
            block.rows,
            wrong_rows(batch),
            lambda: _typed(self.contract, held.cells, held.texts, block.cells.height),
            lambda: _as_delivered(block, self),
        )

    def explained(self, report: Report) -> Report:
        """Return the report with the part of the file that it is about, and what may be wrong."""
        skipped = (*report.skipped, *_footer(self.dialect))
        return replace(report, part=self.part, hint=_hint(self, report), skipped=skipped)


@contextmanager
def open_celled(
    path: Path,
    form: FileFormat,
    contract: Contract,
    dialect: Dialect,
    block_bytes: int,
    *,
    keeps_text: bool,
) -> Iterator[CelledFile]:
    """Open a file of a text-celled format, whose header has been compared with its contract.

    Raises CheckError when it cannot be read.
    """
    with open_records(path, form, dialect, block_bytes) as records:
        # Only where there is a delimiter can it be another one.
        delimiter = dialect.delimiter if form.form is Form.DELIMITED and not dialect.columns else ""
        header = _header(records, contract, dialect, delimiter)
        names = PlainNames.for_contract(contract)
        plain = names.contract(contract)
        if names.of:
            fields = zip(contract.fields, plain.fields, strict=True)
            known = {id(own): each for own, each in fields}
            columns = tuple(known[id(each)] if each else None for each in header.columns)
            header = replace(header, columns=columns)
        first, blank = records.first_row, records.blank_rows
        part = records.part
        yield CelledFile(
            records, form, plain, dialect, header, first, blank, names, part, keeps_text
        )


def _header(records: TextRecords, contract: Contract, dialect: Dialect, delimiter: str) -> Header:
    """Return what a file's columns are, and what is wrong with the file before its first row."""
    if records.is_empty:
        return Header((), (_of_source("the file is empty"),))
    if not dialect.header:
        return without_header(contract)
    if not records.labels:
        return Header((), (_of_source("the file has no row that can be its header"),))
    header = match_labels(records.labels, contract, delimiter, records.first_row - 1)
    if not records.broken_header:
        return header
    return replace(header, errors=(_of_source(f"the header has {_QUOTES}"), *header.errors))


def _footer(dialect: Dialect) -> tuple[str, ...]:
    rows = dialect.footer_rows
    if not rows:
        return ()
    return (f"the last {'row' if rows == 1 else f'{rows:,} rows'}, a footer by the dialect",)


def _of_source(note: str) -> Total:
    return Total("source-error", "source", None, 1, (), note)


def _hint(table: CelledFile, report: Report) -> Hint | None:
    """Return what most likely makes many errors at once, and how to say it right."""
    rules = {total.rule for total in report.totals}
    if "encoding" in rules:
        if codecs.lookup(table.dialect.encoding).name == OTHER_ENCODING:
            return None
        what = f"the text is not encoded in {table.dialect.encoding}; if it is in {OTHER_ENCODING}"
        return Hint(what, f"encoding: {OTHER_ENCODING}", f"--encoding {OTHER_ENCODING}")
    if "quoteChar" in rules:
        what = "if quotes are signs like any other in this file"
        return table.header.hint or Hint(what, "dialect: {quoteChar: null}")
    return table.header.hint


@dataclass(frozen=True, slots=True)
class _Values:
    """A block's columns that are fields: as delivered, as values, and which rows have none."""

    texts: pl.DataFrame
    cells: Mapping[str, Cells]
    frame: pl.DataFrame
    bad: Mapping[str, pl.Series]
    blank: pl.Series | None
    unread: pl.Series | None


def _values(
    block: Block, table: CelledFile, columns: Sequence[tuple[int, Field]], empty_is_null: bool
) -> _Values:
    texts = _without_faults(block).select(pl.col(str(i)).alias(each.name) for i, each in columns)
    null = table.dialect.null_sequence
    if null is not None:
        texts = texts.with_columns(pl.when(pl.all() != null).then(pl.all()))
    if table.form.form is Form.WORKBOOK:
        texts = texts.with_columns(
            _with_midnights(each.name)
            for _, each in columns
            if each.type == "datetime" and each.format == "default"
        )
    cells = read_columns(texts, [each for _, each in columns], empty_is_null)
    frame = _together(cells, block.cells.height)
    bad = {name: column.bad for name, column in cells.items() if column.bad is not None}
    unread = None
    if block.faults:
        unread = pl.Series("unread", [False]).new_from_index(0, block.cells.height)
        unread = unread.scatter([row for row, _ in block.faults], values=True)
    blank = _blank_rows(block, table, frame, bad, unread)
    return _Values(texts, cells, frame, bad, blank, unread)


def _with_midnights(name: str) -> pl.Expr:
    """A column's days as date-times: where all of a sheet's are at midnight, they are days."""
    text = column_of(name)
    midnight = text + "T00:00:00"
    return pl.when(text.str.contains(_DATE)).then(midnight).otherwise(text).alias(name)


def _by_place(block: Block) -> dict[int, list[int]]:
    """Return the rows that have a cell with wrong quotes, by the place of the cell."""
    found: dict[int, list[int]] = {}
    for row, place in block.faults:
        found.setdefault(place, []).append(row)
    return found


def _without_faults(block: Block) -> pl.DataFrame:
    """Return the cells, null where quotes are wrong: what such a cell says is in doubt."""
    cells = block.cells
    return cells.with_columns(
        cells.to_series(place).scatter(rows, None)
        for place, rows in _by_place(block).items()
        if place < cells.width
    )


def _together(cells: Mapping[str, Cells], height: int) -> pl.DataFrame:
    if not cells:
        return pl.DataFrame(height=height)
    return pl.DataFrame([column.values.alias(name) for name, column in cells.items()])


def _blank_rows(
    block: Block,
    table: CelledFile,
    values: pl.DataFrame,
    bad: Mapping[str, pl.Series],
    unread: pl.Series | None,
) -> pl.Series | None:
    """Return which rows hold no value in any cell, of a field or not.

    In JSON and in databases such a row is one that somebody has made, and not an empty line.
    """
    if table.form.form in (Form.JSON, Form.DATABASE):
        return None
    blank = pl.Series("blank", [True]).new_from_index(0, values.height)
    if values.width:
        blank = values.select(pl.all_horizontal(pl.all().is_null()).alias("blank")).to_series()
    if not blank.any():
        return None
    for marks in (*bad.values(), *([unread] if unread is not None else [])):
        blank = blank & ~marks
    for i, each in enumerate(table.header.columns):
        if each is None:
            column = block.cells[str(i)]
            blank = blank & (column.is_null() | (column == ""))
    if block.beyond:
        blank = blank.scatter(list(block.beyond), values=False)
    return blank if blank.any() else None


def _structure(
    block: Block, table: CelledFile, blank: pl.Series | None
) -> list[tuple[Kind, pl.Series]]:
    """Return what is wrong with rows rather than cells; of a blank row only that it is blank."""
    found: list[tuple[Kind, pl.Series]] = []
    if block.undecodable:
        found.append((_ENCODING, pl.Series(block.undecodable, dtype=pl.UInt32)))
    columns = table.header.columns
    for place, rows in sorted(_by_place(block).items()):
        kind = Kind("quote-error", "quoteChar", _name_of(place, columns), _QUOTES, -5)
        found.append((kind, pl.Series(rows, dtype=pl.UInt32)))
    if blank is not None:
        found.append((_BLANK_ROW, blank.arg_true()))
    if not block.widths:
        return found
    rows_of = pl.DataFrame(block.widths, schema={"row": pl.UInt32, "cells": pl.Int64}, orient="row")
    if blank is not None:
        rows_of = rows_of.filter(~blank.gather(rows_of["row"]))
    extra = (pl.col("cells") - len(columns)).clip(0)
    long = rows_of.select(pl.col("row").repeat_by(extra).explode(empty_as_null=False)).to_series()
    if len(long):
        found.append((_LONG_ROW, long))
    for i in range(min(_fewest(rows_of), len(columns)), len(columns)):
        kind = Kind("missing-cell", "missing-cell", _name_of(i, columns), _SHORT, -1)
        found.append((kind, rows_of.filter(pl.col("cells") <= i)["row"]))
    return found


def _fewest(rows: pl.DataFrame) -> int:
    cells = rows["cells"].to_list()
    return min(cells, default=1 << 30)


def _name_of(place: int, columns: Sequence[Field | None]) -> str | None:
    field = columns[place] if place < len(columns) else None
    return None if field is None else field.name


def _typed(
    contract: Contract, cells: Mapping[str, Cells], texts: pl.DataFrame, height: int
) -> pl.DataFrame:
    """Return the contract's fields with the types a table of them has."""
    columns: list[pl.Series] = []
    for each in contract.fields:
        lexical = type_of(each).lexical
        if each.name not in cells:
            column = nulls_of(each, height)
        elif lexical:
            good = cells[each.name].values.is_not_null()
            column = texts[each.name].to_frame().select(pl.when(good).then(pl.first())).to_series()
        else:
            column = cells[each.name].values
        columns.append(column.alias(each.name))
    for name, each in reasons_of(contract).items():
        held = texts[each.name] if each.name in cells else nulls_of(each, height)
        columns.append(reasons(held, reasons_by_value(each, {})).alias(name))
    return pl.DataFrame(columns)


def _as_delivered(block: Block, table: CelledFile) -> pl.DataFrame:
    fields = {each.name for _, each in table.columns}
    names = [
        each.name if each else free_name(f"column {i + 1}", fields)
        for i, each in enumerate(table.header.columns)
    ]
    cells = block.cells.rename(dict(zip(block.cells.columns, names, strict=True)))
    return cells.insert_column(0, block.rows.alias(free_name(ROW_NUMBER, names)))
