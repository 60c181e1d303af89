"""Read delivered files: a typed table, and a report of every cell that is not right.

https://datapackage.org/standard/table-schema/ and https://datapackage.org/standard/table-dialect/
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, TypeAlias

import polars as pl
from polars.io.plugins import register_io_source

from data_package.engine.errors import DataPackageError
from data_package.engine.schema.checker import DEFAULT_LIMIT, Checker
from data_package.engine.schema.contract import Contract, Descriptor
from data_package.engine.schema.contract_file import linted
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.schema.dialect_of_file import dialect_of_file
from data_package.engine.schema.findings import Kind
from data_package.engine.schema.formats import format_of
from data_package.engine.schema.grammar import BLOCK_BYTES
from data_package.engine.schema.piece import Piece, table_columns
from data_package.engine.schema.plain_names import PlainNames
from data_package.engine.schema.report import Report, Total
from data_package.engine.schema.unreadable import unreadable

OnBad: TypeAlias = Literal["null", "reject", "stop"]

# The default share of a file's rows that may be bad: typing errors are rarer, and a wrong format or
# a shifted column breaks more rows. In a small file a few rows can be any share.
_WORST = 0.05
_FEW = 10


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
    row number in the first column, and `left_out` the same rows as they would be in the table;
    `rejected` counts them. `wrong` counts the rows that have a cell that is not of its type, or not
    the right shape, kept or not. `numbers` are the numbers of the rows in the file (Int64) where
    they were asked for.
    """

    frame: pl.LazyFrame
    report: Report
    rejects: pl.DataFrame | None = None
    left_out: pl.DataFrame | None = None
    wrong: int = 0
    numbers: pl.Series | None = None

    @property
    def rejected(self) -> int:
        """How many rows were left out."""
        return 0 if self.rejects is None else self.rejects.height


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
    """Return a delivered file as a typed table, and the report on it.

    The file at `path` has one of the formats of `formats.FORMATS`, and is written as `dialect` and
    `encoding` say, by default as its `contract` does. `references` are the tables that its foreign
    keys name, and at most `limit` rows are itemised for each rule of each field. `bad` says what
    becomes of cells that are not of their type and of rows that are ragged or have wrong quotes:
    "null" keeps the rows and makes the cells null; "reject" leaves the rows out, and writes them as
    text, with their row numbers, to the Parquet file `rejects` when one is named; "stop" raises
    BadDataError. It is raised, whatever `bad` says, for what is wrong with the whole file: its
    header, its number of columns, a column of a type that cannot hold its field, its encoding,
    nothing in it. Broken constraints are reported and change nothing. A datetime with an offset
    becomes UTC; types that Polars has none for (duration, yearmonth, geopoint, JSON) stay text. The
    file is read in pieces; those of delimited text are of `block_bytes`. The table is held in
    memory, or written as Parquet to the open file `into` while it is read, and scanned from there;
    a Parquet file in which nothing has to change is scanned where it is. `numbered` asks for the
    rows' numbers.

    Raises CheckError when the file cannot be read, BadDataError as above, ContractError for a
    descriptor with faults.
    """
    whole = _contract(contract, path)
    with _opened(Path(path), whole, dialect, encoding, block_bytes, bad == "reject") as source:
        made = _as_it_is(source, references, limit, bad, numbered=numbered)
        return made or _made(source, references, limit, bad, rejects, into, numbered=numbered)


def _as_it_is(
    source: "_Source",
    references: Mapping[str, pl.DataFrame | pl.LazyFrame] | None,
    limit: int,
    bad: OnBad,
    *,
    numbered: bool,
) -> Reading | None:
    """Return a file that Polars scans where it is; None where it does not, or cells must change."""
    frame = source.as_it_is()
    if frame is None:
        return None
    judged = _Judged(source, references, limit)
    numbers: list[pl.Series] = [pl.Series([], dtype=pl.Int64)]
    for piece in judged:
        if piece.changed or piece.wrong is not None:
            return None
        if numbered:
            numbers.append(piece.rows)
    _stop_if_bad(judged.report, bad)
    if back := source.names.back:
        frame = frame.rename(back)
    return Reading(frame, judged.report, numbers=pl.concat(numbers) if numbered else None)


def _made(
    source: "_Source",
    references: Mapping[str, pl.DataFrame | pl.LazyFrame] | None,
    limit: int,
    bad: OnBad,
    rejects: Path | None,
    into: BinaryIO | None,
    *,
    numbered: bool,
) -> Reading:
    """Return a file as a separate table."""
    contract = source.contract
    judged = _Judged(source, references, limit)
    refused: list[pl.DataFrame] = []
    refused_typed: list[pl.DataFrame] = []
    wrong_rows = 0
    numbers: list[pl.Series] = [pl.Series([], dtype=pl.Int64)]

    def pieces() -> Iterator[pl.DataFrame]:
        nonlocal wrong_rows
        for piece in judged:
            frame, rows, wrong = piece.typed(), piece.rows, piece.wrong
            wrong_rows += int(wrong.sum()) if wrong is not None else 0
            if wrong is not None and bad == "reject":
                refused.append(piece.delivered().filter(wrong))
                refused_typed.append(frame.filter(wrong))
                frame = frame.filter(~wrong)
                rows = rows.filter(~wrong)
            if numbered:
                numbers.append(rows)
            yield frame

    columns = source.columns_of_table()
    try:
        if into is None:
            frame = pl.concat([pl.DataFrame(schema=columns), *pieces()]).lazy()
        else:
            frame = _through_file(pieces(), columns, into)
    except DAMAGED as error:
        raise unreadable(contract.name, error) from None
    _stop_if_bad(judged.report, bad)
    texts = pl.concat(refused) if refused else None
    left_out = pl.concat(refused_typed) if refused_typed else None
    if back := source.names.back:
        frame = frame.rename(back)
        texts = None if texts is None else texts.rename(back, strict=False)
        left_out = None if left_out is None else left_out.rename(back)
    if rejects is not None and bad == "reject":
        _write_rejects(rejects, texts)
    numbers_of = pl.concat(numbers) if numbered else None
    return Reading(frame, judged.report, texts, left_out, wrong_rows, numbers_of)


