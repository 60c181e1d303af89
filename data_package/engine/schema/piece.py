"""Some rows of a delivered file, judged and typed, whatever the file's format."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from data_package.engine.schema.cells import logical_dtype
from data_package.engine.schema.checker import Batch
from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.reasons import reasons_of
from data_package.engine.schema.types import type_of


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows of a file.

    `batch` is what is judged. `rows` are the rows' numbers in the file. `wrong` marks those with a
    cell that is not of its type, or the wrong shape; None for none. `typed` makes the rows with
    the contract's fields, in their order and with their types; `delivered` makes them as text, as
    they are in the file, with their numbers first. `changed` tells whether a cell differs from the
    file's own.
    """

    batch: Batch
    rows: pl.Series
    wrong: pl.Series | None
    typed: Callable[[], pl.DataFrame]
    delivered: Callable[[], pl.DataFrame]
    changed: bool = True


def wrong_rows(batch: Batch) -> pl.Series | None:
    """Return which rows have a cell that is not of its type, or the wrong shape."""
    if not batch.bad and not batch.structure:
        return None
    wrong = pl.Series("wrong", [False]).new_from_index(0, batch.frame.height)
    for marks in batch.bad.values():
        wrong = wrong | marks
    for _, positions in batch.structure:
        wrong = wrong.scatter(positions.unique(), values=True)
    return wrong if wrong.any() else None


def table_dtype(field: Field) -> pl.DataType:
    """Return the type of a field's column in a table that is read from text."""
    return pl.String() if type_of(field).lexical else logical_dtype(field)


def table_columns(contract: Contract) -> pl.Schema:
    """Return the columns, with their types, of a table that is read from text by a contract."""
    fields = {each.name: table_dtype(each) for each in contract.fields}
    return pl.Schema({**fields, **dict.fromkeys(reasons_of(contract), pl.String())})


def nulls_of(field: Field, height: int) -> pl.Series:
    """Return the column of a field that a file does not have."""
    return pl.Series(field.name, [None], dtype=table_dtype(field)).new_from_index(0, height)
