"""Read delimited text as delivered: a typed table, and a report of every cell that is not right.

https://datapackage.org/standard/table-schema/ and https://datapackage.org/standard/table-dialect/
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import polars as pl
from polars.io.plugins import register_io_source

from data_package.engine.errors import DataPackageError
from data_package.engine.schema.cells import Cells, logical_dtype, number_dtype, read_columns
from data_package.engine.schema.checker import DEFAULT_LIMIT, Batch, Checker
from data_package.engine.schema.columns import column as column_of
from data_package.engine.schema.contract import Contract, Descriptor, Field
from data_package.engine.schema.dialect import Dialect, Form, dialect_of_file
from data_package.engine.schema.findings import Kind
from data_package.engine.schema.header import Header, match_labels, without_header
from data_package.engine.schema.plain_names import PlainNames
from data_package.engine.schema.records import BLOCK_BYTES, Records
from data_package.engine.schema.report import Hint, Report, Total
from data_package.engine.schema.split import Block, Shape
from data_package.engine.schema.types import type_of
from data_package.engine.schema.unreadable import OTHER_ENCODING, unreadable

OnBad: TypeAlias = Literal["null", "reject", "stop"]

_BLANK_ROW = Kind("blank-row", "blank-row", None, "a row without a value", -3)
_LONG_ROW = Kind("extra-cell", "extra-cell", None, "a cell beyond the columns", -2)
_SHORT = "a row that ends before it"
_QUOTES = "a quote that is not closed, or inside a cell without quotes"
_DATE = r"^\d{4}-\d\d-\d\d$"
_ENCODING = Kind("encoding-error", "encoding", None, "bytes that are not of the encoding", -4)


class BadDataError(DataPackageError):
    """Delivered data that stop the work; carries the report, quotes no value."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.render())
        self.report = report


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A delivered file as a table.

    `frame` has the contract's fields, in their order and with their types; cells that are not of
    their type are null. `rejects` has the rows that were left out of it, as text, each with its
    row number; `rejected` counts them. `wrong` counts the rows that have a cell that is not of its
    type, or not the right shape, whatever became of them. `numbers` are the numbers of the rows in
    the file (Int64) where they were asked for.
    """

    frame: pl.LazyFrame
    report: Report
    rejects: pl.DataFrame | None = None
    wrong: int = 0
    numbers: pl.Series | None = None

    @property
    def rejected(self) -> int:
        """How many rows were left out."""
        return 0 if self.rejects is None else self.rejects.height


@dataclass(frozen=True, slots=True)
class _Table:
    """A file, its dialect and its header."""

    path: Path
    contract: Contract
    dialect: Dialect
    header: Header
    block_bytes: int
    first_row: int
    blank_rows: tuple[int, ...]
    names: PlainNames
    part: str = ""
    keeps_text: bool = False

    @property
    def is_workbook(self) -> bool:
        """Whether a cell can be a date without anybody having written it as one."""
        return self.dialect.form_of(self.path) is Form.WORKBOOK

    @property
    def shape(self) -> Shape:
        """What the file is split by; without its text, numbers can be split as numbers."""
        columns = self.columns
        empty_is_null = all("" in each.missing_values for _, each in columns)
        numbers: dict[int, pl.DataType] = {}
        if empty_is_null and not self.keeps_text and self.dialect.null_sequence is None:
            dtypes = ((i, number_dtype(each)) for i, each in columns)
            numbers = {i: dtype for i, dtype in dtypes if dtype is not None}
        return Shape(len(self.header.columns), empty_is_null, numbers)

    @property
    def columns(self) -> list[tuple[int, Field]]:
        """The columns that are fields, with their places."""
        return [(i, each) for i, each in enumerate(self.header.columns) if each is not None]


def read(
    path: Path | str,
    contract: Contract | Descriptor,
    *,
    dialect: Descriptor | None = None,
    encoding: str | None = None,
    bad: OnBad = "null",
    rejects: Path | None = None,
    into: BinaryIO | None = None,
    references: Mapping[str, pl.DataFrame | pl.LazyFrame] | None = None,
    limit: int = DEFAULT_LIMIT,
    numbered: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> Reading:
    """Return a delimited file as a typed table, and the report on it.

    `bad` says what becomes of cells that are not of their type and of rows that are ragged or have
    wrong quotes: "null" keeps the rows and makes the cells null; "reject" leaves the rows out, and
    writes them as text, with their row numbers, to the Parquet file `rejects` when one is named;
    "stop" raises BadDataError. It is raised, whatever `bad` says, for what is wrong with the whole
    file: its header, its number of columns, its encoding, nothing in it. Broken constraints are
    reported and change nothing. A datetime with an offset becomes UTC;
    types that Polars has none for (duration, yearmonth, geopoint, JSON) stay text. The file is
    read in pieces of `block_bytes`. The table is held in memory, or written as Parquet to the open
    file `into` while it is read, and scanned from there. `numbered` asks for the rows' numbers.

    Raises CheckError when the file cannot be read, BadDataError as above.
    """
    table = _open_table(Path(path), _contract(contract, path), dialect, encoding, block_bytes)
    contract = table.contract
    table = replace(table, keeps_text=bad == "reject")
    judged = _Judged(table, references, limit)
    refused: list[pl.DataFrame] = []
    wrong_rows = 0
    numbers: list[pl.Series] = [pl.Series([], dtype=pl.Int64)]

    def pieces() -> Iterator[pl.DataFrame]:
        nonlocal wrong_rows
        for block, values, batch in judged:
            frame = _typed(contract, values.cells, values.texts, block.cells.height)
            wrong = _wrong_rows(block, batch)
            wrong_rows += int(wrong.sum()) if wrong is not None else 0
            if wrong is not None and bad == "reject":
                refused.append(_as_delivered(block, table).filter(wrong))
                frame = frame.filter(~wrong)
                rows = block.rows.filter(~wrong)
            else:
                rows = block.rows
            if numbered:
                numbers.append(rows)
            yield frame

    columns = columns_of(contract)
    try:
        if into is None:
            frame = pl.concat([pl.DataFrame(schema=columns), *pieces()]).lazy()
        else:
            frame = _through_file(pieces(), columns, into)
    except pl.exceptions.PolarsError as error:
        raise unreadable(contract.name, error) from None
    if judged.report.of_whole or (bad == "stop" and not judged.report.ok):
        raise BadDataError(judged.report)
    left_out = pl.concat(refused) if refused else None
    if back := table.names.back:
        frame = frame.rename(back)
        left_out = None if left_out is None else left_out.rename(back)
    if rejects is not None and bad == "reject":
        _write_rejects(rejects, left_out)
    numbers_of = pl.concat(numbers) if numbered else None
    return Reading(frame, judged.report, left_out, wrong_rows, numbers_of)


def columns_of(contract: Contract) -> pl.Schema:
    """The columns, with their types, of a table that is read by a contract."""
    return _typed(contract, {}, pl.DataFrame(), 0).schema


def check_file(
    path: Path | str,
    contract: Contract | Descriptor,
    *,
    dialect: Descriptor | None = None,
    encoding: str | None = None,
    references: Mapping[str, pl.DataFrame | pl.LazyFrame] | None = None,
    limit: int = DEFAULT_LIMIT,
    block_bytes: int = BLOCK_BYTES,
) -> Report:
    """Return what in a delimited file breaks its contract; holds a few blocks of it at a time.

    Raises CheckError when the file cannot be read.
    """
    table = _open_table(Path(path), _contract(contract, path), dialect, encoding, block_bytes)
    judged = _Judged(table, references, limit)
    for _ in judged:
        pass
    return judged.report


def _contract(contract: Contract | Descriptor, path: Path | str) -> Contract:
    if isinstance(contract, Contract):
        return contract
    return Contract.from_descriptor(contract, name=Path(path).name.partition(".")[0])


def _open_table(
    path: Path,
    contract: Contract,
    dialect: Descriptor | None,
    encoding: str | None,
    block_bytes: int,
) -> _Table:
    settled = dialect_of_file(path, contract, dialect, encoding)
    with Records(path, settled, block_bytes=block_bytes) as records:
        header = _header(records, contract, settled)
        names = PlainNames.for_contract(contract)
        plain = names.contract(contract)
        if names.of:
            fields = zip(contract.fields, plain.fields, strict=True)
            known = {id(own): each for own, each in fields}
            columns = tuple(known[id(each)] if each else None for each in header.columns)
            header = replace(header, columns=columns)
        first, blank = records.first_row, records.blank_rows
        part = records.part
        return _Table(path, plain, settled, header, block_bytes, first, blank, names, part)


def _header(records: Records, contract: Contract, dialect: Dialect) -> Header:
    """Return what a file's columns are, and what is wrong with the file before its first row."""
    if records.is_empty:
        return Header((), (_of_source("the file is empty"),))
    if not dialect.header:
        return without_header(contract)
    if not records.labels:
        return Header((), (_of_source("the file has no row that can be its header"),))
    # Only where there is one can it be another one.
    delimiter = dialect.delimiter if records.is_delimited else ""
    header = match_labels(records.labels, contract, delimiter, records.first_row - 1)
    if not records.broken_header:
        return header
    return replace(header, errors=(_of_source(f"the header has {_QUOTES}"), *header.errors))