def _stop_if_bad(report: Report, bad: OnBad) -> None:
    if report.of_whole or (bad == "stop" and not report.ok):
        raise BadDataError(report)


def bad_rows_allowed(rows: int) -> float:
    """Return how many of so many rows may be bad, unless the project says otherwise."""
    return max(_WORST * rows, _FEW)


def columns_of(contract: Contract) -> pl.Schema:
    """The columns, with their types, of a table that is read by a contract.

    A Parquet file's own types stay where they fit.
    """
    return table_columns(contract)


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
    """Return what in a delivered file breaks its contract; holds a few pieces of it at a time.

    `path`, `contract`, `dialect`, `encoding`, `references`, `limit` and `block_bytes` are those of
    `read`. Raises CheckError when the file cannot be read, ContractError for a descriptor with
    faults.
    """
    whole = _contract(contract, path)
    with _opened(Path(path), whole, dialect, encoding, block_bytes, False) as source:
        judged = _Judged(source, references, limit)
        for _ in judged:
            pass
        return judged.report


def delivered_rows(
    path: Path | str, contract: Contract | Descriptor, rows: Sequence[int]
) -> pl.DataFrame:
    """Return rows of a delivered file as text, as they are in it: for the user's own eyes only.

    `path` and `contract` are those of `read`. `rows` are their numbers, which are the first column;
    the others have the names of the fields.

    Raises CheckError when the file cannot be read, ContractError for a descriptor with faults.
    """
    whole = _contract(contract, path)
    wanted = pl.Series(rows, dtype=pl.Int64).implode()
    with _opened(Path(path), whole, None, None, BLOCK_BYTES, True) as source:
        try:
            parts = [
                piece.delivered().filter(piece.rows.is_in(wanted)) for piece in source.pieces()
            ]
        except DAMAGED as error:
            raise unreadable(whole.name, error) from None
        found = pl.concat([each for each in parts if each.height] or parts[:1])
        return found.rename(source.names.back, strict=False)


def _contract(contract: Contract | Descriptor, path: Path | str) -> Contract:
    if isinstance(contract, Contract):
        return contract
    return linted(contract, name=Path(path).name.partition(".")[0])


class _Source(Protocol):
    """A delivered file of any format, whose columns have been compared with its contract."""

    @property
    def contract(self) -> Contract: ...
    @property
    def names(self) -> PlainNames: ...
    @property
    def dtypes(self) -> Mapping[str, pl.DataType]: ...
    @property
    def errors(self) -> tuple[Total, ...]: ...
    @property
    def first_row(self) -> int: ...
    def notes(self) -> Iterator[tuple[Kind, Sequence[int]]]: ...
    def pieces(self) -> Iterator[Piece]: ...
    def explained(self, report: Report) -> Report: ...
    def as_it_is(self) -> pl.LazyFrame | None: ...
    def columns_of_table(self) -> pl.Schema: ...


@contextmanager
def _opened(
    path: Path,
    contract: Contract,
    dialect: Descriptor | None,
    encoding: str | None,
    block_bytes: int,
    keeps_text: bool,
) -> Iterator[_Source]:
    form = format_of(path)
    settled = dialect_of_file(path, form, contract, dialect, encoding)
    if form.typed is not None:
        from data_package.engine.schema.formats.opening import open_typed_file
        from data_package.engine.schema.typed_file import open_typed

        with open_typed_file(path, form) as file:
            yield open_typed(file, contract)
        return
    from data_package.engine.schema.celled import open_celled

    celled = open_celled(path, form, contract, settled, block_bytes, keeps_text=keeps_text)
    with celled as cells:
        yield cells


class _Judged:
    """The pieces of a file, and the report on them once all have been taken."""

    report: Report

    def __init__(
        self,
        source: _Source,
        references: Mapping[str, pl.DataFrame | pl.LazyFrame] | None,
        limit: int,
    ) -> None:
        self._source = source
        self._checker = Checker(
            source.contract,
            source.dtypes,
            references or {},
            limit,
            first_row=source.first_row,
            looks_again=False,
        )

    def __iter__(self) -> Iterator[Piece]:
        source = self._source
        for kind, rows in source.notes():
            self._checker.note(kind, rows)
        try:
            for piece in source.pieces():
                self._checker.take(piece.batch)
                yield piece
            report = self._checker.finish(source.errors)
        except DAMAGED as error:
            raise unreadable(source.contract.name, error) from None
        report = replace(source.explained(report), delivered=True)
        self.report = source.names.report(report)


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