def _of_source(note: str) -> Total:
    return Total("source-error", "source", None, 1, (), note)


class _Judged:
    """The blocks of a file, and the report on them once all have been taken."""

    report: Report

    def __init__(
        self,
        table: _Table,
        references: Mapping[str, pl.DataFrame | pl.LazyFrame] | None,
        limit: int,
    ) -> None:
        self._table = table
        present = {each.name: logical_dtype(each) for _, each in table.columns}
        self._checker = Checker(
            table.contract,
            present,
            references or {},
            limit,
            first_row=table.first_row,
            looks_again=False,
        )

    def __iter__(self) -> Iterator[tuple[Block, "_Values", Batch]]:
        table = self._table
        self._checker.note(_BLANK_ROW, table.blank_rows)
        try:
            for block, values, batch in _batches(table):
                self._checker.take(batch)
                yield block, values, batch
            report = self._checker.finish(table.header.errors)
        except pl.exceptions.PolarsError as error:
            raise unreadable(table.contract.name, error) from None
        skipped = (*report.skipped, *_footer(table.dialect))
        report = replace(
            report, hint=_hint(table, report), delivered=True, part=table.part, skipped=skipped
        )
        self.report = table.names.report(report)


def _footer(dialect: Dialect) -> tuple[str, ...]:
    rows = dialect.footer_rows
    if not rows:
        return ()
    return (f"the last {'row' if rows == 1 else f'{rows:,} rows'}, a footer by the dialect",)


def _through_file(
    pieces: Iterator[pl.DataFrame], columns: pl.Schema, file: BinaryIO
) -> pl.LazyFrame:
    """Write pieces of a table as they come; what goes wrong with one is raised as it is."""
    wrong: list[BaseException] = []

    def give(*_asked: object) -> Iterator[pl.DataFrame]:
        try:
            yield from pieces
        except BaseException as error:
            wrong.append(error)
            raise

    try:
        register_io_source(give, schema=columns).sink_parquet(file, compression="lz4")
    except BaseException:
        if wrong:
            raise wrong[0] from None
        raise
    file.seek(0)
    return pl.scan_parquet(file)


def _hint(table: _Table, report: Report) -> Hint | None:
    """Return what most likely makes many errors at once, and how to say it right."""
    rules = {total.rule for total in report.totals}
    if "encoding" in rules:
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


def _batches(table: _Table) -> Iterator[tuple[Block, _Values, Batch]]:
    """Give the file block by block, as text and as values."""
    columns = table.columns
    shape = table.shape

    def values(block: Block) -> _Values:
        return _values(block, table, columns, shape.empty_is_null)

    with Records(table.path, table.dialect, block_bytes=table.block_bytes) as records:
        for block, held in records.blocks(shape, values):
            structure = _structure(block, table, held.blank)
            yield (
                block,
                held,
                Batch(held.frame, held.bad, held.blank, block.rows, structure, held.unread),
            )


def _values(
    block: Block, table: _Table, columns: Sequence[tuple[int, Field]], empty_is_null: bool
) -> _Values:
    texts = _without_faults(block).select(pl.col(str(i)).alias(each.name) for i, each in columns)
    null = table.dialect.null_sequence
    if null is not None:
        texts = texts.with_columns(pl.when(pl.all() != null).then(pl.all()))
    if table.is_workbook:
        # A column of a sheet in which every date-time is at midnight holds dates.
        texts = texts.with_columns(
            pl.when(column_of(each.name).str.contains(_DATE))
            .then(column_of(each.name) + "T00:00:00")
            .otherwise(column_of(each.name))
            .alias(each.name)
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
    table: _Table,
    values: pl.DataFrame,
    bad: Mapping[str, pl.Series],
    unread: pl.Series | None,
) -> pl.Series | None:
    """Return which rows hold no value in any cell, of a field or not."""
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
    block: Block, table: _Table, blank: pl.Series | None
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
        dtype = pl.String() if lexical else logical_dtype(each)
        if each.name not in cells:
            column = pl.Series(each.name, [None], dtype=dtype).new_from_index(0, height)
        elif lexical:
            good = cells[each.name].values.is_not_null()
            column = texts[each.name].to_frame().select(pl.when(good).then(pl.first())).to_series()
        else:
            column = cells[each.name].values
        columns.append(column.alias(each.name))
    return pl.DataFrame(columns)


def _wrong_rows(block: Block, batch: Batch) -> pl.Series | None:
    """Return which rows have a cell that is not of its type, or the wrong shape."""
    wrong = pl.Series("wrong", [False]).new_from_index(0, block.cells.height)
    for marks in batch.bad.values():
        wrong = wrong | marks
    for _, positions in batch.structure:
        wrong = wrong.scatter(positions.unique(), values=True)
    return wrong if wrong.any() else None


def _as_delivered(block: Block, table: _Table) -> pl.DataFrame:
    names = [
        each.name if each else f"column {i + 1}" for i, each in enumerate(table.header.columns)
    ]
    cells = block.cells.rename(dict(zip(block.cells.columns, names, strict=True)))
    return cells.insert_column(0, block.rows.alias("row number"))


def _write_rejects(path: Path, left_out: pl.DataFrame | None) -> None:
    """Write rejected rows privately, beside and renamed; without any, no file is left."""
    if left_out is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            left_out.write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
